use std::collections::BTreeSet;

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{AcceleratorKind, Api, PciDevice, Target, Vendor};

use super::table::{Entry, FILES, TABLE};
use super::weight_types::{ROWS, Row, TEXT};
use super::*;

fn card(id: &str, memory: Option<Bytes>, revision: Option<&str>) -> Accelerator {
    let (vendor, device) = id.split_once(':').unwrap();
    let mut accelerator = Accelerator::new(AcceleratorKind::Gpu, Vendor::Nvidia);
    accelerator.pci = Some(PciDevice {
        address: "0000:01:00.0".into(),
        vendor_id: vendor.into(),
        device_id: device.into(),
        subsystem: None,
        revision: revision.map(str::to_owned),
    });
    accelerator.memory.total = memory;
    accelerator
}

fn found(accelerator: &Accelerator, compatible: &[&str]) -> Option<&'static Entry> {
    let compatible: Vec<String> = compatible.iter().map(ToString::to_string).collect();
    table::find(&Identity { accelerator, compatible: &compatible })
}

fn types(accelerator: &Accelerator) -> Vec<String> {
    weight_types::find(&Identity { accelerator, compatible: &[] }).map(|(types, _)| types).unwrap_or_default()
}

#[test]
fn every_file_is_well_formed_and_the_table_has_its_size() {
    for (name, text) in FILES {
        if let Err(error) = serde_saphyr::from_str::<Vec<Entry>>(text) {
            panic!("{name}.yaml: {error}");
        }
    }
    if let Err(error) = serde_saphyr::from_str::<Vec<Row>>(TEXT) {
        panic!("weight_types.yaml: {error}");
    }
    assert!(TABLE.len() >= 300, "{}", TABLE.len());
    assert!(ROWS.len() >= 20, "{}", ROWS.len());
}

#[test]
fn every_figure_is_one_that_such_a_device_can_have_and_has_a_source() {
    // Between the least and the most that any device of these years reaches, by the makers' own figures.
    let ranges = [
        ("bandwidth_gbs", 10.0..=8_100.0),
        ("fp16_tflops", 0.02..=310.0),
        ("fp16_tensor_tflops", 1.0..=2_600.0),
        ("int8_tops", 1.0..=5_300.0),
        ("tdp_watts", 1.0..=1_400.0),
    ];
    for entry in TABLE.iter() {
        assert!(entry.source.len() > 8, "{} has no source", entry.device);
        for ((name, figure), (_, range)) in entry.figures().into_iter().zip(&ranges) {
            assert!(
                figure.is_none_or(|figure| range.contains(&figure)),
                "{}: {name} {figure:?}",
                entry.device
            );
        }
    }
}

#[test]
fn every_entry_has_one_identity_and_no_other_entry_has_it() {
    let mut met = BTreeSet::new();
    for entry in TABLE.iter() {
        let wanted = &entry.matching;
        let named = !wanted.pci.is_empty() || !wanted.compatible.is_empty() || wanted.chip.is_some();
        assert!(named, "{} can't be found", entry.device);
        assert_eq!(wanted.chip.is_some(), wanted.gpu_cores.is_some(), "{}", entry.device);
        for id in &wanted.pci {
            let (vendor, device) = id.split_once(':').unwrap_or_else(|| panic!("{}: {id}", entry.device));
            let is_hex = |text: &str| text.len() == 4 && text.chars().all(|c| "0123456789abcdef".contains(c));
            assert!(is_hex(vendor) && is_hex(device), "{}: {id}", entry.device);
        }
        let chip = wanted.chip.iter().map(|chip| format!("{chip} {:?}", wanted.gpu_cores));
        for name in wanted.pci.iter().chain(&wanted.compatible).cloned().chain(chip) {
            let memory = wanted.memory.map(|size| size.0);
            let identity = (entry.kind, name, memory, wanted.revision.clone(), wanted.subsystem.clone());
            assert!(met.insert(identity.clone()), "{}: {identity:?} is there twice", entry.device);
        }
    }
}

#[test]
fn known_traps_have_the_figures_of_their_makers() {
    // (id, memory, GB/s): where other tools' tables are wrong.
    for (id, gib, bandwidth) in [("10de:2684", 24, 1008.0), ("8086:56a0", 16, 560.0), ("10de:2d05", 8, 448.0)]
    {
        let entry = found(&card(id, Some(Bytes::gib(gib)), None), &[]).unwrap_or_else(|| panic!("{id}"));
        assert!((entry.bandwidth_gbs.unwrap() - bandwidth).abs() < 1.5, "{id}: {entry:?}");
    }
}

#[test]
fn the_laptop_part_of_a_name_is_another_device() {
    let (desktop, laptop) = (card("10de:2684", None, None), card("10de:2717", None, None));
    let (desktop, laptop) = (found(&desktop, &[]).unwrap(), found(&laptop, &[]).unwrap());
    assert_eq!((desktop.laptop, laptop.laptop), (Some(false), Some(true)));
    assert!(laptop.bandwidth_gbs < desktop.bandwidth_gbs);
}

#[test]
fn a_revision_tells_products_of_one_id_apart() {
    let of = |revision| {
        let card = card("1002:743f", Some(Bytes::gib(4)), revision);
        (found(&card, &[]).unwrap().device.as_str(), found(&card, &[]).unwrap().bandwidth_gbs)
    };
    assert_eq!(of(Some("c7")), ("AMD Radeon RX 6400", Some(128.0)));
    assert_eq!(of(None).1, None);
}

#[test]
fn memory_tells_sizes_of_one_id_apart_and_an_unknown_size_fits_none() {
    let sized: Vec<&Entry> = TABLE.iter().filter(|entry| entry.matching.memory.is_some()).collect();
    let pair = sized.iter().find_map(|a| {
        let id = a.matching.pci.first()?;
        sized
            .iter()
            .find(|b| b.matching.pci.contains(id) && b.device != a.device)
            .map(|b| (*a, *b, id.clone()))
    });
    let (a, b, id) = pair.expect("the table has one id with two sizes");
    for entry in [a, b] {
        let reported = entry.matching.memory.unwrap().0.fraction(0.985);
        let revision = entry.matching.revision.first().map(String::as_str);
        assert_eq!(found(&card(&id, Some(reported), revision), &[]).unwrap().device, entry.device);
    }
    assert!(found(&card(&id, None, None), &[]).is_none());
}

#[test]
fn a_part_of_the_chip_is_found_by_the_machine_and_a_card_in_it_is_not() {
    let mut gpu = Accelerator::new(AcceleratorKind::Gpu, Vendor::Nvidia);
    assert!(found(&gpu, &["nvidia,p3767-0005", "nvidia,tegra234"]).is_some());
    gpu.pci = card("10de:ffff", None, None).pci;
    assert!(found(&gpu, &["nvidia,p3767-0005", "nvidia,tegra234"]).is_none());
}

#[test]
fn an_apple_chip_is_found_by_its_exact_name_and_its_cores() {
    let mut gpu = Accelerator::new(AcceleratorKind::Gpu, Vendor::Apple);
    gpu.name = Some("Apple M3 Max".into());
    gpu.cores = Some(40);
    assert_eq!(found(&gpu, &[]).unwrap().bandwidth_gbs, Some(400.0));
    gpu.cores = Some(39);
    assert!(found(&gpu, &[]).is_none());
}

#[test]
fn weight_types_follow_the_architecture_by_number() {
    let mut gpu = card("10de:2684", None, None);
    gpu.apis = vec![Api::Cuda];
    gpu.target = Some(Target::ComputeCapability("8.6".into()));
    assert!(types(&gpu).contains(&"bf16".into()) && !types(&gpu).contains(&"fp8_e4m3".into()));
    gpu.target = Some(Target::ComputeCapability("12.0".into()));
    assert!(types(&gpu).contains(&"nvfp4".into()));
    gpu.apis.clear();
    assert_eq!(types(&gpu), Vec::<String>::new());
}
