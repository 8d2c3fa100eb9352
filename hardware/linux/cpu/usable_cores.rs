//! How many hardware threads this process may use at once: more busy threads than that only wait for each other.
//!
//! The affinity mask (in which a cpuset is already applied) and each control group's CPU quota bound it.

use super::cpu_list::CpuList;
use crate::Root;
use crate::findings::Findings;
use crate::linux::cgroup::{Cgroups, Group, Version};
use crate::root::{ReadError, shown};

const FIELD: &str = "cpu.usable_cores";

/// The least of all bounds, and at least 1: a process that runs has some CPU.
pub fn probe(
    root: &Root,
    cgroups: &Cgroups,
    online: Option<&CpuList>,
    logical_cores: Option<u32>,
    findings: &mut Findings,
) -> u32 {
    let allowed = findings.take(FIELD, affinity(root)).map(|allowed| match online {
        // The mask may name CPUs that the machine could have and hasn't.
        Some(online) => allowed.intersect(online).count(),
        None => allowed.count(),
    });
    if let Some(fault) = &cgroups.fault {
        findings.unknown(FIELD, format_args!("a CPU quota may apply: {fault}"));
    }
    let groups = cgroups.ancestry("cpu");
    let quotas = groups.iter().filter_map(|group| {
        let (cores, path) = findings.take(FIELD, quota(root, group)).flatten()?;
        Some((cores, format!("the quota in {}", shown(&path))))
    });
    let allowed = allowed.map(|count| (count, "Cpus_allowed_list in /proc/self/status".to_owned()));
    let all = logical_cores.map(|count| (count, "cpu.logical_cores: no other bound is known".to_owned()));
    // Of equal bounds the first: an affinity to all CPUs is no less than their number.
    let bounds: Vec<_> = allowed.into_iter().chain(quotas).chain(all).collect();
    let bound = bounds.into_iter().min_by_key(|(count, _)| *count);
    let (count, source) = bound.unwrap_or((1, "a process that runs has one core at least".to_owned()));
    findings.known(FIELD, source);
    count.max(1)
}

/// The main thread's mask: `/proc/self` needs no call that only the live machine could answer.
fn affinity(root: &Root) -> Result<CpuList, BoundError> {
    let path = "proc/self/status";
    let text = root.read(path)?;
    text.lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .and_then(CpuList::parse)
        .filter(|list| list.count() > 0)
        .ok_or_else(|| BoundError::Malformed { path: shown(path), what: "Cpus_allowed_list" })
}

/// Whole cores of CPU time per period that a group gets, and the file that says so; `None` if it has no quota.
fn quota(root: &Root, group: &Group) -> Result<Option<(u32, String)>, BoundError> {
    let (path, text) = match group.version {
        Version::V1 => {
            let (quota, period) = (group.file("cpu.cfs_quota_us"), group.file("cpu.cfs_period_us"));
            let Some(text) = present(root.read(&quota))? else { return Ok(None) };
            if text.trim() == "-1" {
                return Ok(None);
            }
            (quota, format!("{} {}", text.trim(), root.read(&period)?.trim()))
        }
        Version::V2 => {
            let path = group.file("cpu.max");
            let Some(text) = present(root.read(&path))? else { return Ok(None) };
            (path, text)
        }
    };
    let cores = whole_cores(&text);
    let cores =
        cores.ok_or_else(|| BoundError::Malformed { path: shown(&path), what: "quota and period" })?;
    Ok(cores.map(|cores| (cores, path)))
}

/// `150000 100000` → 1; `max 100000` → no quota. The outer `None` means: neither.
fn whole_cores(text: &str) -> Option<Option<u32>> {
    let mut words = text.split_whitespace();
    let (quota, period) = (words.next()?, words.next()?.parse::<u64>().ok()?);
    if quota == "max" {
        return Some(None);
    }
    let cores = quota.parse::<u64>().ok()?.checked_div(period)?;
    Some(Some(u32::try_from(cores).unwrap_or(u32::MAX)))
}

/// The top group has no such file, nor has one whose controller is off: both mean that there is no limit here.
fn present(read: Result<String, ReadError>) -> Result<Option<String>, ReadError> {
    match read {
        Err(error) if error.is_missing() => Ok(None),
        other => other.map(Some),
    }
}

#[derive(Debug, thiserror::Error)]
enum BoundError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{path} holds no {what}")]
    Malformed { path: String, what: &'static str },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quota_is_rounded_down_to_whole_cores() {
        assert_eq!(whole_cores("150000 100000\n"), Some(Some(1)));
        assert_eq!(whole_cores("50000 100000"), Some(Some(0)));
        assert_eq!(whole_cores("max 100000\n"), Some(None));
    }

    #[test]
    fn a_period_of_zero_and_other_nonsense_is_no_quota() {
        for text in ["100000 0", "", "max", "-1 100000", "many 1"] {
            assert_eq!(whole_cores(text), None, "{text:?}");
        }
    }

    #[test]
    fn nothing_to_read_leaves_one_core_and_says_why() {
        let mut findings = Findings::default();
        let root = Root::at("/nonexistent");
        let cores = probe(&root, &Cgroups::read(&root), None, None, &mut findings);
        assert_eq!(cores, 1);
        assert_eq!(findings.unknown_fields(), [FIELD, FIELD]);
    }

    proptest! {
        #[test]
        fn any_quota_text_is_read_without_a_panic(text in ".*|[0-9]{0,25} [0-9]{0,25}") {
            whole_cores(&text);
        }
    }
}
