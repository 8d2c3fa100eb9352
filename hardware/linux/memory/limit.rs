//! The tightest memory limit that a control group sets for this process.

use edgeorch_engines::contract::{Bytes, MemoryLimit};

use crate::Root;
use crate::findings::Findings;
use crate::linux::cgroup::{Cgroups, Group, Version};
use crate::root::{ReadError, shown};

const FIELD: &str = "memory.limit";

/// Of all limits from the process's group up, the one with the least left: an ancestor's larger limit may be nearly used
/// up by others.
pub fn probe(root: &Root, cgroups: &Cgroups, findings: &mut Findings) -> Option<MemoryLimit> {
    if let Some(fault) = &cgroups.fault {
        findings.unknown(FIELD, fault);
    }
    let mut limits = Vec::new();
    for group in cgroups.ancestry("memory") {
        let files = Files::of(group.version);
        for name in files.limits {
            let path = group.file(name);
            let Some(bytes) = findings.take(FIELD, number(root, &path)).flatten() else { continue };
            limits.push(MemoryLimit {
                bytes,
                used: used(root, &group, &files, findings),
                source: shown(&path),
            });
        }
    }
    let tightest =
        limits.into_iter().min_by_key(|limit| (limit.bytes.saturating_sub(limit.used), limit.bytes));
    match &tightest {
        Some(limit) => findings.known(FIELD, &limit.source),
        None if cgroups.fault.is_none() => findings.none(FIELD, "no control group of this process sets one"),
        None => {}
    }
    tightest
}

struct Files {
    limits: &'static [&'static str],
    usage: &'static str,
    /// The line of `memory.stat` that counts the page cache not used lately, descendants included.
    inactive: &'static str,
}

impl Files {
    fn of(version: Version) -> Files {
        match version {
            Version::V1 => Files {
                limits: &["memory.limit_in_bytes"],
                usage: "memory.usage_in_bytes",
                inactive: "total_inactive_file",
            },
            // Beyond `high` a group isn't killed but slowed down until it is back: no room for weights either.
            Version::V2 => Files {
                limits: &["memory.max", "memory.high"],
                usage: "memory.current",
                inactive: "inactive_file",
            },
        }
    }
}

/// What can't be reclaimed of the group's usage. Without the statistics all of it counts; without the usage none does.
/// Either way `unknown` says so.
fn used(root: &Root, group: &Group, files: &Files, findings: &mut Findings) -> Bytes {
    const FIELD: &str = "memory.limit.used";
    let usage = group.file(files.usage);
    let Some(usage) = findings.take(FIELD, number(root, &usage)) else { return Bytes::ZERO };
    let Some(usage) = usage else {
        findings.unknown(FIELD, format_args!("{} holds no number", shown(&group.file(files.usage))));
        return Bytes::ZERO;
    };
    let stat = group.file("memory.stat");
    let inactive = root.read(&stat).map(|text| line_of(&text, files.inactive));
    match findings.take(FIELD, inactive) {
        Some(Some(inactive)) => usage.saturating_sub(inactive),
        Some(None) => {
            findings.unknown(
                FIELD,
                format_args!("{} has no {}: page cache is counted as used", shown(&stat), files.inactive),
            );
            usage
        }
        None => usage,
    }
}

/// `None` if there is no limit here: no such file, `max`, or version 1's huge number.
fn number(root: &Root, path: &str) -> Result<Option<Bytes>, LimitError> {
    let text = match root.read(path) {
        Err(error) if error.is_missing() => return Ok(None),
        other => other?,
    };
    let text = text.trim();
    if text == "max" {
        return Ok(None);
    }
    let bytes: u64 = text.parse().map_err(|_| LimitError::Malformed { path: shown(path) })?;
    Ok((bytes < UNLIMITED).then_some(Bytes(bytes)))
}

/// Version 1 writes "no limit" as the largest i64 rounded down to a page (kernel: PAGE_COUNTER_MAX); pages have up to
/// 64 KiB.
const UNLIMITED: u64 = (i64::MAX as u64) & !0xffff;

fn line_of(text: &str, key: &str) -> Option<Bytes> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
    value.trim().parse().ok().map(Bytes)
}

#[derive(Debug, thiserror::Error)]
enum LimitError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{path} holds no number of bytes")]
    Malformed { path: String },
}

#[cfg(test)]
mod tests;
