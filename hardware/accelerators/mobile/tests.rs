use edgeorch_engines::contract::host::{Target, Throttle};

use super::*;
use crate::root::{Node, Tree};

fn sightings(files: &[(&str, &str)]) -> Vec<Sighting> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), Node::File(text.as_bytes().to_vec())));
    probe(&Root::of(files.collect::<Tree>()), &[]).devices
}

#[test]
fn the_table_is_well_formed() {
    assert_eq!(CHIPS.drivers.get("adreno"), Some(&Vendor::Qualcomm), "chips.yaml was not read");
    assert!(CHIPS.hexagon.values().all(|version| version.starts_with('v')));
}

#[test]
fn an_adreno_that_heat_slows_says_so() {
    let found = sightings(&[
        ("sys/class/kgsl/kgsl-3d0/gpu_model", "Adreno750v2\n"),
        ("sys/class/kgsl/kgsl-3d0/gpuclk", "231000000\n"),
        ("sys/class/kgsl/kgsl-3d0/max_gpuclk", "903000000\n"),
        ("sys/class/kgsl/kgsl-3d0/temp", "71456\n"),
        ("sys/class/kgsl/kgsl-3d0/thermal_pwrlevel", "3\n"),
    ]);
    let gpu = &found[0].accelerator;
    assert_eq!((gpu.name.as_deref(), gpu.temperature_celsius), (Some("Adreno750v2"), Some(71.5)));
    assert_eq!(gpu.clocks.as_ref().unwrap().core_max_mhz, Some(903));
    assert_eq!(gpu.throttling, Some(vec![Throttle::Thermal]));
}

#[test]
fn files_that_a_phone_hides_leave_a_device_with_reasons() {
    let found = sightings(&[("dev/kgsl-3d0", ""), ("dev/fastrpc-adsp", "")]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].accelerator.name.as_deref(), &found[0].accelerator.clocks), (None, &None));
    for field in ["name", "clocks", "temperature_celsius", "throttling", "apis"] {
        assert!(found[0].findings.unknown_fields().contains(&field), "{field}");
    }
}

#[test]
fn linux_names_an_adreno_by_its_chip_and_its_npu_by_the_board() {
    let found = sightings(&[
        ("sys/bus/platform/drivers/adreno/bind", ""),
        (
            "sys/bus/platform/drivers/adreno/3d00000.gpu/of_node/compatible",
            "qcom,adreno-43050c01\0qcom,adreno\0",
        ),
        ("dev/fastrpc-cdsp", ""),
        ("proc/device-tree/compatible", "lenovo,thinkpad-t14s\0qcom,x1e78100\0qcom,x1e80100\0"),
        ("usr/lib/aarch64-linux-gnu/libQnnHtp.so", ""),
    ]);
    assert_eq!(found[0].accelerator.name.as_deref(), Some("Adreno X1-85"));
    let npu = &found[1].accelerator;
    assert_eq!((npu.kind, &npu.target), (AcceleratorKind::Npu, &Some(Target::Named("v73".into()))));
    assert_eq!(npu.apis, [Api::Qnn]);
}

#[test]
fn numbers_that_are_none_are_passed_over() {
    let found = sightings(&[
        ("sys/class/kgsl/kgsl-3d0/gpuclk", "N/A\n"),
        ("sys/class/kgsl/kgsl-3d0/max_gpuclk", "99999999999999999999\n"),
        ("sys/class/kgsl/kgsl-3d0/temp", "-273000\n"),
        ("sys/class/kgsl/kgsl-3d0/gpu_model", "\u{1b}[2J\n"),
    ]);
    let gpu = &found[0].accelerator;
    assert_eq!((gpu.name.as_deref(), &gpu.clocks, gpu.temperature_celsius), (None, &None, None));
}
