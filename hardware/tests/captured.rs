//! Captures of real machines that are no part of this repository, read where they are at hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use edgeorch_engines::contract::Architecture;

use super::looking;
use crate::{Root, audit};

/// Captures of real machines that are not part of this repository.
pub fn captures(folder: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("EDGEORCH_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"));
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
        let cpu = audit(&Root::at(machine.path()), &looking()).cpu;
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
        let host = audit(&Root::at(machine.path().join(inner)), &looking());
        let shape = (host.cpu.sockets, host.cpu.physical_cores, host.cpu.logical_cores);
        assert_eq!(shape, (sockets, cores, Some(threads)), "{archive}");
        assert!(host.memory.total.unwrap().0 > 0, "{archive}");
    }
}
