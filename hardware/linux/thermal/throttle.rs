//! Whether heat slows the processor, now and since boot.
//!
//! Now: a Raspberry Pi's firmware knows. Elsewhere the kernel's own brake tells, where it has one on the processor's clock
//! (a cooling device named after cpufreq, as on Arm); processors that brake themselves, as Intel's and AMD's, only count.

use std::collections::BTreeMap;

use edgeorch_engines::contract::host::ThrottleCount;

use crate::Root;
use crate::findings::Findings;
use crate::linux::class;
use crate::linux::pi::Firmware;

const CPU: &str = "sys/devices/system/cpu";
const NOW: &str = "thermal.throttled_now";
const COUNTS: &str = "thermal.throttle_counts";

/// As many as Linux can have.
const MOST_CPUS: usize = 8192;
/// One for each thread, and a few.
const MOST_COOLERS: usize = 8192;

pub fn now(root: &Root, firmware: &Firmware, findings: &mut Findings) -> Option<bool> {
    if let Firmware::Told { throttled, source } = firmware {
        match throttled.heat_now() {
            Some(_) => findings.known(NOW, source),
            None => findings.unknown(
                NOW,
                "it is slowed down now, and the firmware does not tell whether heat or low voltage does it",
            ),
        }
        return throttled.heat_now();
    }
    let names = class::entries(root, "thermal").unwrap_or_default();
    let coolers = names.into_iter().filter(|name| name.starts_with("cooling_device")).take(MOST_COOLERS);
    let states: Vec<u64> = coolers
        .map(|name| format!("sys/class/thermal/{name}"))
        .filter(|folder| {
            class::word(root, &format!("{folder}/type")).is_some_and(|kind| is_clock_brake(&kind))
        })
        .filter_map(|folder| class::number(root, &format!("{folder}/cur_state")))
        .collect();
    if states.is_empty() {
        findings.unknown(
            NOW,
            "nothing here tells it: the kernel has no brake of its own on this processor's clock",
        );
        return None;
    }
    findings.known(NOW, "/sys/class/thermal/cooling_device*/cur_state of the processor's clock");
    Some(states.iter().any(|state| *state > 0))
}

/// `cpufreq-cpu0` since Linux 5.19, `thermal-cpufreq-0` before: only heat moves these.
fn is_clock_brake(kind: &str) -> bool {
    kind.starts_with("cpufreq-") || kind.starts_with("thermal-cpufreq-")
}

pub fn counts(root: &Root, firmware: &Firmware, findings: &mut Findings) -> Vec<ThrottleCount> {
    if let Firmware::Told { throttled, source } = firmware {
        return match throttled.heat_since_boot() {
            Some(false) => {
                findings.known(COUNTS, source);
                vec![ThrottleCount { name: "soc".to_owned(), count: 0 }]
            }
            Some(true) => {
                findings.unknown(
                    COUNTS,
                    "heat has slowed it since it was started; the firmware does not count how often",
                );
                Vec::new()
            }
            None => {
                findings.unknown(COUNTS, "it was slowed since it was started, by low voltage or heat: the firmware does not tell which");
                Vec::new()
            }
        };
    }
    let threads = threads(root);
    if threads.is_empty() {
        findings.unknown(COUNTS, "nothing here counts it, as Intel's processors do");
        return Vec::new();
    }
    findings.known(COUNTS, "/sys/devices/system/cpu/cpu*/thermal_throttle: sums of cores and of packages");
    let mut counts = vec![("core", sum(&threads, |thread| (thread.core, thread.core_count)))];
    counts.push(("package", sum(&threads, |thread| ((thread.core.0, 0), thread.package_count))));
    let told = counts
        .into_iter()
        .filter_map(|(name, count)| Some(ThrottleCount { name: name.to_owned(), count: count? }));
    told.collect()
}

struct Thread {
    /// Package and core.
    core: (u64, u64),
    core_count: Option<u64>,
    package_count: Option<u64>,
}

fn threads(root: &Root) -> Vec<Thread> {
    let names = root.list(CPU).unwrap_or_default();
    let cpus = names.into_iter().filter_map(|name| name.strip_prefix("cpu")?.parse::<u32>().ok());
    let thread = |cpu: u32| {
        let number = |file: &str| class::number(root, &format!("{CPU}/cpu{cpu}/{file}"));
        let (core_count, package_count) = (
            number("thermal_throttle/core_throttle_count"),
            number("thermal_throttle/package_throttle_count"),
        );
        let package = number("topology/physical_package_id").unwrap_or(0);
        let core = number("topology/core_id").unwrap_or(u64::from(cpu));
        (core_count.is_some() || package_count.is_some()).then_some(Thread {
            core: (package, core),
            core_count,
            package_count,
        })
    };
    cpus.take(MOST_CPUS).filter_map(thread).collect()
}

/// Each thread has counted what befell its core or package: the highest of its threads is the part's own count.
fn sum(threads: &[Thread], part: impl Fn(&Thread) -> ((u64, u64), Option<u64>)) -> Option<u64> {
    let mut highest: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for (part, count) in threads.iter().map(part).filter_map(|(part, count)| Some((part, count?))) {
        let known = highest.entry(part).or_default();
        *known = count.max(*known);
    }
    (!highest.is_empty()).then(|| highest.values().fold(0u64, |sum, count| sum.saturating_add(*count)))
}
