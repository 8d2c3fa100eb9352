//! How warm the machine is: thermal zones, the processor's own sensors, and whether heat slows it.

mod sensors;
mod throttle;

use edgeorch_engines::contract::host::{Thermal, ThermalZone};

use super::pi::Firmware;
use super::{class, zones};
use crate::Root;
use crate::celsius;
use crate::findings::Findings;
use crate::root::shown;

/// The kernel's own limit is 12, drivers' a few more.
const MOST_TRIP_POINTS: usize = 32;

/// A zone by which Intel's laptops choose their thermal policy; its driver makes up the 20 °C that it shows.
const NO_SENSOR: &str = "INT3400 Thermal";

pub fn probe(root: &Root, firmware: &Firmware, findings: &mut Findings) -> Thermal {
    let mut found: Vec<(ThermalZone, String)> = zones::folders(root)
        .into_iter()
        .filter_map(|folder| Some((zone(root, &folder)?, shown(&folder))))
        .collect();
    let sensors = sensors::read(root);
    // The same sensor once more, whose trip points programs set for themselves.
    if sensors.iter().any(|(sensor, _)| sensor.name.starts_with("coretemp")) {
        found.retain(|(zone, _)| zone.name != "x86_pkg_temp");
    }
    found.extend(sensors);
    match root.list("sys/class/thermal") {
        // Android hides the folder from apps: that none was seen is then no fact.
        Err(error) if error.is_denied() && found.is_empty() => findings.unknown("thermal.zones", error),
        _ if root.exists("sys/class") => {
            findings.known("thermal.zones", "/sys/class/thermal and /sys/class/hwmon");
        }
        _ => findings.unknown("thermal.zones", "/sys is not there"),
    }
    for (i, (zone, source)) in found.iter().enumerate() {
        account(zone, &format!("thermal.zones[{i}]"), source, findings);
    }
    Thermal {
        zones: found.into_iter().map(|(zone, _)| zone).collect(),
        throttled_now: throttle::now(root, firmware, findings),
        throttle_counts: throttle::counts(root, firmware, findings),
    }
}

fn account(zone: &ThermalZone, field: &str, source: &str, findings: &mut Findings) {
    findings.known(field, source);
    if zone.celsius.is_none() {
        findings.unknown(format!("{field}.celsius"), "its sensor gives no temperature now");
    }
    if zone.slows_at_celsius.is_none() {
        findings.none(format!("{field}.slows_at_celsius"), format_args!("{source}: none is set"));
    }
    if zone.critical_celsius.is_none() {
        findings.none(format!("{field}.critical_celsius"), format_args!("{source}: none is set"));
    }
}

fn zone(root: &Root, folder: &str) -> Option<ThermalZone> {
    let name = zones::kind(root, folder).filter(|name| name != NO_SENSOR)?;
    let lowest = |wanted: &str| {
        let degrees = (0..MOST_TRIP_POINTS).filter_map(|number| {
            let kind = class::word(root, &format!("{folder}/trip_point_{number}_type"))?;
            let degrees = celsius::milli(&root.read(&format!("{folder}/trip_point_{number}_temp")).ok()?)?;
            // 0 and less is how drivers write a point that is not set.
            (kind == wanted && degrees > 0.0).then_some(degrees)
        });
        degrees.min_by(f64::total_cmp)
    };
    Some(ThermalZone {
        // Firmware without a sensor behind its zone says exactly 0.
        celsius: root
            .read(&format!("{folder}/temp"))
            .ok()
            .and_then(|text| celsius::milli(&text))
            .filter(|degrees| *degrees != 0.0),
        slows_at_celsius: lowest("passive"),
        critical_celsius: lowest("critical"),
        name,
    })
}

#[cfg(test)]
mod tests;
