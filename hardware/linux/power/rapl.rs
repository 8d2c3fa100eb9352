//! Running average power limits of Intel's and AMD's processors, from `/sys/class/powercap`.

use edgeorch_engines::contract::host::{PowerLimit, RaplDomain};

use crate::Root;
use crate::findings::{AS_ROOT, Findings};
use crate::linux::class;
use crate::root::shown;

/// More than eight sockets have; a hostile tree may have any number.
const MOST_DOMAINS: usize = 64;
/// Long, short, peak; the kernel knows no more.
const MOST_LIMITS: usize = 8;

pub fn probe(root: &Root, findings: &mut Findings) -> Vec<RaplDomain> {
    let names = match class::entries(root, "powercap") {
        Ok(names) => names,
        Err(error) => {
            findings.unknown("power.rapl", error);
            return Vec::new();
        }
    };
    // `intel-rapl` alone is what holds the domains; `intel-rapl:0` is one, `intel-rapl:0:1` a part of it. AMD's have the
    // same names.
    let mut domains: Vec<String> =
        names.into_iter().filter(|name| name.starts_with("intel-rapl") && name.contains(':')).collect();
    // Those of the processor's registers before those that firmware keeps besides (`intel-rapl-mmio:0`).
    domains.sort_by(|a, b| a.split(':').cmp(b.split(':')));
    domains.truncate(MOST_DOMAINS);
    findings.known("power.rapl", "/sys/class/powercap");
    let own = |entry: &str| class::word(root, &format!("sys/class/powercap/{entry}/name"));
    let shown_name = |entry: &str| {
        let name = own(entry)?;
        // Each socket has its own core and dram.
        let twice = domains.iter().filter(|other| own(other).as_ref() == Some(&name)).count() > 1;
        Some(match entry.split_once(':') {
            Some((kind, _)) if twice && kind != "intel-rapl" => format!("{name} ({kind})"),
            Some((kind, rest)) if twice && rest.contains(':') => {
                let parent = own(&format!("{kind}:{}", rest.split(':').next().unwrap_or_default()));
                format!("{} {name}", parent.unwrap_or_default()).trim().to_owned()
            }
            _ => name,
        })
    };
    let named: Vec<(String, &String)> =
        domains.iter().filter_map(|entry| Some((shown_name(entry)?, entry))).collect();
    named
        .into_iter()
        .enumerate()
        .map(|(i, (name, entry))| domain(root, name, entry, &format!("power.rapl[{i}]"), findings))
        .collect()
}

fn domain(root: &Root, name: String, entry: &str, field: &str, findings: &mut Findings) -> RaplDomain {
    let folder = format!("sys/class/powercap/{entry}");
    findings.known(field, shown(&folder));
    let enabled = class::word(root, &format!("{folder}/enabled")).map(|word| word != "0");
    let mut limits = Vec::new();
    for number in 0..MOST_LIMITS {
        let file = |name: &str| format!("{folder}/constraint_{number}_{name}");
        let Some(microwatts) = class::number(root, &file("power_limit_uw")) else { continue };
        let limit = PowerLimit {
            name: class::word(root, &file("name")).unwrap_or_else(|| format!("constraint_{number}")),
            watts: millionths(microwatts),
            window_seconds: class::number(root, &file("time_window_us")).map(millionths),
            enabled,
        };
        let here = format!("{field}.limits[{}]", limits.len());
        if limit.window_seconds.is_none() {
            findings.none(format!("{here}.window_seconds"), "this limit holds at every moment");
        }
        if enabled.is_none() {
            findings.unknown(format!("{here}.enabled"), "the kernel does not tell whether it is in force");
        }
        limits.push(limit);
    }
    let energy = root.read(&format!("{folder}/energy_uj"));
    let energy_readable = match energy {
        Ok(_) => Some(true),
        Err(error) if error.is_denied() => {
            findings.unknown_but(format!("{field}.energy_readable"), error, AS_ROOT);
            Some(false)
        }
        Err(error) => {
            findings.unknown(format!("{field}.energy_readable"), error);
            None
        }
    };
    RaplDomain { name, limits, energy_readable }
}

fn millionths(value: u64) -> f64 {
    value as f64 / 1e6
}
