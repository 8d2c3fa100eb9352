//! Sensors inside of processors, from `/sys/class/hwmon`: they are there where no thermal zone is.

use edgeorch_engines::contract::host::ThermalZone;

use crate::Root;
use crate::celsius;
use crate::linux::class;
use crate::root::shown;

/// Drivers of processors' sensors, and how the labels begin that speak for the whole: a core's own is left out.
const DRIVERS: [(&str, &[&str]); 3] = [
    ("coretemp", &["Package id ", "Physical id "]),
    ("k10temp", &["Tctl", "Tdie"]),
    ("zenpower", &["Tctl", "Tdie"]),
];

/// More than a machine has; a hostile tree may have any number.
const MOST_SENSORS: usize = 256;
const MOST_INPUTS: usize = 32;

/// Each sensor as a zone, with its folder.
pub fn read(root: &Root) -> Vec<(ThermalZone, String)> {
    let names = class::entries(root, "hwmon").unwrap_or_default();
    let folders = names.into_iter().take(MOST_SENSORS).map(|name| format!("sys/class/hwmon/{name}"));
    let mut found: Vec<(ThermalZone, String)> = folders.flat_map(|folder| inputs(root, &folder)).collect();
    found.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    found
}

fn inputs(root: &Root, folder: &str) -> Vec<(ThermalZone, String)> {
    let driver = class::word(root, &format!("{folder}/name")).unwrap_or_default();
    let Some((_, labels)) = DRIVERS.iter().find(|(name, _)| *name == driver) else { return Vec::new() };
    let degrees = |number: usize, what: &str| {
        let text = root.read(&format!("{folder}/temp{number}_{what}")).ok()?;
        celsius::milli(&text).filter(|degrees| *degrees > 0.0)
    };
    let input = |number: usize| {
        let label = class::word(root, &format!("{folder}/temp{number}_label"))?;
        labels.iter().any(|begin| label.starts_with(begin)).then_some(())?;
        let zone = ThermalZone {
            name: format!("{driver} {label}"),
            celsius: degrees(number, "input"),
            // What these drivers call critical is where the processor slows itself down (TjMax of Intel, HTC of AMD); where
            // it would shut down, it does not tell.
            slows_at_celsius: degrees(number, "crit"),
            critical_celsius: None,
        };
        Some((zone, shown(folder)))
    };
    (1..=MOST_INPUTS).filter_map(input).collect()
}
