//! One battery of the machine. Files as the kernel's `sysfs-class-power` documents them: energy in µWh or charge in µAh.

use edgeorch_engines::contract::host::Battery;

use crate::Root;
use crate::findings::Findings;
use crate::linux::class;

/// `folder` is its own, `field` its place in the host.
pub fn read(root: &Root, folder: &str, name: &str, field: &str, findings: &mut Findings) -> Battery {
    let number = |file: &str| class::number(root, &format!("{folder}/{file}"));
    let share = |part: &str, whole: &str| {
        ["energy", "charge"]
            .iter()
            .find_map(|unit| percent(number(&format!("{unit}_{part}"))?, number(&format!("{unit}_{whole}"))?))
    };
    let told = number("capacity").and_then(|percent| u32::try_from(percent).ok()).filter(|told| *told <= 100);
    let battery = Battery {
        name: name.to_owned(),
        percent: told.or_else(|| share("now", "full").filter(|percent| *percent <= 100)),
        status: class::word(root, &format!("{folder}/status"))
            .map(|status| status.to_lowercase())
            .filter(|status| status != "unknown"),
        health_percent: share("full", "full_design"),
        // The kernel's 0 means that the battery does not count.
        cycles: number("cycle_count").and_then(|count| u32::try_from(count).ok()).filter(|count| *count > 0),
    };
    let empty = [
        ("percent", battery.percent.is_none(), "the battery does not tell its charge"),
        ("status", battery.status.is_none(), "the battery does not tell whether it is charged or discharged"),
        (
            "health_percent",
            battery.health_percent.is_none(),
            "the battery does not tell what it held when new",
        ),
        ("cycles", battery.cycles.is_none(), "the battery does not count its cycles"),
    ];
    for (part, is_empty, reason) in empty {
        if is_empty {
            findings.unknown(format!("{field}.{part}"), reason);
        }
    }
    battery
}

/// A new battery may hold somewhat more than it was designed for; one that tells twice as much, tells nothing.
fn percent(part: u64, whole: u64) -> Option<u32> {
    let percent = (u128::from(part) * 100 + u128::from(whole) / 2).checked_div(u128::from(whole))?;
    u32::try_from(percent).ok().filter(|percent| *percent <= 150)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_and_nonsense_is_none() {
        assert_eq!(percent(45_070_000, 47_520_000), Some(95));
        assert_eq!(percent(61_400, 100_000), Some(61));
        assert_eq!(percent(103, 100), Some(103));
        assert_eq!(percent(1, 0), None);
        assert_eq!(percent(u64::MAX, 1), None);
    }
}
