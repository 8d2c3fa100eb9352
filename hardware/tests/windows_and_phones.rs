//! What matters most of the machines that are no Linux computers: Windows, Android, and Snapdragon.

use edgeorch_engines::contract::host::{
    AcceleratorKind, Api, MachineKind, MemoryKind, PowerSupply, StorageKind, Target, Vendor,
};
use edgeorch_engines::contract::{Bytes, Host, Isa};

use super::machines::machine;

/// Each device as kind, vendor and place.
fn devices(host: &Host) -> Vec<(AcceleratorKind, Vendor, Option<&str>)> {
    let devices = host.accelerators.iter();
    devices.map(|it| (it.kind, it.vendor, it.pci.as_ref().map(|pci| pci.address.as_str()))).collect()
}

#[test]
fn each_gpu_of_a_windows_desktop_is_counted_once() {
    let host = machine("windows-rtx-4070-desktop");
    let expected = [
        (AcceleratorKind::Gpu, Vendor::Nvidia, Some("0000:01:00.0")),
        (AcceleratorKind::Gpu, Vendor::Amd, Some("0000:0f:00.0")),
    ];
    assert_eq!(devices(&host), expected);
    assert_eq!(host.accelerators[1].memory.kind, Some(MemoryKind::CarveOut));
    assert_eq!(host.storage.device.as_deref(), Some("PhysicalDrive1"));
}

#[test]
fn sixteen_gibibytes_do_not_end_at_four() {
    let memory = &machine("windows-radeon-7800xt").accelerators[0].memory;
    assert_eq!(memory.total, Some(Bytes(17_163_091_968)));
    assert_eq!(memory.free, Some(Bytes(17_163_091_968 - 1_879_048_192)));
    assert_eq!(memory.kind, Some(MemoryKind::Dedicated));
}

#[test]
fn a_laptop_on_battery_saves_power_and_shares_its_memory() {
    let host = machine("windows-laptop-core-ultra");
    assert_eq!(
        (host.machine.kind, host.power.supply),
        (Some(MachineKind::Laptop), Some(PowerSupply::Battery))
    );
    assert_eq!(host.power.modes[0].saves_power, Some(true));
    assert_eq!(
        (host.power.batteries[0].percent, host.power.batteries[0].health_percent),
        (Some(38), Some(88))
    );
    assert_eq!(host.memory.unified, Some(true));
    let expected = [
        (AcceleratorKind::Gpu, Vendor::Intel, Some("0000:00:02.0")),
        (AcceleratorKind::Npu, Vendor::Intel, Some("0000:00:0b.0")),
    ];
    assert_eq!(devices(&host), expected);
}

#[test]
fn windows_on_arm_has_a_gpu_and_an_npu_on_no_bus() {
    let host = machine("windows-snapdragon-x-elite");
    assert_eq!(host.machine.model.as_deref(), Some("ThinkPad T14s Gen 6"));
    assert!(host.cpu.isa.contains(&Isa::I8mm) && !host.cpu.isa.contains(&Isa::Sve));
    let expected =
        [(AcceleratorKind::Gpu, Vendor::Qualcomm, None), (AcceleratorKind::Npu, Vendor::Qualcomm, None)];
    assert_eq!(devices(&host), expected);
    assert_eq!(host.accelerators[1].apis, [Api::Qnn]);
}

#[test]
fn guests_and_servers_have_no_gpu_that_only_shows_pictures() {
    let guest = machine("windows-vm-hyper-v");
    assert_eq!(guest.machine.kind, Some(MachineKind::VirtualMachine));
    assert_eq!((guest.accelerators.len(), guest.storage.kind), (0, Some(StorageKind::Virtual)));
    let server = machine("windows-server-no-gpu");
    assert_eq!((server.machine.kind, server.cpu.sockets), (Some(MachineKind::Server), Some(2)));
    assert_eq!((server.accelerators.len(), server.memory.swap.len(), server.storage.kind), (0, 0, None));
}

#[test]
fn a_broken_powershell_leaves_what_other_programs_tell() {
    let host = machine("windows-powershell-broken");
    assert_eq!(host.os.kernel.as_deref(), Some("10.0.19045.5011"));
    assert_eq!(host.power.modes[0].value, "balanced");
    assert_eq!(host.memory.total, None);
    assert!(host.unknown.iter().any(|unknown| unknown.field == "accelerators"));
}

#[test]
fn one_of_each_thing_reads_as_a_list_of_one() {
    let host = machine("windows-one-battery-one-disk");
    assert_eq!(host.memory.total, Some(Bytes(8_233_164 << 10)));
    assert_eq!((host.power.batteries[0].percent, host.power.batteries[0].cycles), (Some(71), Some(212)));
    assert_eq!(
        (host.storage.kind, host.storage.free),
        (Some(StorageKind::Nvme), Some(Bytes(61_203_283_968)))
    );
    assert_eq!(devices(&host), [(AcceleratorKind::Gpu, Vendor::Intel, Some("0000:00:02.0"))]);
}

#[test]
fn a_phone_tells_what_its_user_may_ask() {
    let open = machine("android-snapdragon-8-gen-3");
    assert_eq!(open.machine.kind, Some(MachineKind::Phone));
    assert_eq!(open.accelerators[0].apis, [Api::OpenCl, Api::Vulkan]);
    assert_eq!(open.accelerators[1].target, Some(Target::Named("v75".into())));
    assert_eq!((open.power.supply, open.thermal.throttled_now), (Some(PowerSupply::Mains), Some(true)));

    let app = machine("android-pixel-tensor-g4");
    assert_eq!(
        (app.accelerators[0].name.as_deref(), app.accelerators[0].cores),
        (Some("Mali-G715"), Some(7))
    );
    assert_eq!((app.os.version.as_deref(), app.power.supply), (Some("15"), None));
    assert!(
        app.unknown.iter().any(|unknown| unknown.field == "thermal.zones"),
        "hidden is not the same as none"
    );

    let old = machine("android-old-armv7");
    assert_eq!((old.accelerators[0].name.as_deref(), old.os.version.as_deref()), (None, Some("6.0.1")));
    assert_eq!(old.power.modes[0].saves_power, Some(true));
}

#[test]
fn a_snapdragon_below_linux_is_told_by_its_device_tree() {
    let host = machine("snapdragon-x-elite-linux");
    assert_eq!(host.accelerators[0].name.as_deref(), Some("Adreno X1-85"));
    assert_eq!(host.accelerators[1].target, Some(Target::Named("v73".into())));
    assert!(host.accelerators[1].apis.is_empty());
}
