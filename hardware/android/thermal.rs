//! Temperatures as Android's thermal service tells them to those who may ask: adb's shell and root.

use edgeorch_engines::contract::host::{Thermal, ThermalZone};

use crate::findings::{Findings, printable};
use crate::root::{Command, Root};

const THERMAL: Command = Command::new("dumpsys-thermalservice", "dumpsys", &["thermalservice"]);
const SOURCE: &str = "dumpsys thermalservice";

/// More than any phone has.
const MOST_ZONES: usize = 256;

/// `None` where the service does not answer: what the kernel tells is then all there is.
pub fn probe(root: &Root, findings: &mut Findings) -> Option<Thermal> {
    let state = root.run(&THERMAL).ok().and_then(|text| State::parse(&text))?;
    findings.known("thermal.throttled_now", format_args!("{SOURCE}: status {}", state.status));
    findings.known("thermal.zones", SOURCE);
    findings.unknown("thermal.throttle_counts", "Android counts none");
    for (i, zone) in state.zones.iter().enumerate() {
        let mut field = |name: &str, value: Option<f64>, reason: &str| {
            if value.is_none() {
                findings.unknown(format!("thermal.zones[{i}].{name}"), reason);
            }
        };
        field("celsius", zone.celsius, "the sensor gives no value");
        field("slows_at_celsius", zone.slows_at_celsius, "no threshold is told for this sensor");
        field("critical_celsius", zone.critical_celsius, "no threshold is told for this sensor");
    }
    Some(Thermal { zones: state.zones, throttled_now: Some(state.status > 0), throttle_counts: Vec::new() })
}

#[derive(Debug, PartialEq)]
struct State {
    /// `PowerManager.THERMAL_STATUS_*`: 0 is none, 6 is shutting down.
    status: u32,
    zones: Vec<ThermalZone>,
}

impl State {
    /// What the sensors say now; the cached values above them may be hours old.
    fn parse(text: &str) -> Option<State> {
        let status =
            text.lines().find_map(|line| line.trim().strip_prefix("Thermal Status:"))?.trim().parse().ok()?;
        let after = |title: &'static str| {
            let lines = text.lines().skip_while(move |line| line.trim() != title).skip(1);
            lines.map(str::trim).take_while(|line| !line.ends_with(':'))
        };
        let thresholds: Vec<(&str, Limits)> = after("Temperature static thresholds from HAL:")
            .filter_map(|line| Some((value(line, "mName=")?, limits(line)?)))
            .take(MOST_ZONES)
            .collect();
        let zone = |line: &str| {
            let name = value(line, "mName=")?;
            let limits = thresholds.iter().find(|(zone, _)| *zone == name).map(|(_, limits)| *limits);
            let limits = limits.unwrap_or_default();
            Some(ThermalZone {
                name: printable(name).ok()?,
                celsius: value(line, "mValue=").and_then(degrees),
                slows_at_celsius: limits.slows,
                critical_celsius: limits.ends,
            })
        };
        let zones = after("Current temperatures from HAL:").filter_map(zone).take(MOST_ZONES).collect();
        Some(State { status, zones })
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Limits {
    slows: Option<f64>,
    ends: Option<f64>,
}

/// Thresholds by status; the first says nothing, the last is that of shutting down.
fn limits(line: &str) -> Option<Limits> {
    let (_, list) = line.split_once("mHotThrottlingThresholds=[")?;
    let all: Vec<Option<f64>> = list.split_once(']')?.0.split(',').map(|text| degrees(text.trim())).collect();
    match all.as_slice() {
        [_, slowing @ .., ends] => {
            Some(Limits { slows: slowing.iter().flatten().next().copied(), ends: *ends })
        }
        _ => None,
    }
}

/// The value after `key`, up to the next comma or brace.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let rest = line.split_once(key)?.1;
    Some(rest.split([',', '}']).next().unwrap_or_default().trim())
}

/// To a tenth. Sensors that do not measure give NaN or a temperature that no phone has.
fn degrees(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    (value.is_finite() && value > -50.0 && value < 200.0).then_some((value * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "Thermal Status: 2\nCached temperatures:\n\tTemperature{mValue=99.0, mType=3, mName=skin, mStatus=0}\nHAL Ready: true\nCurrent temperatures from HAL:\n\tTemperature{mValue=41.26, mType=3, mName=skin, mStatus=2}\n\tTemperature{mValue=NaN, mType=0, mName=CPU0, mStatus=0}\n\tTemperature{mValue=-99.9, mType=6, mName=PA, mStatus=0}\n\tTemperature{broken\nCurrent cooling devices from HAL:\n\tCoolingDevice{mValue=0, mType=2, mName=cpu}\nTemperature static thresholds from HAL:\n\tTemperatureThreshold{mType=3, mName=skin, mHotThrottlingThresholds=[NaN, NaN, 41.0, 43.0, 45.0, 47.0, 55.0], mColdThrottlingThresholds=[NaN]}\n";

    #[test]
    fn sensors_count_and_not_what_was_cached() {
        let state = State::parse(TEXT).unwrap();
        assert_eq!((state.status, state.zones.len()), (2, 3));
        let skin = &state.zones[0];
        assert_eq!(
            (skin.celsius, skin.slows_at_celsius, skin.critical_celsius),
            (Some(41.3), Some(41.0), Some(55.0))
        );
        assert_eq!((state.zones[1].celsius, state.zones[2].celsius), (None, None));
    }

    #[test]
    fn a_refusal_is_no_state() {
        for text in
            ["Permission Denial: can't dump thermalservice", "", "Thermal Status: \n", "Thermal Status: -1"]
        {
            assert_eq!(State::parse(text), None, "{text}");
        }
        assert_eq!(limits("mHotThrottlingThresholds=[]"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "Thermal Status: [0-9]{1,3}\n(Current temperatures from HAL:\n)?((Temperature\\{|mName=|mValue=|[0-9a-z.,\\}]|mHotThrottlingThresholds=\\[)*\n){0,4}|.*") {
            State::parse(&text);
            limits(&text);
        }
    }
}
