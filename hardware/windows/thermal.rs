//! Temperatures of a Windows machine: the firmware's zones, which the performance counters show to everyone. Where the
//! zones slow and end things is told to administrators only.

use edgeorch_engines::contract::host::{Thermal, ThermalZone};

use super::powershell::{Answer, Row};
use crate::findings::{Findings, printable};

const ZONES: &str = "Win32_PerfFormattedData_Counters_ThermalZoneInformation";
const TRIPS: &str = "MSAcpi_ThermalZoneTemperature";
const AS_ADMINISTRATOR: &str = "run the audit as administrator";

pub fn probe(answer: &Answer, findings: &mut Findings) -> Thermal {
    findings.unknown("thermal.throttle_counts", "Windows keeps no such counters");
    let rows = match answer.rows("zones") {
        Ok(rows) => rows,
        Err(error) => {
            for field in ["thermal.zones", "thermal.throttled_now"] {
                findings.unknown(field, &error);
            }
            return Thermal::default();
        }
    };
    findings.known("thermal.zones", ZONES);
    let zones = rows.iter().enumerate().map(|(i, row)| zone(i, row, answer, findings)).collect();
    Thermal { zones, throttled_now: throttled(&rows, findings), throttle_counts: Vec::new() }
}

fn zone(i: usize, row: &Row<'_>, answer: &Answer, findings: &mut Findings) -> ThermalZone {
    let field = |name: &str| format!("thermal.zones[{i}].{name}");
    let name =
        row.text("Name").ok().and_then(|name| printable(name).ok()).unwrap_or_else(|| format!("zone {i}"));
    let celsius = now(row);
    if celsius.is_none() {
        findings.unknown(field("celsius"), "the zone gives no temperature");
    }
    let trips = trips(&name, answer);
    let mut trip = |which: &str, kelvins: &'static str| {
        let value = trips.and_then(|row| row.number(kelvins).ok()).and_then(from_tenths);
        match value {
            Some(_) => findings.known(field(which), format_args!("{TRIPS}.{kelvins}")),
            None => findings.unknown_but(
                field(which),
                "Windows tells it to administrators only",
                AS_ADMINISTRATOR,
            ),
        }
        value
    };
    ThermalZone {
        slows_at_celsius: trip("slows_at_celsius", "PassiveTripPoint"),
        critical_celsius: trip("critical_celsius", "CriticalTripPoint"),
        name,
        celsius,
    }
}

/// `\_TZ.THRM` here is `ACPI\ThermalZone\THRM_0` there.
fn trips<'a>(zone: &str, answer: &'a Answer) -> Option<Row<'a>> {
    let short = zone.rsplit(['.', '\\']).next()?;
    let is = |row: &Row<'_>| {
        let instance = row.text("InstanceName").ok().and_then(|name| name.rsplit('\\').next());
        instance
            .and_then(|name| name.rsplit_once('_'))
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case(short))
    };
    answer.rows("trips").ok()?.into_iter().find(is)
}

/// Whole kelvins, or tenths of them. Counters that nothing fills are zero.
fn now(row: &Row<'_>) -> Option<f64> {
    let tenths = row.number("HighPrecisionTemperature").ok().filter(|tenths| *tenths > 0);
    from_tenths(tenths.or_else(|| row.number("Temperature").ok()?.checked_mul(10))?)
}

/// Tenths of a kelvin; outside of what a machine can live in it is no temperature.
fn from_tenths(tenths: u64) -> Option<f64> {
    let tenths = i32::try_from(tenths).ok()? - 2731;
    (-500..=2000).contains(&tenths).then_some(f64::from(tenths) / 10.0)
}

/// Passive cooling lets the processor run at this many percent.
fn throttled(rows: &[Row<'_>], findings: &mut Findings) -> Option<bool> {
    let limits: Vec<u64> = rows.iter().filter_map(|row| row.number("PercentPassiveLimit").ok()).collect();
    if limits.is_empty() {
        findings.unknown("thermal.throttled_now", "the zones give no passive limit");
        return None;
    }
    findings.known("thermal.throttled_now", format_args!("{ZONES}.PercentPassiveLimit"));
    Some(limits.iter().any(|limit| *limit < 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thermal(json: &str) -> (Thermal, Findings) {
        let mut findings = Findings::default();
        let thermal = probe(&Answer::parse(json).unwrap(), &mut findings);
        (thermal, findings)
    }

    #[test]
    fn kelvins_become_degrees_and_a_passive_limit_is_throttling() {
        let (thermal, _) = thermal(
            r#"{"zones": [{"Name": "\\_TZ.THRM", "Temperature": 371, "HighPrecisionTemperature": 3712, "PercentPassiveLimit": 80},
                          {"Name": "\\_TZ.CHG0", "Temperature": 0, "HighPrecisionTemperature": 0, "PercentPassiveLimit": 100}],
                "trips": {"InstanceName": "ACPI\\ThermalZone\\THRM_0", "PassiveTripPoint": 3682, "CriticalTripPoint": 3782}}"#,
        );
        assert_eq!(thermal.zones[0].celsius, Some(98.1));
        assert_eq!(thermal.zones[0].slows_at_celsius, Some(95.1));
        assert_eq!(thermal.zones[0].critical_celsius, Some(105.1));
        assert_eq!((thermal.zones[1].celsius, thermal.zones[1].critical_celsius), (None, None));
        assert_eq!(thermal.throttled_now, Some(true));
    }

    #[test]
    fn without_zones_nothing_is_said_of_throttling() {
        let (thermal, findings) = thermal(r#"{"zones": null}"#);
        assert_eq!(thermal.throttled_now, None);
        assert!(findings.unknown_fields().contains(&"thermal.throttled_now"));
        assert_eq!(from_tenths(u64::MAX), None);
    }
}
