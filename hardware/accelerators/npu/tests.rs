use edgeorch_engines::contract::Host;
use edgeorch_engines::contract::host::{Accelerator, Api, LaneRate, Link, MemoryKind, Target};

use super::super::pci::{self, fixture};
use super::*;
use crate::root::{Node, Tree};
use crate::tests::machines::machine;

fn only(host: &Host) -> &Accelerator {
    let [npu] = host.accelerators.as_slice() else { panic!("{:?}", host.accelerators) };
    npu
}

fn reason<'a>(host: &'a Host, field: &str) -> &'a str {
    let unknown = host.unknown.iter().find(|unknown| unknown.field == field);
    unknown.map_or("", |unknown| unknown.reason.as_str())
}

fn named(target: &str) -> Option<Target> {
    Some(Target::Named(target.to_owned()))
}

#[test]
fn an_npu_without_its_driver_is_there_and_can_not_compute() {
    let host = machine("arrow-lake-npu-without-driver");
    let npu = only(&host);
    assert_eq!((npu.name.as_deref(), npu.apis.len()), (Some("Intel NPU 3720 (Arrow Lake-S)"), 0));
    assert_eq!(reason(&host, "accelerators[0].apis"), "no driver is loaded");
}

#[test]
fn an_interface_needs_driver_device_node_and_every_library() {
    let host = machine("core-ultra-lunar-lake-npu");
    assert_eq!(only(&host).apis, [Api::LevelZero]);
    assert!(reason(&host, "accelerators[0].apis").contains("libopenvino_intel_npu_plugin.so"));
    let host = machine("ryzen-ai-300-laptop");
    assert_eq!(only(&host).apis, [Api::Xdna]);
    assert_eq!(only(&host).name.as_deref(), Some("AMD XDNA 2 NPU (Krackan Point)"));
    let host = machine("coral-usb");
    assert!(only(&host).apis.is_empty() && reason(&host, "accelerators[0].apis").contains("libedgetpu"));
}

#[test]
fn a_container_without_the_device_node_has_no_interface() {
    let mut tree = Tree::default();
    let address = "0000:00:0b.0";
    fixture::function(&mut tree, address, "0x120000", ("0x8086", "0x643e"));
    let folder = format!("sys/bus/pci/devices/{address}");
    tree.put(&format!("{folder}/driver"), Node::Link("../../drivers/intel_vpu".into()));
    tree.put(&format!("{folder}/accel/accel0/dev"), Node::File("261:0\n".into()));
    for library in ["libze_loader.so.1", "libze_intel_vpu.so.1"] {
        tree.put(&format!("usr/lib/x86_64-linux-gnu/{library}"), Node::Unread);
    }
    let apis = |tree: &Tree| {
        let root = Root::of(tree.clone());
        probe(&root, &pci::functions(&root)).devices.remove(0).accelerator.apis
    };
    assert_eq!(apis(&tree), []);
    tree.put("dev/accel/accel0", Node::Unread);
    assert_eq!(apis(&tree), [Api::LevelZero]);
}

#[test]
fn a_device_that_was_given_away_to_a_virtual_machine_can_not_compute_here() {
    let mut tree = Tree::default();
    fixture::function(&mut tree, "0000:01:00.0", "0x0b4000", ("0x1e60", "0x2864"));
    tree.put("sys/bus/pci/devices/0000:01:00.0/driver", Node::Link("../../drivers/vfio-pci".into()));
    let root = Root::of(tree);
    let sighting = probe(&root, &pci::functions(&root)).devices.remove(0);
    assert!(sighting.accelerator.apis.is_empty());
    assert_eq!(sighting.accelerator.driver.unwrap().name, "vfio-pci");
    assert!(sighting.findings.unknown_fields().contains(&"apis"));
}

#[test]
fn a_sleeping_npu_has_no_clock_but_a_highest_one() {
    let host = machine("core-ultra-lunar-lake-npu");
    let clocks = only(&host).clocks.as_ref().unwrap();
    assert_eq!((clocks.core_mhz, clocks.core_max_mhz), (None, Some(1950)));
    assert_eq!(host.sources["accelerators[0].clocks.core_mhz"], "it sleeps");
    assert_eq!((&only(&host).link, only(&host).memory.kind), (&None, Some(MemoryKind::Unified)));
}

#[test]
fn only_the_firmware_tells_a_hailo_8l() {
    let npu = only(&machine("raspberry-pi-5-hailo-8l")).clone();
    assert_eq!((npu.name.as_deref(), npu.target), (Some("Hailo-8L"), named("hailo8l")));
    assert_eq!(
        (npu.apis, npu.index, npu.runtime.as_deref()),
        (vec![Api::HailoRt], Some(0), Some("HailoRT 4.20.0"))
    );
    let link = Link {
        now: Some(LaneRate { generation: 3, width: 1 }),
        best: Some(LaneRate { generation: 3, width: 4 }),
    };
    assert_eq!((npu.link, npu.memory.kind), (Some(link), Some(MemoryKind::OnChip)));
    let npu = only(&machine("raspberry-pi-5-hailo-10h")).clone();
    assert_eq!((npu.target, npu.memory.kind), (named("hailo10h"), Some(MemoryKind::Dedicated)));
}

#[test]
fn both_chips_of_a_card_have_the_memory_that_npu_smi_gives_them() {
    let host = machine("ascend-310p-server");
    let facts: Vec<_> = host
        .accelerators
        .iter()
        .filter(|device| device.vendor == Vendor::Huawei)
        .map(|npu| (npu.index, npu.memory.total.unwrap().0 >> 20, npu.memory.free.unwrap().0 >> 20))
        .collect();
    assert_eq!(facts, [(Some(0), 44_280, 42_498), (Some(1), 43_693, 42_342)]);
    let npu = host.accelerators.iter().find(|device| device.vendor == Vendor::Huawei).unwrap();
    assert_eq!((npu.target.clone(), npu.runtime.as_deref()), (named("Ascend310P3"), Some("CANN 8.0.RC3")));
    assert_eq!((npu.temperature_celsius, npu.power.draw_watts), (Some(43.0), None));
}

#[test]
fn rockchip_s_driver_and_linux_s_tell_of_the_same_npu_once() {
    let host = machine("orange-pi-5-rk3588");
    let npu = host.accelerators.iter().find(|device| device.vendor == Vendor::Rockchip).unwrap();
    assert_eq!((npu.apis.as_slice(), npu.temperature_celsius), (&[Api::Rknn][..], Some(46.2)));
    assert_eq!(npu.clocks.as_ref().unwrap().core_mhz, Some(1000));
    assert_eq!(npu.driver.as_ref().unwrap().version.as_deref(), Some("0.9.8"));
    let host = machine("rk3588-mainline-rocket");
    let npus: Vec<_> = host.accelerators.iter().filter(|device| device.vendor == Vendor::Rockchip).collect();
    assert_eq!((npus.len(), npus[0].name.as_deref()), (1, Some("Rockchip RK3588 NPU")));
    assert_eq!(npus[0].cores, Some(3));
    assert!(npus[0].apis.is_empty());
}

#[test]
fn corals_are_found_on_both_buses() {
    let npu = only(&machine("coral-pcie")).clone();
    assert_eq!((npu.apis, npu.temperature_celsius, npu.index), (vec![Api::EdgeTpu], Some(47.8), Some(0)));
    let host = machine("coral-usb");
    assert_eq!((&only(&host).pci, &only(&host).driver), (&None, &None));
    assert_eq!(host.sources["accelerators[0].link"], "it is on USB");
}

#[test]
fn a_card_whose_driver_tells_no_memory_has_none_made_up() {
    let host = machine("qaic-cloud-ai-100");
    let npu = host.accelerators.iter().find(|device| device.vendor == Vendor::Qualcomm).unwrap();
    assert_eq!((npu.memory.kind, npu.memory.total), (Some(MemoryKind::Dedicated), None));
    let link = npu.link.as_ref().unwrap();
    assert_eq!(link.now, Some(LaneRate { generation: 3, width: 8 }));
}

#[test]
fn a_driver_in_the_kernel_tells_its_version_to_root_alone() {
    let mut tree = Tree::default();
    let folder = "sys/bus/platform/devices/27700000.npu";
    let uevent = "DRIVER=RKNPU\nOF_NAME=npu\nOF_COMPATIBLE_0=rockchip,rk3576-rknpu\nOF_COMPATIBLE_N=1\n";
    tree.put(&format!("{folder}/uevent"), Node::File(uevent.into()));
    tree.put("sys/kernel/debug/rknpu/version", Node::Denied);
    let driver = |tree: &Tree| {
        let sighting = probe(&Root::of(tree.clone()), &[]).devices.remove(0);
        let denied = sighting.findings.unknown_fields().contains(&"driver.version");
        (sighting.accelerator.name, sighting.accelerator.driver.unwrap().version, denied)
    };
    let name = Some("Rockchip RK3576 NPU".to_owned());
    assert_eq!(driver(&tree), (name.clone(), None, true));
    tree.put("sys/kernel/debug/rknpu/version", Node::File("RKNPU driver: v0.9.6\n".into()));
    assert_eq!(driver(&tree), (name, Some("0.9.6".to_owned()), false));
}

#[test]
fn a_foreign_driver_without_a_version_is_not_called_the_kernel_s() {
    let mut tree = Tree::default();
    fixture::function(&mut tree, "0000:01:00.0", "0x088000", ("0x1ac1", "0x089a"));
    tree.put("sys/bus/pci/devices/0000:01:00.0/driver", Node::Link("../../drivers/apex".into()));
    tree.put("sys/bus/pci/drivers/apex/module", Node::Link("../../../../module/apex".into()));
    tree.put("sys/module/apex/taint", Node::File("OE\n".into()));
    let root = Root::of(tree);
    let sighting = probe(&root, &pci::functions(&root)).devices.remove(0);
    assert!(sighting.findings.unknown_fields().contains(&"driver.version"));
}

#[test]
fn a_vendor_s_tool_that_fails_leaves_reasons_and_the_device() {
    let mut tree = Tree::default();
    fixture::function(&mut tree, "0000:c2:00.0", "0x120000", ("0x19e5", "0xd802"));
    tree.put(
        "sys/bus/pci/devices/0000:c2:00.0/driver",
        Node::Link("../../drivers/devdrv_device_driver".into()),
    );
    tree.put(".edgeorch/commands/npu-smi-info.failed", Node::File("npu-smi did not end within 2 s".into()));
    let root = Root::of(tree);
    let sighting = probe(&root, &pci::functions(&root)).devices.remove(0);
    assert_eq!(sighting.accelerator.name.as_deref(), Some("Huawei Ascend 910B"));
    let unknown = sighting.findings.unknown_fields();
    assert!(
        ["memory.total", "memory.free", "target"].iter().all(|field| unknown.contains(field)),
        "{unknown:?}"
    );
}
