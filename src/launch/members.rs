//! Which processes belong to a launch. Exact: a process is ours when it carries the launch's mark, sits in the
//! launch's cgroup or is the recorded leader itself (pid and start time), when it is in that leader's group, or when
//! it descends from one of these. A stranger who got a recycled pid is none of them.
//!
//! The mark finds what left the group with setsid; the cgroup and the family tree find what overwrote its own
//! environment, as programs that set their process title do.

use std::collections::BTreeSet;
use std::io;

use super::cgroup::Cgroup;
use super::process::{self, Process};
use super::record::{Leader, Record};

/// The living processes of the launch.
pub(super) fn members(record: &Record) -> io::Result<Vec<Process>> {
    if record.is_of_another_boot() {
        return Ok(Vec::new());
    }
    let table = process::scan()?;
    let inside: BTreeSet<u32> = match &record.cgroup {
        // A cgroup that is gone holds nobody.
        Some(dir) => Cgroup::at(dir).processes().unwrap_or_default().into_iter().collect(),
        None => BTreeSet::new(),
    };
    let is_seed = |process: &Process| {
        inside.contains(&process.pid)
            || record.leader.is_some_and(|leader| is_leader(process, leader))
            || process::is_marked(process.pid, &record.nonce)
    };
    Ok(belonging(&table, record.leader, is_seed, std::process::id()))
}

/// The pure part: grows the seeds by the leader's group and by descent. `own` is never part of it, whatever mark
/// this process has itself inherited.
fn belonging(
    table: &[Process],
    leader: Option<Leader>,
    is_seed: impl Fn(&Process) -> bool,
    own: u32,
) -> Vec<Process> {
    // While its leader exists, even as a zombie, the kernel gives the group's id to nobody else.
    let group = leader
        .filter(|leader| table.iter().any(|process| is_leader(process, *leader)))
        .map(|leader| leader.pid);
    let mut ours: BTreeSet<u32> = table
        .iter()
        .filter(|process| process.pid != own && (Some(process.group) == group || is_seed(process)))
        .map(|process| process.pid)
        .collect();
    loop {
        let before = ours.len();
        let children = table.iter().filter(|process| process.pid != own && ours.contains(&process.parent));
        let children: Vec<u32> = children.map(|process| process.pid).collect();
        ours.extend(children);
        if ours.len() == before {
            break;
        }
    }
    table.iter().filter(|process| !process.is_zombie && ours.contains(&process.pid)).copied().collect()
}

fn is_leader(process: &Process, leader: Leader) -> bool {
    process.pid == leader.pid && Some(process.start_time) == leader.start_time
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: u32 = 10;

    fn process(pid: u32, parent: u32, group: u32) -> Process {
        Process { pid, parent, group, start_time: 1000, is_zombie: false }
    }

    fn found(table: &[Process], leader: Option<Leader>, marked: &[u32]) -> Vec<u32> {
        belonging(table, leader, |process| marked.contains(&process.pid), OWN)
            .iter()
            .map(|process| process.pid)
            .collect()
    }

    #[test]
    fn the_leaders_group_and_all_descendants_belong() {
        let table = [
            process(OWN, 1, OWN),
            process(20, OWN, 20),
            process(21, 1, 20),
            process(22, 21, 22),
            process(23, 22, 23),
            process(30, OWN, 30),
        ];
        let leader = Some(Leader { pid: 20, start_time: Some(1000) });
        assert_eq!(found(&table, leader, &[]), [20, 21, 22, 23]);
    }

    #[test]
    fn a_stranger_with_the_leaders_old_pid_is_left_alone() {
        let table = [process(20, 1, 20), process(21, 20, 20)];
        let leader = Some(Leader { pid: 20, start_time: Some(999) });
        assert_eq!(found(&table, leader, &[]), [] as [u32; 0]);
    }

    #[test]
    fn a_marked_process_belongs_after_its_leader_is_gone() {
        let table = [process(40, 1, 40), process(41, 40, 41), process(50, 1, 50)];
        assert_eq!(found(&table, None, &[40]), [40, 41]);
    }

    #[test]
    fn zombies_are_gone_but_still_vouch_for_their_group() {
        let mut leader = process(20, OWN, 20);
        leader.is_zombie = true;
        let table = [leader, process(21, 1, 20)];
        assert_eq!(found(&table, Some(Leader { pid: 20, start_time: Some(1000) }), &[20]), [21]);
    }

    #[test]
    fn this_process_never_belongs_even_if_it_inherited_the_mark() {
        let table = [process(OWN, 1, OWN), process(20, OWN, 20)];
        assert_eq!(found(&table, None, &[OWN]), [] as [u32; 0]);
    }
}
