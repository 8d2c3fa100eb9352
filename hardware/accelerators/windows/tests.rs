use edgeorch_engines::contract::Bytes;

use super::*;
use crate::root::{Node, Tree};

fn sightings(display: &str, memory: &str) -> Sightings {
    let mut tree = Tree::default();
    tree.put(".edgeorch/platform", Node::File("windows".into()));
    tree.put(".edgeorch/commands/windows-display.json", Node::File(display.into()));
    tree.put(".edgeorch/commands/windows-gpu-memory.json", Node::File(memory.into()));
    probe(&Root::of(tree), &[])
}

const NOTHING: &str = r#"{"directx": null, "usage": null}"#;

#[test]
fn the_table_is_well_formed() {
    assert_eq!(CHIP_NPUS["QCOM0D0A"].api, Api::Qnn, "npus.yaml was not read");
}

#[test]
fn sixteen_gigabytes_are_sixteen() {
    let display = r#"{"adapters": {"Name": "AMD Radeon RX 7800 XT",
        "PNPDeviceID": "PCI\\VEN_1002&DEV_747E&SUBSYS_7801148C&REV_C8\\6&1", "ConfigManagerErrorCode": 0,
        "Service": "amdwddmg", "LocationInformation": "PCI bus 3, device 0, function 0",
        "DriverVersion": "32.0.11037.4004", "AdapterRAM": 4293918720, "MemorySize": 17163091968}, "npus": null}"#;
    let found = sightings(display, NOTHING);
    let gpu = &found.devices[0].accelerator;
    assert_eq!(gpu.memory.total, Some(Bytes(17_163_091_968)));
    assert_eq!(gpu.pci.as_ref().unwrap().address, "0000:03:00.0");
    assert_eq!(gpu.apis, [Api::DirectMl]);
}

#[test]
fn adapters_without_hardware_are_not_counted() {
    let display = r#"{"adapters": [
        {"Name": "Microsoft Basic Display Adapter", "PNPDeviceID": "ROOT\\BASICDISPLAY\\0000", "ConfigManagerErrorCode": 0},
        {"Name": "Parsec Virtual Display Adapter", "PNPDeviceID": "ROOT\\DISPLAY\\0000"},
        {"Name": "VMware SVGA 3D", "PNPDeviceID": "PCI\\VEN_15AD&DEV_0405&SUBSYS_040515AD&REV_00\\3&1"}], "npus": []}"#;
    let found = sightings(display, NOTHING);
    assert!(found.devices.is_empty());
    assert_eq!(found.findings, Findings::default());
}

#[test]
fn a_gpu_lent_by_the_host_is_told_as_such() {
    let display = r#"{"adapters": {"Name": "NVIDIA GeForce RTX 4090", "PNPDeviceID": "PCI\\VEN_1414&DEV_008E&SUBSYS_00000000&REV_00\\5&1"}, "npus": null}"#;
    let found = sightings(display, NOTHING);
    assert!(found.devices.is_empty());
    assert_eq!(found.findings.unknown_fields(), ["accelerators"]);
}

#[test]
fn a_device_with_a_complaint_computes_nothing() {
    let display = r#"{"adapters": {"Name": "NVIDIA GeForce RTX 3060", "PNPDeviceID": "PCI\\VEN_10DE&DEV_2503&SUBSYS_39751462&REV_A1\\4&1",
        "ConfigManagerErrorCode": 43, "LocationInformation": "(1,0,0)"}, "npus": {"failed": "Invalid query"}}"#;
    let found = sightings(display, "");
    let device = &found.devices[0];
    assert!(device.accelerator.apis.is_empty() && device.accelerator.driver.is_none());
    assert!(device.findings.unknown_fields().contains(&"apis"));
    assert_eq!(found.findings.unknown_fields(), ["accelerators"]);
}

#[test]
fn only_windows_is_asked() {
    assert!(probe(&Root::of(Tree::default()), &[]).devices.is_empty());
}
