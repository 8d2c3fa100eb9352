//! Whole GPUs: out of our machines, and out of real captures where they are at hand.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Accelerator, Api, LaneRate, MemoryKind, Target, Throttle};

use super::*;
use crate::root::{Node, Tree};
use crate::tests::captured::captures;
use crate::tests::machines::machine;

const GIB: u64 = 1 << 30;

fn gpus(name: &str) -> Vec<Accelerator> {
    machine(name).accelerators
}

fn gfx(gpu: &Accelerator) -> Option<&str> {
    match &gpu.target {
        Some(Target::Gfx(name)) => Some(name),
        _ => None,
    }
}

#[test]
fn an_apu_has_its_carve_out_and_what_the_driver_may_map() {
    let [gpu] = gpus("strix-halo-128g").try_into().unwrap();
    assert_eq!(gpu.memory.kind, Some(MemoryKind::CarveOut));
    let parts: Vec<(&str, u64)> =
        gpu.memory.parts.iter().map(|part| (part.name.as_str(), part.total.0)).collect();
    assert_eq!(parts, [("vram", GIB / 2), ("gtt", 67_024_142_336)]);
    assert_eq!(gpu.memory.total, Some(Bytes(GIB / 2 + 67_024_142_336)));
    assert_eq!((gfx(&gpu), gpu.cores), (Some("gfx1151"), Some(40)));
    assert_eq!((gpu.apis.as_slice(), gpu.runtime.as_deref()), (&[Api::Rocm][..], Some("ROCm 6.4.1")));
    assert_eq!(gpu.link, None);
}

#[test]
fn what_the_system_can_t_give_is_not_free_on_the_gpu() {
    let [gpu] = gpus("strix-halo-96g-carve-out").try_into().unwrap();
    // 94 of 96 GiB carved out, and 3 GiB of main memory, of which GTT could map 15.
    assert_eq!(gpu.memory.free, Some(Bytes(94 * GIB + (3 << 30))));
    assert_eq!((gpu.apis.as_slice(), gpu.runtime), (&[Api::Vulkan][..], None));
}

#[test]
fn a_card_beside_an_integrated_gpu_is_told_apart_from_it() {
    let [card, integrated] = gpus("rx-7900-xtx-desktop").try_into().unwrap();
    assert_eq!(card.name.as_deref(), Some("AMD Radeon RX 7900 XTX"));
    assert_eq!(card.memory.kind, Some(MemoryKind::Dedicated));
    assert_eq!(card.memory.total, Some(Bytes(25_753_026_560)));
    assert_eq!(card.memory.free, Some(Bytes(25_753_026_560 - 1_245_839_360)));
    assert_eq!((card.cores, card.throttling), (Some(96), Some(vec![Throttle::PowerCap])));
    // The slot's, not the 16 lanes that the GPU has to the card's own switch.
    assert_eq!(card.link.unwrap().now, Some(LaneRate { generation: 4, width: 8 }));
    assert_eq!(integrated.memory.kind, Some(MemoryKind::CarveOut));
    assert_eq!(integrated.memory.parts[0].total, Bytes(GIB / 2));
    assert_eq!((card.index, integrated.index), (Some(0), Some(1)));
}

#[test]
fn cards_of_one_machine_keep_their_own_figures() {
    let [pro, small] = gpus("r9700-and-rx-7600").try_into().unwrap();
    assert_eq!((gfx(&pro), gfx(&small)), (Some("gfx1201"), Some("gfx1102")));
    assert_eq!(
        (pro.memory.total, small.memory.total),
        (Some(Bytes(34_208_743_424)), Some(Bytes(8_573_157_376)))
    );
    assert_eq!(small.link.unwrap().best, Some(LaneRate { generation: 4, width: 4 }));
    assert_eq!(pro.driver.unwrap().version.as_deref(), Some("6.16.6"));

    let [first, second, integrated] = gpus("two-mi50-and-cezanne").try_into().unwrap();
    for card in [&first, &second] {
        assert_eq!((gfx(card), card.memory.total), (Some("gfx906"), Some(Bytes(34_342_961_152))));
        assert_eq!(card.memory.kind, Some(MemoryKind::Dedicated));
    }
    assert_ne!(first.uuid, second.uuid);
    assert_eq!((gfx(&integrated), integrated.memory.kind), (Some("gfx90c"), Some(MemoryKind::CarveOut)));
    assert_eq!(integrated.memory.parts[0].total, Bytes(GIB / 2));
}

#[test]
fn processing_accelerators_of_amd_are_gpus_and_a_bmc_is_none() {
    let gpus = gpus("mi300x-8");
    assert_eq!(gpus.len(), 8);
    for (i, gpu) in gpus.iter().enumerate() {
        assert_eq!((gfx(gpu), gpu.cores), (Some("gfx942"), Some(304)));
        assert_eq!(
            (gpu.memory.kind, gpu.memory.total),
            (Some(MemoryKind::Dedicated), Some(Bytes(206_141_652_992)))
        );
        assert_eq!((gpu.index, gpu.name.as_deref()), (Some(i as u32), Some("AMD Instinct MI300X OAM")));
    }
    assert_eq!(gpus[0].temperature_celsius, Some(35.0));
    assert!(self::gpus("xeon-with-bmc-only").is_empty());
}

#[test]
fn a_gpu_that_cannot_be_used_is_there_with_the_reason() {
    let host = machine("rx-6800-kept-for-a-vm");
    let [gpu] = host.accelerators.as_slice() else { panic!("{:?}", host.accelerators) };
    assert_eq!(gpu.driver.as_ref().unwrap().name, "vfio-pci");
    assert_eq!((gpu.memory.total, gpu.apis.len()), (None, 0));
    assert!(
        host.unknown.iter().any(|u| u.field == "accelerators[0]" && u.reason.contains("virtual machine"))
    );
    // The second head of the card without a driver is no third GPU.
    assert_eq!(gpus("radeon-hd-6450").len(), 2);
}

#[test]
fn a_container_without_a_bus_has_what_the_tool_tells() {
    let host = machine("rx-6700-xt-container");
    let [gpu] = host.accelerators.as_slice() else { panic!("{:?}", host.accelerators) };
    assert_eq!((gfx(gpu), gpu.memory.kind), (Some("gfx1031"), Some(MemoryKind::Dedicated)));
    assert_eq!(gpu.memory.free, Some(Bytes(12_868_124_672 - 904_056_832)));
    assert_eq!(gpu.driver.as_ref().unwrap().version, None, "the kernel's version is not the driver's");
    assert_eq!(gpu.pci.as_ref().unwrap().address, "0000:0a:00.0");
}

#[test]
fn a_container_without_tools_says_that_a_gpu_is_there() {
    let mut tree = Tree::default();
    tree.put("dev/kfd", Node::Unread);
    let sightings = probe(&Root::of(tree), &[]);
    assert!(sightings.devices.is_empty());
    assert_eq!(sightings.findings.unknown_fields(), ["accelerators"]);
    assert!(probe(&Root::of(Tree::default()), &[]).findings.unknown_fields().is_empty());
}

#[test]
fn what_the_bus_lacks_the_tools_may_fill() {
    let mut tree = Tree::default();
    pci::fixture::function(&mut tree, "0000:0a:00.0", "0x030000", ("0x1002", "0x73df"));
    tree.put(&pci::file("0000:0a:00.0", "driver"), Node::Link("../../bus/pci/drivers/amdgpu".into()));
    let without = Root::of(tree.clone());
    let functions = pci::functions(&without);
    let sighting = probe(&without, &functions).devices.remove(0);
    assert_eq!(sighting.accelerator.memory.total, None);
    assert!(sighting.findings.unknown_fields().contains(&"memory"));

    let amd_smi = r#"[{"gpu": 0, "bus": {"bdf": "0000:0a:00.0"}, "vram": {"size": {"value": 12272, "unit": "MB"}},
        "asic": {"target_graphics_version": "gfx1031"}}]"#;
    tree.put(".edgeorch/commands/amd-smi-static.json", Node::File(amd_smi.into()));
    let sighting = probe(&Root::of(tree), &functions).devices.remove(0);
    assert_eq!(sighting.accelerator.memory.total, Some(Bytes(12272 << 20)));
    assert_eq!(sighting.accelerator.memory.kind, Some(MemoryKind::Dedicated));
    assert_eq!(sighting.findings.source("memory"), Some("amd-smi --json"));
}

#[test]
fn real_captures_of_rocm_smi_become_the_cards_that_they_are_of() {
    let Some(folder) = captures("amd") else { return };
    let expected = [
        ("rx6700xt_rocm430.json", "73df", 1, 12_868_124_672, Some(211.0), Some(6.0)),
        ("rx6700xt_rocm571.json", "73df", 1, 12_868_124_672, Some(211.0), Some(6.0)),
        ("rx6700xt_rocm602.json", "73df", 1, 12_868_124_672, Some(211.0), None),
        ("rx6700xt_rocm612.json", "73df", 1, 12_868_124_672, Some(211.0), Some(6.0)),
        ("mi100_rocm571.json", "738c", 6, 34_342_961_152, Some(290.0), Some(39.0)),
        ("mi100_rocm602.json", "738c", 4, 34_342_961_152, Some(290.0), Some(36.0)),
        ("vega-10-XT.json", "6861", 1, 17_163_091_968, Some(170.0), Some(15.0)),
        ("vega-20-WKS-GL-XE.json", "66a1", 1, 34_342_961_152, Some(225.0), Some(26.0)),
    ];
    for (file, device, count, memory, limit, draw) in expected {
        let text = std::fs::read(folder.join(file)).unwrap();
        let mut tree = Tree::default();
        tree.put("dev/kfd", Node::Unread);
        tree.put(".edgeorch/commands/rocm-smi.json", Node::File(text));
        let devices = probe(&Root::of(tree), &[]).devices;
        let gpu = &devices[0].accelerator;
        assert_eq!(devices.len(), count, "{file}");
        assert_eq!(gpu.pci.as_ref().unwrap().device_id, device, "{file}");
        assert_eq!(gpu.memory.total, Some(Bytes(memory)), "{file}");
        assert_eq!((gpu.power.limit_watts, gpu.power.draw_watts), (limit, draw), "{file}");
    }
}
