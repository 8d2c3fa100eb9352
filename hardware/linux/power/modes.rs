//! Settings that trade speed for power. What their words mean is data: `modes.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use edgeorch_engines::contract::host::PowerMode;
use serde::Deserialize;

use super::nvpmodel;
use crate::Root;
use crate::findings::Findings;
use crate::linux::class;
use crate::root::shown;

const CPU: &str = "sys/devices/system/cpu";

/// One setting for the whole machine: interface and file.
const SINGLE: [(&str, &str); 4] = [
    ("platform_profile", "sys/firmware/acpi/platform_profile"),
    ("no_turbo", "sys/devices/system/cpu/intel_pstate/no_turbo"),
    ("boost", "sys/devices/system/cpu/cpufreq/boost"),
    ("amd_pstate", "sys/devices/system/cpu/amd_pstate/status"),
];

/// Settings of each clock domain.
const PER_POLICY: [&str; 2] = ["energy_performance_preference", "scaling_governor"];

/// As many as there may be hardware threads.
const MOST_POLICIES: usize = 8192;

/// A test proves that the file is well-formed.
static WORDS: LazyLock<Vec<Words>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("modes.yaml")).unwrap_or_default());

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    interface: String,
    /// The cpufreq drivers under which the words mean this; empty: under any.
    #[serde(default)]
    drivers: Vec<String>,
    words: BTreeMap<String, bool>,
}

pub fn probe(root: &Root, findings: &mut Findings) -> Vec<PowerMode> {
    let mut modes: Vec<(PowerMode, String)> = Vec::new();
    for (interface, path) in SINGLE {
        if let Some(value) = class::word(root, path) {
            let saves_power = saves_power(interface, "", &value);
            modes.push((PowerMode { interface: interface.to_owned(), value, saves_power }, shown(path)));
        }
    }
    let policies = policies(root);
    modes.extend(PER_POLICY.into_iter().filter_map(|interface| per_policy(root, &policies, interface)));
    modes.extend(nvpmodel::probe(root));
    if modes.is_empty() && !root.exists("sys/class") {
        findings.unknown("power.modes", "/sys is not there");
        return Vec::new();
    }
    findings.known("power.modes", "/sys/firmware/acpi, /sys/devices/system/cpu and nvpmodel");
    for (i, (mode, source)) in modes.iter().enumerate() {
        findings.known(format!("power.modes[{i}]"), source);
        if mode.saves_power.is_none() {
            let reason = "edgeorch does not know what this setting does to the speed";
            findings.unknown(format!("power.modes[{i}].saves_power"), reason);
        }
    }
    modes.into_iter().map(|(mode, _)| mode).collect()
}

fn saves_power(interface: &str, driver: &str, value: &str) -> Option<bool> {
    let fits = |words: &&Words| {
        words.interface == interface
            && (words.drivers.is_empty() || words.drivers.iter().any(|d| d == driver))
    };
    WORDS.iter().find(fits)?.words.get(value).copied()
}

/// Folders of the clock domains; before Linux 4.3 each thread had one of its own.
fn policies(root: &Root) -> Vec<String> {
    let numbered = |folder: &str, prefix: &str, rest: &str| -> Vec<String> {
        let names = root.list(folder).unwrap_or_default();
        let is_one =
            |name: &String| name.strip_prefix(prefix).is_some_and(|number| number.parse::<u32>().is_ok());
        names
            .into_iter()
            .filter(is_one)
            .take(MOST_POLICIES)
            .map(|name| format!("{folder}/{name}{rest}"))
            .collect()
    };
    let policies = numbered(&format!("{CPU}/cpufreq"), "policy", "");
    if policies.is_empty() { numbered(CPU, "cpu", "/cpufreq") } else { policies }
}

/// One word if all domains have the same, else all words that occur.
fn per_policy(root: &Root, policies: &[String], interface: &str) -> Option<(PowerMode, String)> {
    let mut values = BTreeSet::new();
    let mut meanings = BTreeSet::new();
    for policy in policies {
        let Some(value) = class::word(root, &format!("{policy}/{interface}")) else { continue };
        let driver = class::word(root, &format!("{policy}/scaling_driver")).unwrap_or_default();
        meanings.insert(saves_power(interface, &driver, &value));
        values.insert(value);
    }
    let value = values.into_iter().collect::<Vec<_>>().join(", ");
    let saves_power = meanings.pop_first().flatten().filter(|_| meanings.is_empty());
    let source = format!("{}/*/{interface}", shown(policies.first()?.rsplit_once('/')?.0));
    let mode = PowerMode { interface: interface.to_owned(), value, saves_power };
    (!mode.value.is_empty()).then_some((mode, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Node, Tree};

    fn modes(files: &[(&str, &str)]) -> Vec<(String, String, Option<bool>)> {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.put(path, Node::File((*text).into()));
        }
        let modes = probe(&Root::of(tree), &mut Findings::default());
        modes.into_iter().map(|mode| (mode.interface, mode.value, mode.saves_power)).collect()
    }

    #[test]
    fn the_table_is_well_formed() {
        let words: Vec<Words> = serde_saphyr::from_str(include_str!("modes.yaml")).unwrap();
        for (interface, _) in SINGLE {
            assert!(words.iter().any(|row| row.interface == interface), "{interface}");
        }
        assert_eq!(saves_power("platform_profile", "", "low-power"), Some(true));
        assert_eq!(saves_power("platform_profile", "", "custom"), None);
    }

    #[test]
    fn powersave_is_slow_only_where_software_chooses_the_clock() {
        let governor = |driver: &str| {
            modes(&[
                ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "powersave\n"),
                ("sys/devices/system/cpu/cpufreq/policy0/scaling_driver", driver),
            ])[0]
                .2
        };
        assert_eq!(governor("intel_pstate\n"), Some(false));
        assert_eq!(governor("amd-pstate-epp\n"), Some(false));
        assert_eq!(governor("acpi-cpufreq\n"), Some(true));
        assert_eq!(governor(""), Some(true));
    }

    #[test]
    fn clock_domains_that_differ_are_all_told() {
        let found = modes(&[
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "schedutil\n"),
            ("sys/devices/system/cpu/cpu4/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpuidle/cpufreq/scaling_governor", "x\n"),
        ]);
        assert_eq!(found, [("scaling_governor".to_owned(), "powersave, schedutil".to_owned(), None)]);
    }

    #[test]
    fn words_that_no_terminal_should_see_are_left_out() {
        assert_eq!(modes(&[("sys/firmware/acpi/platform_profile", "\u{1b}[2J\n")]), []);
    }
}
