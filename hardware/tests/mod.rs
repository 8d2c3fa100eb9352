//! The audit of whole machines: our own in tests/machines, real captures where they are at hand, and this one.

mod accounted;
pub mod captured;
pub mod machines;
mod macs;
mod nvidia;
mod stored;
mod systems;
mod windows_and_phones;

use std::time::Instant;

use edgeorch_engines::contract::Architecture;

use super::*;
use accounted::unaccounted;

/// Everything but the measurements.
pub fn looking() -> Request {
    Request { models: "/".to_owned(), measure: false, software: true }
}

#[test]
fn an_empty_root_is_all_unknown() {
    let host = audit(&Root::of(Tree::default()), &looking());
    assert_eq!(host.memory.usable().0, 0);
    let fields: Vec<&str> = host.unknown.iter().map(|unknown| unknown.field.as_str()).collect();
    for field in
        ["cpu", "cpu.isa", "memory", "memory.total", "memory.limit", "os.name", "os.kernel", "os.libc"]
    {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
    assert_eq!(unaccounted(&host), Vec::<String>::new());
}

#[test]
fn this_machine_is_audited_in_a_moment() {
    audit(&Root::live(), &looking());
    let start = Instant::now();
    let host = audit(&Root::live(), &looking());
    eprintln!("audited in {:?}\n{}", start.elapsed(), print(&host, 80, false));
    if !cfg!(target_os = "linux") {
        eprintln!("skipped: the probes read Linux's files");
        return;
    }
    assert!(host.memory.total.unwrap().0 > 0 && host.memory.available <= host.memory.total);
    assert!(host.cpu.usable_cores <= host.cpu.logical_cores.unwrap());
    assert_ne!(host.cpu.architecture, Architecture::Other);
    assert_eq!(unaccounted(&host), Vec::<String>::new());
}

#[test]
fn what_was_recorded_of_this_machine_gives_the_same_host() {
    let live = Root::recording();
    let host = audit(&live, &looking());
    let again = audit(&Root::of(live.recorded()), &looking());
    assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&host).unwrap());
}
