//! The process table, as far as a launch needs it: `/proc/PID/stat` and `/proc/PID/environ`.
//! On systems without procfs the table is empty: there the process group is all that is known of a child.

use std::io;
use std::path::Path;

use super::nonce::Nonce;

/// The variable that carries the mark of a launch to every descendant.
pub(super) const MARK: &str = "EDGEORCH_LAUNCH";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub pid: u32,
    pub parent: u32,
    pub group: u32,
    /// Clock ticks from boot to its start (field 22): with the pid, it names a process of one boot exactly.
    pub start_time: u64,
    /// Ended, and only waiting to be reaped: it holds no memory and no port.
    pub is_zombie: bool,
}

/// Every process that this user may see. One that ends meanwhile is left out.
pub(super) fn scan() -> io::Result<Vec<Process>> {
    if !cfg!(target_os = "linux") {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir("/proc")?;
    Ok(entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(read)
        .collect())
}

/// One process; `None` once it has been reaped.
pub(super) fn read(pid: u32) -> Option<Process> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Whether the process was started under this launch's mark. Processes of other users are not readable, and not ours.
pub(super) fn is_marked(pid: u32, nonce: &Nonce) -> bool {
    let Ok(environ) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
    let mark = format!("{MARK}={nonce}");
    environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
}

/// Changes with every boot; pids and start times compare only within one.
pub(super) fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string(Path::new("/proc/sys/kernel/random/boot_id")).ok()?;
    Some(text.trim().to_owned())
}

/// proc(5): `pid (comm) state ppid pgrp … starttime …`. The name may hold spaces and parentheses, so fields are
/// counted from the last `)`.
fn parse_stat(stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let pid = head.split_once('(')?.0.trim().parse().ok()?;
    let fields: Vec<&str> = tail.split_whitespace().collect();
    Some(Process {
        pid,
        is_zombie: matches!(*fields.first()?, "Z" | "X" | "x"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        start_time: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat =
            "4242 (tricky) Z 1 (name)) S 17 4200 4200 0 -1 4194560 96 0 0 0 0 0 0 0 20 0 1 0 123456 0 0";
        assert_eq!(
            parse_stat(stat),
            Some(Process { pid: 4242, parent: 17, group: 4200, start_time: 123_456, is_zombie: false })
        );
    }

    #[test]
    fn a_cut_off_stat_is_no_process() {
        assert_eq!(parse_stat("4242 (sh) S 17"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_very_process_is_in_the_table() {
        let own = std::process::id();
        let found = scan().unwrap().into_iter().find(|process| process.pid == own).unwrap();
        assert!(!found.is_zombie && found.start_time > 0);
    }
}
