//! The audit of whole machines: our own trees in tests/machines, real captures where they are at hand, and this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use edgeorch_engines::contract::{Architecture, Bytes, Isa};

use super::*;

fn fixture(name: &str) -> Host {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines").join(name);
    assert!(folder.is_dir(), "{} is missing", folder.display());
    audit(&Root::at(folder))
}

fn assert_host(name: &str) -> Host {
    let host = fixture(name);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!(name, host);
        insta::assert_snapshot!(format!("{name}-screen"), print(&host, 80, false));
    });
    host
}

#[test]
fn a_desktop_is_told_completely() {
    assert_eq!(assert_host("x86-desktop").unknown, []);
}

#[test]
fn a_raspberry_pi_is_named_by_its_part_number() {
    let host = assert_host("raspberry-pi-5");
    assert_eq!(host.cpu.model.as_deref(), Some("Cortex-A76"));
    assert!(host.cpu.isa.contains(&Isa::Dotprod) && !host.cpu.isa.contains(&Isa::I8mm));
}

#[test]
fn a_version_1_container_is_bound_by_cpuset_quota_and_limit() {
    let host = assert_host("cgroup-v1-container");
    assert_eq!(host.cpu.usable_cores, 3);
    assert_eq!(host.memory.usable().0, 6 << 30);
}

#[test]
fn a_version_2_container_with_one_and_a_half_cores_may_use_one() {
    let host = assert_host("cgroup-v2-container");
    assert_eq!(host.cpu.usable_cores, 1);
    assert_eq!(host.memory.ceiling().0, 4 << 30);
    assert_eq!(host.memory.usable().0, 3 << 30);
}

#[test]
fn a_hybrid_machine_is_bound_by_the_ancestor_with_least_left() {
    let host = assert_host("cgroup-hybrid");
    let limit = host.memory.limit.unwrap();
    assert_eq!(limit.source, "/sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes");
}

#[test]
fn broken_files_leave_gaps_with_reasons_and_no_panic() {
    let host = assert_host("broken-files");
    assert_eq!(host.memory.usable(), Bytes::ZERO);
    assert!(host.unknown.len() > 8);
}

#[test]
fn an_empty_root_is_all_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let host = audit(&Root::at(folder.path()));
    assert_eq!(host.memory.usable().0, 0);
    let fields: Vec<&str> = host.unknown.iter().map(|unknown| unknown.field.as_str()).collect();
    for field in
        ["cpu", "cpu.isa", "memory", "memory.total", "memory.limit", "os.name", "os.kernel", "os.libc"]
    {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
}

#[test]
fn this_machine_is_audited_in_a_moment() {
    audit(&Root::live());
    let start = Instant::now();
    let host = audit(&Root::live());
    eprintln!("audited in {:?}\n{}", start.elapsed(), print(&host, 80, false));
    if !cfg!(target_os = "linux") {
        eprintln!("skipped: the probes read Linux's files");
        return;
    }
    assert!(host.memory.total.0 > 0 && host.memory.available <= host.memory.total);
    assert!(host.cpu.usable_cores <= host.cpu.logical_cores.unwrap());
    assert_ne!(host.cpu.architecture, Architecture::Other);
}

/// Captures of real machines that are not part of this repository.
fn captures(folder: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("EDGEORCH_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let folder = shared.join("machines").join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no captured machines in {} (EDGEORCH_SHARED)", folder.display());
    None
}

#[test]
fn captured_boards_and_phones_are_named() {
    let Some(folder) = captures("cpuinfo") else { return };
    let expected = [
        ("galaxy-s8-us.log", Architecture::Aarch64, "Kryo 2xx Silver ×4, Kryo 2xx Gold ×4", 8),
        ("galaxy-s9-us.log", Architecture::Aarch64, "Kryo 3xx Silver ×4, Kryo 3xx Gold ×4", 8),
        ("i7-8650u.txt", Architecture::X86_64, "Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz", 8),
        ("jetson-tx1.log", Architecture::Aarch64, "Cortex-A57", 4),
        ("pixel.log", Architecture::Aarch64, "Kryo", 4),
        ("raspberrypi-zero.log", Architecture::Other, "ARM1176", 1),
        ("raspberrypi2.log", Architecture::Armv7, "Cortex-A7", 4),
        ("raspberrypi3.log", Architecture::Armv7, "Cortex-A53", 4),
    ];
    for (name, architecture, model, threads) in expected {
        let machine = tempfile::tempdir().unwrap();
        fs::create_dir(machine.path().join("proc")).unwrap();
        fs::copy(folder.join(name), machine.path().join("proc/cpuinfo")).unwrap();
        let cpu = audit(&Root::at(machine.path())).cpu;
        assert_eq!(
            (cpu.architecture, cpu.model.as_deref(), cpu.logical_cores),
            (architecture, Some(model), Some(threads)),
            "{name}"
        );
    }
}

#[test]
fn captured_trees_give_their_known_shape() {
    let Some(folder) = captures("trees") else { return };
    // (archive, the folder in it, sockets, cores, online threads): hwloc's own answers for these machines.
    let expected = [
        ("128arm-2pa2n8cluster4co", "128arm-2pa2n8cluster4co", Some(2), Some(128), 128),
        ("20em64t-hybrid-1p6c2t+2ca4co1t", "20em64t-hybrid-1p6c2t+2ca4co1t", Some(1), Some(14), 20),
        ("32amd64-4s2n4c-cgroup2", "32amd64-4s2n4c-cgroup", Some(4), Some(32), 32),
        ("nvidiagpunumanodes", "nvidiagpunumanodes", Some(2), Some(8), 32),
    ];
    for (archive, inner, sockets, cores, threads) in expected {
        let machine = tempfile::tempdir().unwrap();
        let tar = Command::new("tar")
            .arg("xjf")
            .arg(folder.join(format!("{archive}.tar.bz2")))
            .arg("-C")
            .arg(machine.path())
            .output();
        if !tar.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: {archive} can't be unpacked, no tar with bzip2 here");
            return;
        }
        let host = audit(&Root::at(machine.path().join(inner)));
        let shape = (host.cpu.sockets, host.cpu.physical_cores, host.cpu.logical_cores);
        assert_eq!(shape, (sockets, cores, Some(threads)), "{archive}");
        assert!(host.memory.total.0 > 0, "{archive}");
    }
}
