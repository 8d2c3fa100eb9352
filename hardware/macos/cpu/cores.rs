//! How many cores, and of which kinds.
//!
//! Apple's chips have performance levels, `hw.perflevel0` the fastest, with the names that Apple gives them: `Performance`
//! and `Efficiency` up to the M4; `Super` and `Performance` in the M5 Pro and Max; all three in the M6.
//!
//! `system_profiler` tells the same as text, in grammars that differ by version: `proc 8:4:4` (all, performance,
//! efficiency), `proc 18:6:0:12` (macOS 26, M5 Max), `proc 12:0:8:4` (macOS 27, M2 Pro), `6` (a virtual machine). The places
//! of the four-field form were seen to differ between versions, so only its sum and its counts are used, and those only
//! where the kernel does not answer.

use edgeorch_engines::contract::host::{CoreClass, CoreKind};

use crate::findings::Findings;
use crate::macos::profiler::Entry;
use crate::macos::sysctl::Sysctl;

const PROCESSORS: &str = "number_processors";
const FROM_PROFILER: &str = "system_profiler SPHardwareDataType number_processors";
/// More than any chip has; a hostile kernel must not make the list long.
const MOST_LEVELS: u32 = 8;

pub fn physical(sysctl: &Sysctl, hardware: Option<&Entry>, findings: &mut Findings) -> Option<u32> {
    const FIELD: &str = "cpu.physical_cores";
    match (sysctl.count("hw.physicalcpu"), told(hardware)) {
        (Err(_), Some(processors)) => {
            findings.known(FIELD, FROM_PROFILER);
            Some(processors.all)
        }
        (count, _) => findings.learn(FIELD, "sysctl hw.physicalcpu", count),
    }
}

/// macOS binds no process to some of the cores, so all that are awake count.
pub fn usable(sysctl: &Sysctl, hardware: Option<&Entry>, findings: &mut Findings) -> u32 {
    const FIELD: &str = "cpu.usable_cores";
    let active = sysctl.count("hw.activecpu").or_else(|_| sysctl.count("hw.logicalcpu"));
    match (active, told(hardware)) {
        (Ok(count), _) => {
            findings.known(FIELD, "sysctl hw.activecpu: macOS has no affinity and no quota");
            count
        }
        (Err(_), Some(processors)) => {
            findings.known(FIELD, FROM_PROFILER);
            processors.all
        }
        (Err(error), None) => {
            findings.unknown(FIELD, format_args!("{error}: 1 is given, a lower bound"));
            1
        }
    }
}

pub fn kinds(sysctl: &Sysctl, hardware: Option<&Entry>, findings: &mut Findings) -> Vec<CoreKind> {
    const FIELD: &str = "cpu.core_kinds";
    let levels = levels(sysctl);
    let kinds = if !levels.is_empty() {
        findings.known(FIELD, "sysctl hw.perflevel0, hw.perflevel1, …");
        levels
    } else if let Some(processors) = told(hardware).filter(|processors| processors.kinds.len() > 1) {
        findings.known(FIELD, FROM_PROFILER);
        processors.kinds.iter().map(|cores| kind(None, *cores, *cores)).collect()
    } else if let (Ok(cores), Ok(threads)) = (sysctl.count("hw.physicalcpu"), sysctl.count("hw.logicalcpu")) {
        findings.known(FIELD, "sysctl hw.physicalcpu, hw.logicalcpu: the kernel has no performance levels");
        vec![kind(None, cores, threads)]
    } else {
        findings.unknown(FIELD, "neither sysctl nor system_profiler tells the cores");
        return Vec::new();
    };
    let kinds = classified(kinds);
    for (i, kind) in kinds.iter().enumerate() {
        account(&format!("{FIELD}[{i}]"), kind, sysctl, findings);
    }
    kinds
}

/// The order is Apple's own: fastest first. A level without cores is one whose cores are all asleep or absent.
fn levels(sysctl: &Sysctl) -> Vec<CoreKind> {
    let count = sysctl.count("hw.nperflevels").unwrap_or(0).min(MOST_LEVELS);
    let level = |i: u32| {
        let value = |name: &str| sysctl.count(&format!("hw.perflevel{i}.{name}"));
        let cores = value("physicalcpu").ok()?;
        let name = sysctl.text(&format!("hw.perflevel{i}.name")).ok();
        Some(kind(name, cores, value("logicalcpu").unwrap_or(cores)))
    };
    (0..count).filter_map(level).collect()
}

fn kind(name: Option<String>, cores: u32, threads: u32) -> CoreKind {
    CoreKind { name, class: None, cores, threads, max_mhz: None, min_mhz: None }
}

/// By rank and not by name: the `Performance` cores of an M5 Max are its slower ones.
fn classified(mut kinds: Vec<CoreKind>) -> Vec<CoreKind> {
    let last = kinds.len().saturating_sub(1);
    if last > 0 {
        for (i, kind) in kinds.iter_mut().enumerate() {
            kind.class = Some(match i {
                0 => CoreClass::Performance,
                i if i == last => CoreClass::Efficiency,
                _ => CoreClass::Middle,
            });
        }
    }
    kinds
}

fn account(field: &str, kind: &CoreKind, sysctl: &Sysctl, findings: &mut Findings) {
    if kind.name.is_none() {
        findings.none(format!("{field}.name"), "macOS gives no name to this kind of core");
    }
    if kind.class.is_none() {
        findings.none(format!("{field}.class"), "all cores are alike");
    }
    let (reason, remedy) = match sysctl.is_apple_chip() {
        Ok(false) => ("macOS tells the nominal clock only", "sysctl hw.cpufrequency shows that"),
        _ => ("macOS publishes no clock of Apple's cores", "sudo powermetrics shows their clocks"),
    };
    for name in ["max_mhz", "min_mhz"] {
        findings.unknown_but(format!("{field}.{name}"), reason, remedy);
    }
}

fn told(hardware: Option<&Entry>) -> Option<Processors> {
    Processors::parse(&hardware?.text(PROCESSORS)?)
}

/// What `number_processors` says.
#[derive(Debug, PartialEq, Eq)]
struct Processors {
    all: u32,
    /// Of each kind that there is, fastest first in every version seen.
    kinds: Vec<u32>,
}

impl Processors {
    fn parse(text: &str) -> Option<Processors> {
        let Some(fields) = text.strip_prefix("proc ") else {
            let all = text.parse().ok().filter(|all| *all > 0)?;
            return Some(Processors { all, kinds: vec![all] });
        };
        let counts: Vec<u32> =
            fields.split(':').map(|field| field.trim().parse().ok()).collect::<Option<_>>()?;
        let (all, kinds) = counts.split_first()?;
        let sum = kinds.iter().try_fold(0u32, |sum, count| sum.checked_add(*count))?;
        // Counts that don't add up are another grammar's.
        if *all == 0 || kinds.len() > MOST_LEVELS as usize || (!kinds.is_empty() && sum != *all) {
            return None;
        }
        let kinds = kinds.iter().copied().filter(|count| *count > 0).collect();
        Some(Processors { all: *all, kinds })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::macos::profiler::fixture;

    fn of(text: &str) -> Sysctl {
        Sysctl::parse(Ok(text.to_owned()))
    }

    fn parsed(text: &str) -> Option<(u32, Vec<u32>)> {
        Processors::parse(text).map(|processors| (processors.all, processors.kinds))
    }

    #[test]
    fn every_grammar_seen_is_read() {
        assert_eq!(parsed("proc 8:4:4"), Some((8, vec![4, 4])));
        assert_eq!(parsed("proc 12:0:8:4"), Some((12, vec![8, 4])));
        assert_eq!(parsed("proc 24:16:8:0"), Some((24, vec![16, 8])));
        assert_eq!(parsed("proc 18:6:0:12"), Some((18, vec![6, 12])));
        assert_eq!(parsed("proc 12:2:4:6"), Some((12, vec![2, 4, 6])));
        assert_eq!(parsed("6"), Some((6, vec![6])));
        for broken in
            ["proc ", "proc x:4:4", "proc 8:4:3", "proc 0:0:0", "0", "", "-4", "proc 8:4294967295:9"]
        {
            assert_eq!(parsed(broken), None, "{broken}");
        }
    }

    #[test]
    fn levels_are_ranked_by_their_order_and_keep_apples_names() {
        let text = "hw.nperflevels: 3\nhw.perflevel0.name: Super\nhw.perflevel0.physicalcpu: 2\n\
            hw.perflevel1.name: Performance\nhw.perflevel1.physicalcpu: 4\nhw.perflevel1.logicalcpu: 4\n\
            hw.perflevel2.name: Efficiency\nhw.perflevel2.physicalcpu: 6\n";
        let kinds = kinds(&of(text), None, &mut Findings::default());
        let told: Vec<_> =
            kinds.iter().map(|k| (k.name.as_deref().unwrap(), k.class.unwrap(), k.cores)).collect();
        let expected = [
            ("Super", CoreClass::Performance, 2),
            ("Performance", CoreClass::Middle, 4),
            ("Efficiency", CoreClass::Efficiency, 6),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn without_levels_the_profiler_tells_the_kinds_but_no_names() {
        let entry = fixture(r#"{"number_processors": "proc 12:0:8:4"}"#);
        let mut findings = Findings::default();
        let kinds = kinds(&Sysctl::default(), Some(&entry), &mut findings);
        assert_eq!(kinds.iter().map(|kind| kind.cores).collect::<Vec<_>>(), [8, 4]);
        assert_eq!(kinds[1].class, Some(CoreClass::Efficiency));
        assert_eq!(physical(&Sysctl::default(), Some(&entry), &mut findings), Some(12));
        assert_eq!(usable(&Sysctl::default(), Some(&entry), &mut findings), 12);
    }

    #[test]
    fn an_intel_mac_has_one_kind_with_two_threads_a_core() {
        let kinds = kinds(&of("hw.physicalcpu: 8\nhw.logicalcpu: 16\n"), None, &mut Findings::default());
        assert_eq!((kinds.len(), kinds[0].cores, kinds[0].threads, kinds[0].class), (1, 8, 16, None));
    }

    #[test]
    fn a_kernel_that_claims_a_million_levels_is_asked_for_few() {
        let kinds = kinds(&of("hw.nperflevels: 4000000\n"), None, &mut Findings::default());
        assert_eq!(kinds, []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(proc )?[0-9:x-]{0,40}|.*") {
            Processors::parse(&text);
        }
    }
}
