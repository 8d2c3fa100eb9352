//! Supply, batteries and power modes of a Windows machine.

use edgeorch_engines::contract::host::{Battery, Power, PowerMode, PowerSupply};

use super::powershell::{Answer, FieldError, Row};
use super::scheme;
use crate::findings::Findings;
use crate::root::Root;

pub fn probe(root: &Root, answer: &Answer, findings: &mut Findings) -> Power {
    findings.unknown("power.rapl", "Windows shows the processor's power limits to drivers only");
    findings.none("power.under_voltage", "Windows machines have no such detector");
    let batteries = batteries(answer, findings);
    let supply = supply(answer, findings);
    let scheme = scheme::active(root, findings);
    let has_mode = scheme.as_ref().is_some_and(|scheme| scheme.identity == scheme::BALANCED);
    let overlay = if has_mode { overlay(answer, supply, findings) } else { None };
    let modes = scheme.map(|scheme| scheme.mode).into_iter().chain(overlay).collect();
    Power { supply, batteries, modes, rapl: Vec::new(), under_voltage: None }
}

/// The numbers of `Win32_Battery.BatteryStatus`. 2 says only that there is mains power, and 10 says nothing.
fn status(number: u64) -> Option<&'static str> {
    Some(match number {
        1 | 4 | 5 => "discharging",
        3 => "full",
        6..=9 => "charging",
        11 => "not charging",
        _ => return None,
    })
}

fn batteries(answer: &Answer, findings: &mut Findings) -> Vec<Battery> {
    const FIELD: &str = "power.batteries";
    let rows = match answer.rows("batteries") {
        Ok(rows) => rows,
        Err(error) => {
            findings.unknown(FIELD, error);
            return Vec::new();
        }
    };
    findings.known(FIELD, "Win32_Battery");
    let alone = rows.len() == 1;
    let battery = |(i, row): (usize, &Row<'_>)| {
        let field = |name: &str| format!("{FIELD}[{i}].{name}");
        let percent = row.small("EstimatedChargeRemaining").map(|percent| percent.min(100));
        let (health, cycles) = match alone {
            true => (health(answer), count(answer)),
            false => (Err(WearError::Several), Err(WearError::Several)),
        };
        let told = row.number("BatteryStatus").ok().and_then(status);
        if told.is_none() {
            findings.unknown(field("status"), "Windows says only whether there is mains power");
        }
        Battery {
            // The firmware's own names of batteries hold serial numbers.
            name: format!("battery {}", i + 1),
            percent: findings.take(&field("percent"), percent),
            status: told.map(str::to_owned),
            health_percent: findings.learn(
                &field("health_percent"),
                "BatteryFullChargedCapacity and BatteryStaticData",
                health,
            ),
            cycles: findings.learn(&field("cycles"), "BatteryCycleCount", cycles),
        }
    };
    rows.iter().enumerate().map(battery).collect()
}

#[derive(Debug, thiserror::Error)]
enum WearError {
    #[error("Windows does not tell which of several batteries its figures are of")]
    Several,
    #[error(transparent)]
    Class(#[from] super::powershell::ClassError),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("the battery tells no capacity")]
    NoCapacity,
    #[error("the battery does not count")]
    NoCount,
}

fn health(answer: &Answer) -> Result<u32, WearError> {
    let full = answer.row("full")?.number("FullChargedCapacity")?;
    let design = answer.row("design")?.number("DesignedCapacity")?;
    let percent = (u128::from(full) * 100).checked_div(u128::from(design)).filter(|_| full > 0);
    percent.and_then(|percent| u32::try_from(percent.min(100)).ok()).ok_or(WearError::NoCapacity)
}

/// Zero is what firmware gives that does not count.
fn count(answer: &Answer) -> Result<u32, WearError> {
    let count = answer.row("cycles")?.small("CycleCount")?;
    if count > 0 { Ok(count) } else { Err(WearError::NoCount) }
}

fn supply(answer: &Answer, findings: &mut Findings) -> Option<PowerSupply> {
    const FIELD: &str = "power.supply";
    if let Ok(rows) = answer.rows("supply")
        && let Some(online) = rows.iter().find_map(|row| row.flag("PowerOnline").ok())
    {
        findings.known(FIELD, "BatteryStatus.PowerOnline");
        return Some(if online { PowerSupply::Mains } else { PowerSupply::Battery });
    }
    let batteries = match answer.rows("batteries") {
        Ok(rows) => rows,
        Err(error) => {
            findings.unknown(FIELD, error);
            return None;
        }
    };
    let told = batteries.iter().find_map(|row| match row.number("BatteryStatus") {
        Ok(1 | 4 | 5) => Some(PowerSupply::Battery),
        Ok(2 | 6..=9) => Some(PowerSupply::Mains),
        _ => None,
    });
    match (told, batteries.is_empty()) {
        (Some(told), _) => {
            findings.known(FIELD, "Win32_Battery.BatteryStatus");
            Some(told)
        }
        (None, true) => {
            findings.known(FIELD, "Win32_Battery: there is none");
            Some(PowerSupply::Mains)
        }
        (None, false) => {
            findings.unknown(FIELD, "Windows tells of a battery and not whether it is in use");
            None
        }
    }
}

/// The power mode of the settings, which lies over the scheme and is another one on battery.
fn overlay(answer: &Answer, supply: Option<PowerSupply>, findings: &mut Findings) -> Option<PowerMode> {
    let schemes = answer.row("schemes").ok()?;
    let field = match supply? {
        PowerSupply::Mains => "ActiveOverlayAcPowerScheme",
        PowerSupply::Battery => "ActiveOverlayDcPowerScheme",
    };
    let identity = scheme::identity(schemes.text(field).ok()?)?;
    findings.known("power.modes", "powercfg /getactivescheme, registry (Control\\Power\\User\\PowerSchemes)");
    Some(scheme::mode("power_mode", &identity, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Node, Tree};

    fn power(json: &str) -> (Power, Findings) {
        below("381b4222-f694-41f0-9685-ff5bb260df2e", json)
    }

    fn below(scheme: &str, json: &str) -> (Power, Findings) {
        let mut tree = Tree::default();
        let text = format!("Power Scheme GUID: {scheme}  (x)\n");
        tree.put(".edgeorch/commands/powercfg", Node::File(text.into()));
        let mut findings = Findings::default();
        let power = probe(&Root::of(tree), &Answer::parse(json).unwrap(), &mut findings);
        (power, findings)
    }

    #[test]
    fn on_battery_the_battery_s_own_mode_counts() {
        let (power, _) = power(
            r#"{"batteries": {"DeviceID": "1", "BatteryStatus": 1, "EstimatedChargeRemaining": 63},
                "supply": {"PowerOnline": false}, "full": {"FullChargedCapacity": 41000},
                "design": {"DesignedCapacity": 50000}, "cycles": {"CycleCount": 0},
                "schemes": {"ActiveOverlayAcPowerScheme": "ded574b5-45a0-4f42-8737-46345c09c238",
                            "ActiveOverlayDcPowerScheme": "961cc777-2547-4f9d-8174-7d86181b8a7a"}}"#,
        );
        assert_eq!(power.supply, Some(PowerSupply::Battery));
        let battery = &power.batteries[0];
        assert_eq!((battery.percent, battery.health_percent, battery.cycles), (Some(63), Some(82), None));
        let modes: Vec<&str> = power.modes.iter().map(|mode| mode.value.as_str()).collect();
        assert_eq!(modes, ["balanced", "best power efficiency"]);
    }

    #[test]
    fn under_another_scheme_the_mode_has_no_effect() {
        let json = r#"{"batteries": null, "schemes": {"ActiveOverlayAcPowerScheme": "961cc777-2547-4f9d-8174-7d86181b8a7a"}}"#;
        let (power, _) = below("8c5e7fda-e8bf-4a96-9a85-a6e23a8c635c", json);
        assert_eq!(power.modes.len(), 1);
        assert_eq!(power.modes[0].saves_power, Some(false));
    }

    #[test]
    fn no_battery_means_mains_and_a_refusal_means_nothing() {
        let (desktop, _) = power(r#"{"batteries": null, "supply": {"failed": "Not supported"}}"#);
        assert_eq!(desktop.supply, Some(PowerSupply::Mains));
        let (refused, findings) = power(r#"{"batteries": {"failed": "Access denied"}}"#);
        assert_eq!(refused.supply, None);
        assert!(findings.unknown_fields().contains(&"power.supply"));
    }

    #[test]
    fn two_batteries_do_not_share_their_wear() {
        let (power, findings) = power(
            r#"{"batteries": [{"BatteryStatus": 2, "EstimatedChargeRemaining": 80},
                              {"BatteryStatus": 6, "EstimatedChargeRemaining": 250}],
                "full": [{"FullChargedCapacity": 1}, {"FullChargedCapacity": 2}], "design": null}"#,
        );
        assert_eq!(power.batteries[1].percent, Some(100));
        assert!(power.batteries.iter().all(|battery| battery.health_percent.is_none()));
        assert_eq!(power.supply, Some(PowerSupply::Mains));
        assert!(findings.unknown_fields().contains(&"power.batteries[0].status"));
    }
}
