//! Machines of tests/machines: each `NAME.ttar` is what such a machine's files and commands say, and `NAME.snap` beside it
//! the host that the audit must make of it.
//!
//! `MACHINE=jetson cargo test -p edgeorch-hardware machines` looks at those alone whose name holds `jetson`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use edgeorch_engines::contract::{Host, Isa};

use super::{looking, unaccounted};
use crate::{Request, Root, audit, capture, print};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/machines")
}

fn names() -> Vec<String> {
    let wanted = std::env::var("MACHINE").unwrap_or_default();
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let archives = entries.filter(|path| path.extension().is_some_and(|extension| extension == "ttar"));
    let mut names: Vec<String> =
        archives.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.retain(|name| name.contains(&wanted));
    names.sort();
    names
}

pub fn machine(name: &str) -> Host {
    let tree = capture::open(&folder().join(format!("{name}.ttar"))).unwrap();
    let request = Request { measure: true, ..looking() };
    audit(&Root::of(tree), &request)
}

#[test]
fn every_machine_is_told_as_its_files_say() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let fails = |name: &String| {
        let check = || settings.bind(|| insta::assert_json_snapshot!(name.as_str(), machine(name)));
        catch_unwind(AssertUnwindSafe(check)).is_err()
    };
    let failed: Vec<String> = names().into_iter().filter(fails).collect();
    assert!(failed.is_empty(), "not as expected: {failed:?}");
}

#[test]
fn every_field_of_every_machine_has_a_source_or_a_reason() {
    let faults: Vec<String> = names()
        .into_iter()
        .flat_map(|name| {
            unaccounted(&machine(&name)).into_iter().map(move |fault| format!("{name}: {fault}"))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn some_are_shown_as_a_person_sees_them() {
    for name in ["x86-desktop", "raspberry-pi-5", "cgroup-v2-container", "broken-files"] {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}-screen"), print(&machine(name), 80, false));
        });
    }
}

#[test]
fn a_raspberry_pi_is_named_by_its_part_number() {
    let host = machine("raspberry-pi-5");
    assert_eq!(host.cpu.model.as_deref(), Some("Cortex-A76"));
    assert!(host.cpu.isa.contains(&Isa::Dotprod) && !host.cpu.isa.contains(&Isa::I8mm));
}

#[test]
fn a_version_1_container_is_bound_by_cpuset_quota_and_limit() {
    let host = machine("cgroup-v1-container");
    assert_eq!(host.cpu.usable_cores, 3);
    assert_eq!(host.memory.usable().0, 6 << 30);
}

#[test]
fn a_version_2_container_with_one_and_a_half_cores_may_use_one() {
    let host = machine("cgroup-v2-container");
    assert_eq!(host.cpu.usable_cores, 1);
    assert_eq!(host.memory.ceiling().0, 4 << 30);
    assert_eq!(host.memory.usable().0, 3 << 30);
}

#[test]
fn a_hybrid_machine_is_bound_by_the_ancestor_with_least_left() {
    let host = machine("cgroup-hybrid");
    let limit = host.memory.limit.unwrap();
    assert_eq!(limit.source, "/sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes");
}

#[test]
fn broken_files_leave_gaps_with_reasons_and_no_panic() {
    let host = machine("broken-files");
    assert_eq!(host.memory.usable().0, 0);
    assert!(host.unknown.len() > 8);
}
