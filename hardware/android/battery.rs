//! Supply and battery as Android's battery service tells them to those who may ask: adb's shell and root.

use edgeorch_engines::contract::host::{Battery, Power, PowerMode, PowerSupply};

use crate::findings::Findings;
use crate::root::{Command, Root};

const BATTERY: Command = Command::new("dumpsys-battery", "dumpsys", &["battery"]);
const LOW_POWER: Command = Command::new("settings-low-power", "settings", &["get", "global", "low_power"]);

/// `None` where the service does not answer: what the kernel tells is then all there is.
pub fn probe(root: &Root, findings: &mut Findings) -> Option<Power> {
    let told = root.run(&BATTERY).ok().and_then(|text| State::parse(&text))?;
    let modes = low_power(root, findings).into_iter().collect();
    findings.known("power.supply", "dumpsys battery");
    findings.known("power.batteries", "dumpsys battery");
    findings.none("power.rapl", "no such interface on Arm");
    findings.none("power.under_voltage", "phones have no such detector");
    let battery = told.present.then(|| battery(&told, findings));
    Some(Power {
        supply: Some(told.supply),
        batteries: battery.into_iter().collect(),
        modes,
        rapl: Vec::new(),
        under_voltage: None,
    })
}

fn battery(told: &State, findings: &mut Findings) -> Battery {
    let mut missing =
        |field: &str, reason: &str| findings.unknown(format!("power.batteries[0].{field}"), reason);
    if told.percent.is_none() {
        missing("percent", "dumpsys battery gives no level");
    }
    if told.status.is_none() {
        missing("status", "dumpsys battery gives no status that is known");
    }
    missing("health_percent", "Android judges the battery in words and not against its capacity when new");
    missing("cycles", "dumpsys battery gives none");
    Battery {
        name: "battery".to_owned(),
        percent: told.percent,
        status: told.status.map(str::to_owned),
        health_percent: None,
        cycles: None,
    }
}

/// Battery saver.
fn low_power(root: &Root, findings: &mut Findings) -> Option<PowerMode> {
    let text = findings.take("power.modes", root.run(&LOW_POWER))?;
    let saves = match text.trim() {
        "1" => true,
        // Never switched since the phone was set up.
        "0" | "null" => false,
        _ => {
            findings.unknown("power.modes", "the setting low_power is neither on nor off");
            return None;
        }
    };
    findings.known("power.modes", "settings get global low_power");
    let value = if saves { "on" } else { "off" };
    Some(PowerMode {
        interface: "low_power_mode".to_owned(),
        value: value.to_owned(),
        saves_power: Some(saves),
    })
}

#[derive(Debug, PartialEq)]
struct State {
    supply: PowerSupply,
    present: bool,
    percent: Option<u32>,
    status: Option<&'static str>,
}

impl State {
    /// `None` for what is no state, such as a refusal. Vendors print more lines after Android's own, with names that come
    /// again: the first counts.
    fn parse(text: &str) -> Option<State> {
        let value = |name: &str| {
            let lines = text.lines().filter_map(|line| line.split_once(':'));
            lines
                .map(|(key, value)| (key.trim(), value.trim()))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
        };
        let powered: Vec<bool> = ["AC powered", "USB powered", "Wireless powered", "Dock powered"]
            .into_iter()
            .filter_map(|name| value(name)?.parse().ok())
            .collect();
        if powered.is_empty() {
            return None;
        }
        let number = |name: &str| value(name)?.parse::<u32>().ok();
        let scale = number("scale").filter(|scale| *scale > 0).unwrap_or(100);
        let percent = number("level").filter(|level| *level <= scale);
        Some(State {
            supply: if powered.contains(&true) { PowerSupply::Mains } else { PowerSupply::Battery },
            present: value("present") != Some("false"),
            percent: percent.and_then(|level| u32::try_from(u64::from(level) * 100 / u64::from(scale)).ok()),
            status: number("status").and_then(status),
        })
    }
}

/// `BatteryManager.BATTERY_STATUS_*`; 1 is unknown.
fn status(number: u32) -> Option<&'static str> {
    Some(match number {
        2 => "charging",
        3 => "discharging",
        4 => "not charging",
        5 => "full",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn vendors_own_lines_do_not_count() {
        let text = "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n  status: 2\n  present: true\n  level: 84\n  scale: 100\n  BatteryInfoBackUp\n  level: 3\n  LED Charging: true\n";
        let state = State::parse(text).unwrap();
        assert_eq!(
            (state.supply, state.percent, state.status),
            (PowerSupply::Mains, Some(84), Some("charging"))
        );
    }

    #[test]
    fn a_refusal_is_no_state_and_odd_numbers_are_unknown() {
        assert_eq!(State::parse("Permission Denial: can't dump battery from pid=1, uid=10234\n"), None);
        let state =
            State::parse("AC powered: false\nlevel: 120\nscale: 0\nstatus: 1\npresent: false\n").unwrap();
        assert_eq!((state.percent, state.status, state.present), (None, None, false));
        let fine = State::parse("AC powered: true\nlevel: 4294967295\nscale: 4294967295\n").unwrap();
        assert_eq!(fine.percent, Some(100));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "((AC powered|level|scale|status): ?[a-z0-9]{0,12}\n)*|.*") {
            State::parse(&text);
        }
    }
}
