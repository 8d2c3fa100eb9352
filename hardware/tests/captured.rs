//! Captures of real machines that are no part of this repository, read where they are at hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use edgeorch_engines::contract::Architecture;
use edgeorch_engines::contract::host::{CacheKind, CoreClass, Cpu, Host, MachineKind};

use super::looking;
use crate::{Root, audit, capture};

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

/// A machine of which there is only `/proc/cpuinfo`, and perhaps `/proc/meminfo`.
fn with_cpuinfo(folder: &Path, cpuinfo: &str, meminfo: Option<&str>) -> Host {
    let machine = tempfile::tempdir().unwrap();
    fs::create_dir(machine.path().join("proc")).unwrap();
    fs::copy(folder.join(cpuinfo), machine.path().join("proc/cpuinfo")).unwrap();
    if let Some(meminfo) = meminfo {
        fs::copy(folder.join(meminfo), machine.path().join("proc/meminfo")).unwrap();
    }
    audit(&Root::at(machine.path()), &looking())
}

/// A whole tree out of an archive, in the folder `inner` of it.
fn with_tree(archive: &str, inner: &str) -> Option<Host> {
    let folder = captures("trees")?;
    let machine = tempfile::tempdir().unwrap();
    let archive = folder.join(format!("{archive}.tar.bz2"));
    let tar = Command::new("tar").arg("xjf").arg(&archive).arg("-C").arg(machine.path()).output();
    if !tar.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {} can't be unpacked, no tar with bzip2 here", archive.display());
        return None;
    }
    Some(audit(&Root::at(machine.path().join(inner)), &looking()))
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
        let cpu = with_cpuinfo(&folder, name, None).cpu;
        assert_eq!(
            (cpu.architecture, cpu.model.as_deref(), cpu.logical_cores),
            (architecture, Some(model), Some(threads)),
            "{name}"
        );
    }
}

#[test]
fn captured_boards_are_called_what_their_kernels_call_them() {
    let Some(folder) = captures("cpuinfo") else { return };
    let expected = [
        ("raspberrypi-zero.log", "Raspberry Pi Zero Rev 1.2", Some(MachineKind::SingleBoard)),
        ("raspberrypi2.log", "Raspberry Pi 2 Model B Rev 1.0", Some(MachineKind::SingleBoard)),
        ("raspberrypi3.log", "Raspberry Pi 3 Model B Rev 1.2", Some(MachineKind::SingleBoard)),
        ("jetson-tx1.log", "jetson_tx1", None),
        ("galaxy-s9-us.log", "Qualcomm Technologies, Inc SDM845", None),
    ];
    for (name, model, kind) in expected {
        let machine = with_cpuinfo(&folder, name, None).machine;
        assert_eq!((machine.model.as_deref(), machine.kind), (Some(model), kind), "{name}");
    }
}

#[test]
fn a_captured_phone_has_two_kinds_of_core_and_no_word_on_which_is_faster() {
    let Some(folder) = captures("cpuinfo") else { return };
    let kinds = with_cpuinfo(&folder, "galaxy-s9-us.log", None).cpu.core_kinds;
    let found: Vec<_> =
        kinds.iter().map(|kind| (kind.name.as_deref().unwrap(), kind.threads, kind.class)).collect();
    assert_eq!(found, [("Kryo 3xx Silver", 4, None), ("Kryo 3xx Gold", 4, None)]);
}

#[test]
fn a_captured_laptop_s_memory_and_cores_are_counted() {
    let Some(folder) = captures("cpuinfo") else { return };
    let host = with_cpuinfo(&folder, "i7-8650u.txt", Some("i7-8650u.meminfo.txt"));
    assert_eq!((host.cpu.sockets, host.cpu.physical_cores), (Some(1), Some(4)));
    assert_eq!(host.memory.total.unwrap().0, 3_742_148 << 10);
}

/// Sockets, cores, threads; caches by level, kind, KiB and number; nodes.
type Shape = ((Option<u32>, Option<u32>, Option<u32>), Vec<(u8, CacheKind, u64, u32)>, usize);

fn shape(cpu: &Cpu) -> Shape {
    let caches = cpu
        .caches
        .iter()
        .map(|cache| (cache.level, cache.kind, cache.size.0 >> 10, cache.instances))
        .collect();
    ((cpu.sockets, cpu.physical_cores, cpu.logical_cores), caches, cpu.numa_nodes.len())
}

const D: CacheKind = CacheKind::Data;
const I: CacheKind = CacheKind::Instruction;
const U: CacheKind = CacheKind::Unified;

/// Of each tree: archive, folder in it, maker, model, kind, shape. The numbers are hwloc's own answers for these machines.
#[test]
fn captured_trees_give_their_known_shape() {
    let server = Some(MachineKind::Server);
    let cpu = |sockets, cores, threads| (Some(sockets), Some(cores), Some(threads));
    type Expected =
        (&'static str, &'static str, Option<&'static str>, Option<&'static str>, Option<MachineKind>, Shape);
    let expected: [Expected; 8] = [
        (
            "128arm-2pa2n8cluster4co",
            "128arm-2pa2n8cluster4co",
            Some("Huawei"),
            Some("XA320 V2"),
            server,
            (cpu(2, 128, 128), vec![(1, D, 64, 128), (1, I, 64, 128), (2, U, 512, 128), (3, U, 32768, 4)], 4),
        ),
        (
            "16amd64-8n2c-cpusets",
            "16amd64-8n2c-cpusets",
            Some("TYAN Computer Corp"),
            Some("S4881"),
            None,
            (cpu(8, 15, 15), vec![(1, D, 64, 15), (1, I, 64, 15), (2, U, 1024, 15)], 8),
        ),
        (
            "20em64t-hybrid-1p6c2t+2ca4co1t",
            "20em64t-hybrid-1p6c2t+2ca4co1t",
            Some("HP"),
            Some("HP EliteBook 840 14 inch G10 Notebook PC"),
            Some(MachineKind::Laptop),
            (
                cpu(1, 14, 20),
                vec![
                    (1, D, 32, 8),
                    (1, D, 48, 6),
                    (1, I, 32, 6),
                    (1, I, 64, 8),
                    (2, U, 1280, 6),
                    (2, U, 2048, 2),
                    (3, U, 24576, 1),
                ],
                1,
            ),
        ),
        ("2arm-2c", "2arm-2c", None, Some("ST-Ericsson MOP500 platform"), None, (cpu(1, 2, 2), vec![], 1)),
        (
            "32amd64-4s2n4c-cgroup2",
            "32amd64-4s2n4c-cgroup",
            Some("Supermicro"),
            Some("H8QG6"),
            server,
            (cpu(4, 32, 32), vec![(1, D, 64, 32), (1, I, 64, 32), (2, U, 512, 32), (3, U, 5118, 8)], 8),
        ),
        (
            "32em64t-2n8c+dax+nvme+mic+dimms",
            "32em64t-2n8c+1mic",
            Some("Dell"),
            Some("DCS8000Z"),
            server,
            (cpu(2, 16, 16), vec![(1, D, 32, 16), (1, I, 32, 16), (2, U, 256, 16), (3, U, 20480, 2)], 2),
        ),
        (
            "nvidiagpunumanodes",
            "nvidiagpunumanodes",
            None,
            Some("PowerNV 8335-GTW"),
            None,
            (cpu(2, 8, 32), vec![(1, D, 32, 8), (1, I, 32, 8), (2, U, 512, 4), (3, U, 10240, 4)], 8),
        ),
        (
            "offline-cpu0-node0",
            "offline-cpu0-node0",
            Some("Dell Inc."),
            Some("PowerEdge R630"),
            server,
            (cpu(2, 17, 17), vec![(1, D, 32, 17), (1, I, 32, 17), (2, U, 256, 17), (3, U, 30720, 2)], 1),
        ),
    ];
    for (archive, inner, vendor, model, kind, expected) in expected {
        let Some(host) = with_tree(archive, inner) else { return };
        let machine = (host.machine.vendor.as_deref(), host.machine.model.as_deref(), host.machine.kind);
        assert_eq!(machine, (vendor, model, kind), "{archive}");
        assert_eq!(shape(&host.cpu), expected, "{archive}");
        assert!(host.machine.virtualization.is_empty(), "{archive}");
    }
}

#[test]
fn a_captured_hybrid_laptop_without_the_kernel_s_lists_is_told_by_its_caches() {
    let name = "20em64t-hybrid-1p6c2t+2ca4co1t";
    let Some(host) = with_tree(name, name) else { return };
    let kinds: Vec<_> =
        host.cpu.core_kinds.iter().map(|k| (k.class, k.cores, k.threads, k.max_mhz)).collect();
    let performance = (Some(CoreClass::Performance), 6, 12, Some(5200));
    assert_eq!(kinds, [performance, (Some(CoreClass::Efficiency), 8, 8, Some(3900))]);
    assert_eq!(host.memory.total.unwrap().0 >> 30, 30);
}

#[test]
fn gpu_memory_that_a_captured_machine_counts_as_nodes_is_not_its_main_memory() {
    let Some(host) = with_tree("nvidiagpunumanodes", "nvidiagpunumanodes") else { return };
    assert_eq!(host.cpu.model.as_deref(), Some("POWER9"));
    let near_cpus = host.cpu.numa_nodes.iter().filter(|node| !node.cpus.is_empty());
    let memory: u64 = near_cpus.map(|node| node.memory_total.unwrap().0).sum();
    assert_eq!(host.memory.total.unwrap().0, memory);
    assert_eq!(memory >> 20, 257_608); // 252 GiB
}

#[test]
fn a_captured_machine_s_sensors_come_without_a_processor_and_nothing_is_made_up() {
    let Some(folder) = captures("trees") else { return };
    let tree = capture::open(&folder.join("node_exporter-sys.ttar")).unwrap();
    let host = audit(&Root::of(tree), &looking());
    assert_eq!((&host.cpu.model, host.machine.model.as_deref()), (&None, Some("PowerEdge R6515")));
    assert_eq!(super::unaccounted(&host), Vec::<String>::new());
}
