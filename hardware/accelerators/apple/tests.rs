use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{AcceleratorKind, MemoryKind};

use super::*;
use crate::{Node, Tree};

/// A Mac on which these commands print these things.
fn mac(commands: &[(&str, &str)]) -> Root {
    let mut tree = Tree::default();
    tree.put(".edgeorch/platform", Node::File("macos".into()));
    for (name, text) in commands {
        tree.put(&format!(".edgeorch/commands/{name}"), Node::File((*text).into()));
    }
    Root::of(tree)
}

const APPLE: (&str, &str) = ("sysctl-cpu-kind", "hw.cputype: 16777228\n");
const INTEL: (&str, &str) = ("sysctl-cpu-kind", "hw.cputype: 7\n");
const REAL: (&str, &str) = ("sysctl-guest", "kern.hv_vmm_present: 0\n");
const DISPLAYS: &str = "system_profiler-displays.json";

fn kinds(sightings: &Sightings) -> Vec<AcceleratorKind> {
    sightings.devices.iter().map(|device| device.accelerator.kind).collect()
}

#[test]
fn no_other_system_is_asked() {
    let sightings = probe(&Root::of(Tree::default()), &[]);
    assert!(sightings.devices.is_empty() && sightings.findings.unknown_fields().is_empty());
}

#[test]
fn a_list_that_is_empty_or_none_hides_no_apple_chip_and_makes_no_intel_gpu_up() {
    for text in [r#"{"SPDisplaysDataType": []}"#, "{}", "", r#"{"SPDisplaysDataType": [{"_name": 7}, null]}"#]
    {
        let apple = probe(&mac(&[APPLE, REAL, (DISPLAYS, text)]), &[]);
        assert_eq!(kinds(&apple), [AcceleratorKind::Gpu, AcceleratorKind::Npu], "{text}");
        let gpu = &apple.devices[0];
        assert_eq!((gpu.accelerator.memory.total, gpu.accelerator.apis.len()), (None, 0));
        assert!(gpu.findings.unknown_fields().contains(&"name"));
        let intel = probe(&mac(&[INTEL, REAL, (DISPLAYS, text)]), &[]);
        assert_eq!(kinds(&intel), []);
        assert_eq!(intel.findings.unknown_fields(), ["accelerators"]);
    }
}

#[test]
fn of_a_machine_that_may_be_virtual_nothing_is_assumed() {
    assert_eq!(kinds(&probe(&mac(&[APPLE]), &[])), []);
}

#[test]
fn two_cards_of_one_model_have_a_place_each() {
    let card = r#"{"spdisplays_vendor": "sppci_vendor_amd", "spdisplays_device-id": "0x66A3", "spdisplays_vram": "32 GB"}"#;
    let object = |bus: u32| {
        format!(
            "+-o GFX0@0  <class IOPCIDevice>\n {{\n \"class-code\" = <00000300>\n \"vendor-id\" = <02100000>\n \"device-id\" = <a3660000>\n \"pcidebug\" = \"{bus}:0:0\"\n }}\n"
        )
    };
    let (list, bus) =
        (format!(r#"{{"SPDisplaysDataType": [{card}, {card}, {card}]}}"#), object(7) + &object(10));
    let sightings = probe(&mac(&[INTEL, REAL, (DISPLAYS, &list), ("ioreg-pci", &bus)]), &[]);
    let address = |i: usize| sightings.devices[i].accelerator.pci.as_ref().map(|pci| pci.address.as_str());
    assert_eq!((address(0), address(1), address(2)), (Some("0000:07:00.0"), Some("0000:0a:00.0"), None));
    assert!(sightings.devices[2].findings.unknown_fields().contains(&"pci"));
    assert_eq!(sightings.devices[0].accelerator.memory.total, Some(Bytes(32 << 30)));
}

#[test]
fn an_intel_gpu_is_metals_only_device_that_works_in_main_memory() {
    let list = r#"{"SPDisplaysDataType": [{"spdisplays_vendor": "Intel", "sppci_model": "Intel Iris Plus Graphics",
        "spdisplays_vram_shared": "1536 MB"}]}"#;
    let metal = r#"[{"name":"Intel(R) Iris(TM) Plus Graphics","unified":true,"working_set":8589934592,"apple_family":null}]"#;
    let sightings = probe(&mac(&[INTEL, REAL, (DISPLAYS, list), ("metal.json", metal)]), &[]);
    let memory = &sightings.devices[0].accelerator.memory;
    assert_eq!((memory.kind, memory.total), (Some(MemoryKind::Unified), Some(Bytes(8 << 30))));
}
