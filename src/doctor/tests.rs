use edgeorch_engines::contract::host::{
    Accelerator, AcceleratorKind, Api, ContainerEngine, Driver, HugePages, LaneRate, Link, MemoryKind,
    MemoryPart, PowerMode, PowerSupply, StorageKind, Swap, SwapKind, UnderVoltage, Vendor,
};
use edgeorch_engines::contract::{Isa, MemoryLimit, Unknown};

use super::*;

/// A virtual machine on which nothing is wrong.
fn well() -> Host {
    let mut host: Host =
        serde_json::from_str(include_str!("../../engines/contract/host.example.json")).unwrap();
    host.storage.kind = Some(StorageKind::Nvme);
    host
}

fn gpu(vendor: Vendor) -> Accelerator {
    let mut gpu = Accelerator::new(AcceleratorKind::Gpu, vendor);
    gpu.name = Some("Some GPU".into());
    gpu.driver = Some(Driver { name: "some".into(), version: None });
    gpu.apis = vec![Api::Cuda];
    gpu
}

fn ids(host: &Host) -> Vec<&'static str> {
    diagnose(host, None).into_iter().map(|finding| finding.id).collect()
}

/// What is found after one change to a machine that is well.
fn found(change: impl FnOnce(&mut Host)) -> Vec<&'static str> {
    let mut host = well();
    change(&mut host);
    ids(&host)
}

#[test]
fn nothing_is_found_where_nothing_is_wrong_or_known() {
    assert_eq!(diagnose(&well(), Some(Need { memory: Bytes::gib(1) })), []);
    let unknown = found(|host| {
        host.cpu.isa.clear();
        host.memory = Default::default();
        host.storage = Default::default();
        host.power = Default::default();
    });
    assert_eq!(unknown, Vec::<&str>::new());
}

#[test]
fn a_gpu_that_nothing_drives_is_a_problem_and_an_npu_a_hint() {
    let without = |kind, name: Option<&str>| {
        let driver = name.map(|name| Driver { name: name.into(), version: None });
        let device = Accelerator { kind, driver, apis: Vec::new(), ..gpu(Vendor::Nvidia) };
        let mut host = well();
        host.accelerators.push(device);
        diagnose(&host, None).into_iter().map(|finding| (finding.id, finding.severity)).collect::<Vec<_>>()
    };
    assert_eq!(without(AcceleratorKind::Gpu, None), [("gpu-without-driver", Severity::Problem)]);
    assert_eq!(without(AcceleratorKind::Gpu, Some("nouveau")), [("gpu-without-driver", Severity::Problem)]);
    assert_eq!(without(AcceleratorKind::Gpu, Some("nvidia")), []);
    let apple = found(|host| host.accelerators.push(Accelerator { driver: None, ..gpu(Vendor::Apple) }));
    assert_eq!(apple, Vec::<&str>::new());
    assert_eq!(without(AcceleratorKind::Npu, None), [("npu-without-driver", Severity::Hint)]);
}

#[test]
fn a_driver_that_does_not_start_is_told_with_its_reason() {
    let mut host = well();
    let reason = "NVIDIA's driver library does not start: version mismatch".to_owned();
    host.unknown.push(Unknown { field: "accelerators".into(), reason: reason.clone(), remedy: None });
    assert_eq!(diagnose(&host, None)[0].what, reason);
}

#[test]
fn a_driven_gpu_that_nothing_computes_on_is_told_with_the_audit_s_reason() {
    let told = |field: &str| {
        let mut host = well();
        host.accelerators.push(Accelerator { apis: Vec::new(), ..gpu(Vendor::Nvidia) });
        let remedy = Some("restart the machine".to_owned());
        host.unknown.push(Unknown { field: field.into(), reason: "versions differ".into(), remedy });
        diagnose(&host, None).into_iter().map(|found| (found.id, found.what, found.remedy)).next()
    };
    let (id, what, remedy) = told("accelerators[0]").unwrap();
    assert_eq!((id, what.as_str()), ("driver-does-not-answer", "accelerator 0, Some GPU: versions differ"));
    assert_eq!(remedy, "Restart the machine.");
    assert_eq!(told("accelerators[0].apis").unwrap().0, "gpu-without-library");
    assert_eq!(told("accelerators[1].apis"), None);
}

#[test]
fn a_narrow_link_counts_and_an_idle_one_does_not() {
    let link = |width, generation, kind| {
        found(|host| {
            let now = Some(LaneRate { generation, width });
            let link = Some(Link { now, best: Some(LaneRate { generation: 4, width: 16 }) });
            let mut gpu = Accelerator { link, ..gpu(Vendor::Nvidia) };
            gpu.memory.kind = Some(kind);
            host.accelerators.push(gpu);
        })
    };
    assert_eq!(link(4, 4, MemoryKind::Unified), Vec::<&str>::new());
    let link = |width, generation| link(width, generation, MemoryKind::Dedicated);
    assert_eq!(link(4, 4), ["link-narrow"]);
    assert_eq!(link(16, 1), Vec::<&str>::new());
}

#[test]
fn a_small_carve_out_counts_where_the_rest_can_t_be_reached() {
    let carved = |vram, gtt| {
        found(|host| {
            host.memory.total = Some(Bytes::gib(64));
            let mut device = gpu(Vendor::Amd);
            device.memory.kind = Some(MemoryKind::CarveOut);
            device.memory.total = Some(Bytes::mib(vram + gtt));
            device.memory.parts =
                vec![MemoryPart { name: "vram".into(), total: Bytes::mib(vram), used: None }];
            host.accelerators.push(device);
        })
    };
    assert_eq!(carved(512, 8 << 10), ["carve-out-small"]);
    assert_eq!(carved(512, 32 << 10), Vec::<&str>::new());
    assert_eq!(carved(16 << 10, 4 << 10), Vec::<&str>::new());
}

#[test]
fn containers_need_a_way_to_the_gpu() {
    let docker = |reachable, access: &[&str], with_gpu: bool| {
        found(|host| {
            if with_gpu {
                host.accelerators.push(gpu(Vendor::Nvidia));
            }
            host.software.containers.push(ContainerEngine {
                name: "docker".into(),
                path: "/usr/bin/docker".into(),
                version: None,
                reachable: Some(reachable),
                gpu_access: access.iter().map(ToString::to_string).collect(),
            });
        })
    };
    assert_eq!(docker(true, &[], true), ["containers-without-gpu"]);
    assert_eq!(docker(true, &["cdi nvidia.com/gpu"], true), Vec::<&str>::new());
    assert_eq!(docker(true, &[], false), Vec::<&str>::new());
    assert_eq!(docker(false, &[], true), ["containers-not-reachable"]);
}

#[test]
fn a_plan_that_a_limit_can_t_hold_names_the_limit() {
    let mut host = well();
    let need = Some(Need { memory: Bytes::gib(8) });
    host.memory.limit = Some(MemoryLimit {
        bytes: Bytes::gib(4),
        used: Bytes::ZERO,
        source: "/sys/fs/cgroup/memory.max".into(),
    });
    let finding = diagnose(&host, need).remove(0);
    assert_eq!((finding.id, finding.severity), ("limit-below-plan", Severity::Problem));
    assert_eq!(
        finding.what,
        "the profile's models need 8.0 GiB, and /sys/fs/cgroup/memory.max allows 4.0 GiB"
    );
    host.memory.limit = None;
    host.memory.available = Some(Bytes::gib(2));
    assert_eq!(diagnose(&host, need)[0].id, "memory-taken");
    host.memory.total = Some(Bytes::gib(6));
    assert_eq!(diagnose(&host, need)[0].id, "memory-below-plan");
}

#[test]
fn swap_counts_on_a_card_and_not_in_memory() {
    let swap = |kind, storage| {
        found(|host| {
            let (size, used) = (Bytes::gib(1), Bytes::ZERO);
            host.memory.swap.push(Swap { device: "/dev/x".into(), kind, size, used, storage });
        })
    };
    assert_eq!(swap(SwapKind::File, Some(StorageKind::Sd)), ["swap-on-card"]);
    assert_eq!(swap(SwapKind::Partition, Some(StorageKind::Nvme)), Vec::<&str>::new());
    assert_eq!(swap(SwapKind::Zram, None), Vec::<&str>::new());
}

#[test]
fn reserved_huge_pages_count_where_they_are_many() {
    let reserved = |free| {
        found(|host| {
            let size = Bytes::mib(2);
            host.memory.huge_pages = Some(HugePages { size, reserved: free, free, transparent: None });
        })
    };
    assert_eq!(reserved(4096), ["huge-pages-reserved"]);
    assert_eq!(reserved(16), Vec::<&str>::new());
}

#[test]
fn power_and_heat_are_told_worst_first() {
    let ids = found(|host| {
        host.power.supply = Some(PowerSupply::Battery);
        host.power.modes.push(PowerMode {
            interface: "platform_profile".into(),
            value: "low-power".into(),
            saves_power: Some(true),
        });
        host.power.under_voltage = Some(UnderVoltage { now: true, since_boot: Some(true) });
        host.thermal.throttled_now = Some(true);
    });
    assert_eq!(ids, ["under-voltage", "power-saving", "throttled", "on-battery"]);
}

#[test]
fn a_processor_without_avx2_is_told_and_one_of_another_kind_is_not() {
    assert_eq!(
        found(|host| {
            host.cpu.isa.remove(&Isa::Avx2);
        }),
        ["no-avx2"]
    );
    let arm = found(|host| {
        host.cpu.architecture = edgeorch_engines::contract::Architecture::Aarch64;
        host.cpu.isa = [Isa::Neon].into();
    });
    assert_eq!(arm, Vec::<&str>::new());
    assert_eq!(found(|host| host.cpu.logical_cores = Some(16)), ["cores-limited"]);
}

#[test]
fn storage_is_judged_by_room_kind_and_mount() {
    assert_eq!(found(|host| host.storage.free = Some(Bytes::mib(900))), ["disk-low"]);
    assert_eq!(found(|host| host.storage.read_only = Some(true)), ["storage-read-only"]);
    assert_eq!(found(|host| host.storage.inodes_free = Some(5)), ["inodes-low"]);
    assert_eq!(found(|host| host.storage.kind = Some(StorageKind::Memory)), ["models-in-memory"]);
    assert_eq!(found(|host| host.storage.kind = Some(StorageKind::Overlay)), ["models-in-container"]);
    assert_eq!(found(|host| host.storage.kind = Some(StorageKind::Sd)), ["storage-slow"]);
}
