//! Macs: the facts of their captures that matter most, so that nothing rests on snapshots alone.

use edgeorch_engines::contract::host::{
    Accelerator, AcceleratorKind, Api, CoreClass, MachineKind, MemoryKind, PowerSupply, StorageKind, Target,
    Vendor,
};
use edgeorch_engines::contract::{Bytes, Host, Isa};

use super::machines::machine;

fn gpu(host: &Host) -> &Accelerator {
    host.accelerators.iter().find(|device| device.kind == AcceleratorKind::Gpu).unwrap()
}

fn kinds(host: &Host) -> Vec<(&str, CoreClass, u32)> {
    let kinds = host.cpu.core_kinds.iter();
    kinds.map(|kind| (kind.name.as_deref().unwrap(), kind.class.unwrap(), kind.cores)).collect()
}

fn is_unknown(host: &Host, field: &str) -> bool {
    host.unknown.iter().any(|unknown| unknown.field == field)
}

#[test]
fn a_gpu_may_work_in_what_metal_says_and_not_in_all_memory() {
    let host = machine("macbook-air-m1");
    let gpu = gpu(&host);
    assert_eq!((gpu.name.as_deref(), gpu.cores), (Some("Apple M1"), Some(7)));
    assert_eq!(gpu.memory.kind, Some(MemoryKind::Unified));
    assert_eq!(gpu.memory.total, Some(Bytes(5_726_633_984)));
    assert_eq!(gpu.memory.free, host.memory.available);
    assert_eq!(gpu.target, Some(Target::Named("apple7".into())));
    assert!(!host.cpu.isa.contains(&Isa::I8mm) && host.cpu.isa.contains(&Isa::Dotprod));
    assert_eq!(host.memory.unified, Some(true));
}

#[test]
fn a_raised_limit_is_the_limit() {
    let asked = machine("mac-studio-m4-max-wired");
    assert_eq!(gpu(&asked).memory.total, Some(Bytes(56 << 30)));
    let unasked = machine("mac-studio-m3-ultra");
    assert_eq!(gpu(&unasked).memory.total, Some(Bytes(480 << 30)));
    assert_eq!(unasked.sources["accelerators[0].memory.total"], "sysctl iogpu.wired_limit_mb");
}

#[test]
fn a_limit_that_nobody_told_is_not_made_up() {
    let host = machine("macos-profiler-hangs");
    assert_eq!((gpu(&host).memory.total, gpu(&host).memory.free), (None, None));
    assert!(is_unknown(&host, "accelerators[0].memory.total"));
    assert_eq!(host.accelerators.len(), 2);
}

#[test]
fn cores_are_of_the_kinds_that_the_kernel_names() {
    let m2_pro = machine("macbook-pro-m2-pro");
    let (performance, efficiency) = (CoreClass::Performance, CoreClass::Efficiency);
    assert_eq!(kinds(&m2_pro), [("Performance", performance, 8), ("Efficiency", efficiency, 4)]);
    assert_eq!(gpu(&m2_pro).cores, Some(19));
    let m5_max = machine("macbook-pro-m5-max");
    assert_eq!(kinds(&m5_max), [("Super", performance, 6), ("Performance", efficiency, 12)]);
    assert_eq!(gpu(&m5_max).runtime.as_deref(), Some("Metal 4"));
    assert!(m5_max.cpu.isa.contains(&Isa::Sme) && !m5_max.cpu.isa.contains(&Isa::Sve));
}

#[test]
fn an_ultra_has_one_neural_engine_of_twice_the_cores() {
    let host = machine("mac-studio-m3-ultra");
    let engines: Vec<_> = host.accelerators.iter().filter(|d| d.kind == AcceleratorKind::Npu).collect();
    assert_eq!((engines.len(), engines[0].cores), (1, Some(32)));
    assert_eq!(engines[0].apis, [Api::CoreMl]);
}

#[test]
fn a_laptop_on_battery_that_is_hot_and_saves_power_says_all_three() {
    let host = machine("macbook-pro-m3-max-on-battery");
    assert_eq!(
        (host.machine.kind, host.power.supply),
        (Some(MachineKind::Laptop), Some(PowerSupply::Battery))
    );
    assert_eq!(host.power.modes[0].saves_power, Some(true));
    assert_eq!(host.power.batteries[0].health_percent, Some(83));
    assert_eq!(host.thermal.throttled_now, Some(true));
    let warm = machine("macbook-air-m4");
    assert!(warm.thermal.throttled_now.is_none() && is_unknown(&warm, "thermal.throttled_now"));
}

#[test]
fn an_intel_mac_s_gpus_are_on_the_bus() {
    let host = machine("macbook-pro-intel-16");
    let told: Vec<_> = host.accelerators.iter().map(|d| (d.vendor, d.pci.as_ref().unwrap())).collect();
    assert_eq!((told[0].0, told[0].1.address.as_str()), (Vendor::Intel, "0000:00:02.0"));
    assert_eq!((told[1].0, told[1].1.device_id.as_str()), (Vendor::Amd, "7340"));
    assert_eq!(host.accelerators[1].memory.kind, Some(MemoryKind::Dedicated));
    assert_eq!(host.accelerators[1].memory.total, Some(Bytes(4 << 30)));
    assert_eq!((host.cpu.physical_cores, host.cpu.logical_cores), (Some(8), Some(16)));
    assert_eq!(host.thermal.throttled_now, Some(true));
}

#[test]
fn models_are_where_the_folder_really_lies() {
    let home = machine("macbook-pro-m5");
    assert_eq!(home.storage.mount.as_deref(), Some("/System/Volumes/Data"));
    assert_eq!((home.storage.device.as_deref(), home.storage.kind), (Some("disk0"), Some(StorageKind::Nvme)));
    assert_eq!(home.storage.read_only, Some(false));
    let external = machine("mac-studio-m4-max-wired");
    assert_eq!(external.storage.device.as_deref(), Some("disk4"));
    let share = machine("mac-mini-m4-share");
    assert_eq!(
        (share.storage.kind, share.storage.filesystem.as_deref()),
        (Some(StorageKind::Network), Some("smbfs"))
    );
    assert_eq!(share.power.batteries, []);
}

#[test]
fn a_guest_has_no_neural_engine_and_a_disk_that_is_none() {
    let host = machine("macos-vm");
    assert_eq!(host.machine.kind, Some(MachineKind::VirtualMachine));
    assert_eq!(host.accelerators.len(), 1);
    assert_eq!(host.storage.kind, Some(StorageKind::Virtual));
    assert_eq!(host.cpu.usable_cores, 3);
}
