//! Heat: macOS shows no temperatures without root, but it does tell whether heat presses on the machine.
//!
//! Intel Macs limit the clock in percent (`pmset -g therm`). On Apple's chips that report stays empty under any load; there
//! the pressure level is told, which any program may read (libkern/OSThermalNotification.h, the key that `powermetrics` reads
//! too). `notifyutil` prints 0 for keys that don't exist as well: virtual machines have none, so theirs is not believed.

use edgeorch_engines::contract::host::Thermal;

use super::pmset;
use super::sysctl::Sysctl;
use crate::findings::Findings;
use crate::root::{Command, RunError};
use edgeorch_engines::chain;

pub const PRESSURE: Command =
    Command::new("notifyutil-thermal", "notifyutil", &["-g", "com.apple.system.thermalpressurelevel"]);

const AS_ROOT: &str = "sudo powermetrics --samplers thermal";

pub fn probe(
    limits: Result<String, RunError>,
    pressure: Result<String, RunError>,
    guest: &Sysctl,
    findings: &mut Findings,
) -> Thermal {
    const NOW: &str = "thermal.throttled_now";
    findings.unknown_but("thermal.zones", "macOS shows no temperatures without root", AS_ROOT);
    findings.unknown("thermal.throttle_counts", "macOS does not count how often heat slowed it");
    let throttled_now = match (limited(limits), guest.is_guest()) {
        (Some(true), _) => {
            findings.known(NOW, "pmset -g therm: a limit below 100 percent");
            Some(true)
        }
        (_, Ok(false)) => match pressure.map_err(PressureError::from).and_then(|text| Pressure::parse(&text))
        {
            Ok(Pressure::Nominal) => {
                findings.known(NOW, "notifyutil: thermal pressure is nominal");
                Some(false)
            }
            Ok(Pressure::Moderate) => {
                let reason = "macOS tells moderate thermal pressure, which may or may not mean lower clocks";
                findings.unknown_but(NOW, reason, AS_ROOT);
                None
            }
            Ok(Pressure::Heavy) => {
                findings.known(NOW, "notifyutil: thermal pressure is heavy");
                Some(true)
            }
            Err(error) => {
                findings.unknown_but(NOW, chain(&error), AS_ROOT);
                None
            }
        },
        (_, Ok(true)) => {
            findings.unknown(NOW, "a virtual machine does not see its host's heat");
            None
        }
        (_, Err(error)) => {
            findings.unknown(NOW, error);
            None
        }
    };
    Thermal { throttled_now, ..Thermal::default() }
}

/// Whether heat holds the clock or the scheduler below 100 percent; none if the report is empty, as on Apple's chips.
fn limited(report: Result<String, RunError>) -> Option<bool> {
    let report = report.ok()?;
    let limits: Vec<u32> = ["CPU_Speed_Limit", "CPU_Scheduler_Limit"]
        .iter()
        .filter_map(|name| pmset::limit(&report, name))
        .collect();
    (!limits.is_empty()).then(|| limits.iter().any(|percent| *percent < 100))
}

/// Levels 0, 1 and those above.
#[derive(Debug, PartialEq, Eq)]
enum Pressure {
    Nominal,
    Moderate,
    Heavy,
}

impl Pressure {
    /// `com.apple.system.thermalpressurelevel 0`.
    fn parse(text: &str) -> Result<Pressure, PressureError> {
        let level = text.split_whitespace().nth(1).and_then(|level| level.parse().ok());
        match level.ok_or(PressureError::NoLevel)? {
            0u8 => Ok(Pressure::Nominal),
            1 => Ok(Pressure::Moderate),
            2..=4 => Ok(Pressure::Heavy),
            _ => Err(PressureError::NoLevel),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum PressureError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("notifyutil gives no level of thermal pressure that is known")]
    NoLevel,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(limits: &str, pressure: &str, guest: &str) -> (Option<bool>, Findings) {
        let mut findings = Findings::default();
        let guest = Sysctl::parse(Ok(format!("kern.hv_vmm_present: {guest}\n")));
        let thermal = probe(Ok(limits.to_owned()), Ok(pressure.to_owned()), &guest, &mut findings);
        (thermal.throttled_now, findings)
    }

    const QUIET: &str =
        "Note: No thermal warning level has been recorded\nNote: No CPU power status has been recorded\n";
    const KEY: &str = "com.apple.system.thermalpressurelevel";

    #[test]
    fn pressure_tells_where_limits_are_silent() {
        for (level, expected) in
            [("0", Some(false)), ("1", None), ("2", Some(true)), ("4", Some(true)), ("9", None)]
        {
            assert_eq!(told(QUIET, &format!("{KEY} {level}\n"), "0").0, expected, "{level}");
        }
        assert_eq!(told(QUIET, KEY, "0").0, None);
        assert_eq!(told(QUIET, "", "0").0, None);
    }

    #[test]
    fn a_limit_below_a_hundred_is_throttling_whatever_else_is_said() {
        assert_eq!(told("\tCPU_Speed_Limit \t= 62\n", &format!("{KEY} 0"), "0").0, Some(true));
        let free = "\tCPU_Scheduler_Limit \t= 100\n\tCPU_Speed_Limit \t= 100\n";
        assert_eq!(told(free, &format!("{KEY} 0"), "0").0, Some(false));
    }

    #[test]
    fn a_guest_s_zero_is_not_believed() {
        let (now, findings) = told(QUIET, &format!("{KEY} 0"), "1");
        assert_eq!(now, None);
        assert!(findings.unknown_fields().contains(&"thermal.throttled_now"));
    }
}
