//! Supply, battery and power modes.

use edgeorch_engines::contract::host::{Battery, Power, PowerMode, PowerSupply};

use super::pmset::{self, Charge, PmsetError, Source};
use super::profiler::{Entry, ProfilerError};
use super::sysctl::Sysctl;
use crate::findings::Findings;
use crate::root::RunError;
use edgeorch_engines::chain;

pub fn probe(
    battery: Result<String, RunError>,
    settings: Result<String, RunError>,
    health: Result<Vec<Entry>, ProfilerError>,
    cpu: &Sysctl,
    findings: &mut Findings,
) -> Power {
    findings.none("power.under_voltage", "macOS: Macs have no such detector");
    match cpu.is_apple_chip() {
        Ok(true) => findings.none("power.rapl", "Apple's chips have none"),
        _ => findings.unknown_but(
            "power.rapl",
            "macOS does not publish it",
            "sudo powermetrics shows the power drawn",
        ),
    }
    let told = battery.map_err(SupplyError::from).and_then(|text| Ok(pmset::supply(&text)?));
    let supply = findings.take("power.supply", told.as_ref().map(|supply| supply.drawing_from));
    if supply.is_some() {
        findings.known("power.supply", "pmset -g batt");
    }
    let charges = findings.learn("power.batteries", "pmset -g batt", told.map(|supply| supply.batteries));
    Power {
        supply: supply.map(|source| match source {
            Source::Mains => PowerSupply::Mains,
            Source::Battery | Source::Ups => PowerSupply::Battery,
        }),
        batteries: batteries(charges.unwrap_or_default(), health, findings),
        modes: modes(settings, findings),
        ..Power::default()
    }
}

fn batteries(
    charges: Vec<Charge>,
    health: Result<Vec<Entry>, ProfilerError>,
    findings: &mut Findings,
) -> Vec<Battery> {
    let health = Health::of(health);
    let battery = |(i, charge): (usize, Charge)| {
        let field = |name: &str| format!("power.batteries[{i}].{name}");
        for (name, missing) in [("percent", charge.percent.is_none()), ("status", charge.status.is_none())] {
            if missing {
                findings.unknown(field(name), "pmset -g batt does not say");
            }
        }
        let health = if charge.name.starts_with("InternalBattery") { &health } else { &Health::OFF_BOARD };
        let known = [("health_percent", health.percent), ("cycles", health.cycles)];
        for (name, value) in known {
            match value {
                Some(_) => findings.known(field(name), "system_profiler SPPowerDataType"),
                None => findings.unknown(field(name), &health.reason),
            }
        }
        Battery {
            name: charge.name,
            percent: charge.percent,
            status: charge.status,
            health_percent: health.percent,
            cycles: health.cycles,
        }
    };
    charges.into_iter().enumerate().map(battery).collect()
}

/// Of the battery within the machine: no Mac has two.
struct Health {
    percent: Option<u32>,
    cycles: Option<u32>,
    /// Why what is missing is missing.
    reason: std::borrow::Cow<'static, str>,
}

impl Health {
    const OFF_BOARD: Health = Health {
        percent: None,
        cycles: None,
        reason: std::borrow::Cow::Borrowed("macOS tells it of its own battery only"),
    };

    fn of(report: Result<Vec<Entry>, ProfilerError>) -> Health {
        let entries = match report {
            Ok(entries) => entries,
            Err(error) => return Health { percent: None, cycles: None, reason: chain(&error).into() },
        };
        let info =
            entries.iter().find_map(|entry| entry.part("sppower_battery_health_info")).unwrap_or_default();
        // `84%`, and `100 %` with a no-break space in it on newer versions.
        let percent = info.text("sppower_battery_health_maximum_capacity");
        let percent = percent.and_then(|text| text.strip_suffix('%')?.trim().parse().ok());
        Health {
            percent: percent.filter(|percent| (1..=100).contains(percent)),
            cycles: info.number("sppower_battery_cycle_count"),
            reason: "system_profiler SPPowerDataType does not say".into(),
        }
    }
}

/// Settings of which a Mac has those that its hardware knows: `lowpowermode` up to macOS 14, `powermode` on newer ones,
/// with three values (pmset(1)).
fn modes(settings: Result<String, RunError>, findings: &mut Findings) -> Vec<PowerMode> {
    const FIELD: &str = "power.modes";
    let Some(text) = findings.learn(FIELD, "pmset -g", settings) else { return Vec::new() };
    let switch = |key: &str, interface: &str, saves_power: bool| {
        let (value, saves_power) = match pmset::setting(&text, key)? {
            "0" => ("off", Some(false)),
            "1" => ("on", Some(saves_power)),
            other => (other, None),
        };
        Some(PowerMode { interface: interface.to_owned(), value: value.to_owned(), saves_power })
    };
    let dial = || {
        let (value, saves_power) = match pmset::setting(&text, "powermode")? {
            "0" => ("automatic", Some(false)),
            "1" => ("low power", Some(true)),
            "2" => ("high power", Some(false)),
            other => (other, None),
        };
        Some(PowerMode { interface: "power_mode".to_owned(), value: value.to_owned(), saves_power })
    };
    let low = switch("lowpowermode", "low_power_mode", true);
    let modes: Vec<PowerMode> =
        [low, switch("highpowermode", "high_power_mode", false), dial()].into_iter().flatten().collect();
    for (i, mode) in modes.iter().enumerate().filter(|(_, mode)| mode.saves_power.is_none()) {
        findings.unknown(
            format!("{FIELD}[{i}].saves_power"),
            format_args!("the value {} of {} is not known", mode.value, mode.interface),
        );
    }
    modes
}

#[derive(Debug, thiserror::Error)]
enum SupplyError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Parse(#[from] PmsetError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macos::profiler::fixture;

    fn ok(text: &str) -> Result<String, RunError> {
        Ok(text.to_owned())
    }

    fn told(battery: &str, settings: &str, health: &str) -> (Power, Findings) {
        let mut findings = Findings::default();
        let cpu = Sysctl::parse(ok("hw.cputype: 16777228\n"));
        let power = probe(ok(battery), ok(settings), Ok(vec![fixture(health)]), &cpu, &mut findings);
        (power, findings)
    }

    #[test]
    fn a_laptop_on_battery_in_low_power_mode_is_told_as_one() {
        let battery = "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t64%; discharging; 3:15 remaining present: true\n";
        let health = r#"{"sppower_battery_health_info": {"sppower_battery_cycle_count": 88,
            "sppower_battery_health_maximum_capacity": "83\u00a0%"}}"#;
        let (power, findings) = told(battery, "Currently in use:\n lowpowermode         1\n", health);
        assert_eq!(power.supply, Some(PowerSupply::Battery));
        assert_eq!((power.batteries[0].health_percent, power.batteries[0].cycles), (Some(83), Some(88)));
        assert_eq!(power.modes[0].saves_power, Some(true));
        assert_eq!(findings.unknown_fields(), Vec::<&str>::new());
    }

    #[test]
    fn the_newer_dial_has_three_values_and_others_are_not_judged() {
        let modes = |settings: &str| told("Now drawing from 'AC Power'\n", settings, "{}").0.modes;
        assert_eq!(modes(" powermode 2\n")[0].saves_power, Some(false));
        assert_eq!(modes(" powermode 1\n")[0].value, "low power");
        assert_eq!(modes(" powermode 7\n")[0].saves_power, None);
        assert_eq!(modes(" sleep 1\n"), []);
    }

    #[test]
    fn a_battery_whose_health_is_no_number_keeps_its_charge() {
        let battery = "Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t100%; charged; 0:00 remaining present: true\n";
        let health = r#"{"sppower_battery_health_info": {"sppower_battery_cycle_count": "Unknown",
            "sppower_battery_health_maximum_capacity": "Normal"}}"#;
        let (power, findings) = told(battery, "", health);
        assert_eq!((power.batteries[0].percent, power.batteries[0].cycles), (Some(100), None));
        assert_eq!(
            findings.unknown_fields(),
            ["power.batteries[0].health_percent", "power.batteries[0].cycles"]
        );
    }

    #[test]
    fn without_pmset_nothing_is_claimed() {
        let mut findings = Findings::default();
        let gone = || Err(RunError::NotFound { program: "pmset".into() });
        let power = probe(gone(), gone(), Ok(vec![]), &Sysctl::default(), &mut findings);
        assert_eq!(power, Power::default());
        assert_eq!(
            findings.unknown_fields(),
            ["power.rapl", "power.supply", "power.batteries", "power.modes"]
        );
    }
}
