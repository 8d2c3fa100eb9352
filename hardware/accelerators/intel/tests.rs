//! Whole GPUs, out of our machines.

use edgeorch_engines::contract::host::{Accelerator, Api, LaneRate, MemoryKind, Target, Throttle};

use crate::tests::machines::machine;

fn gpus(name: &str) -> Vec<Accelerator> {
    machine(name).accelerators
}

fn named(gpu: &Accelerator) -> Option<&str> {
    match &gpu.target {
        Some(Target::Named(name)) => Some(name),
        _ => None,
    }
}

#[test]
fn a_card_s_link_is_that_of_its_slot() {
    let [card] = gpus("arc-b580").try_into().unwrap();
    // The GPU itself says 2.5 GT/s x1.
    assert_eq!(card.link.as_ref().unwrap().now, Some(LaneRate { generation: 4, width: 8 }));
    assert_eq!((card.memory.kind, card.memory.total), (Some(MemoryKind::Dedicated), None));
    assert_eq!((named(&card), card.name.as_deref()), (Some("xe2-hpg"), Some("Battlemage G21 [Arc B580]")));
    assert_eq!((card.apis, card.temperature_celsius), (vec![Api::LevelZero], Some(46.0)));
    assert_eq!(card.throttling, Some(vec![]));
}

#[test]
fn i915_tells_of_a_card_and_of_the_processor_s_gpu() {
    let [integrated, card] = gpus("arc-a770").try_into().unwrap();
    assert_eq!((integrated.memory.kind, integrated.link), (Some(MemoryKind::Unified), None));
    assert_eq!((card.memory.kind, card.power.limit_watts), (Some(MemoryKind::Dedicated), Some(190.0)));
    assert_eq!(card.power.limit_max_watts, None, "0 stands for none");
    assert_eq!(card.throttling, Some(vec![Throttle::Thermal]));
    assert_eq!(card.apis, [Api::Vulkan], "no Level Zero");
}

#[test]
fn memory_that_is_shared_is_not_given_to_the_gpu() {
    for name in ["meteor-lake-laptop", "lunar-lake-laptop"] {
        let host = machine(name);
        let [gpu] = host.accelerators.as_slice() else { panic!("{name}") };
        assert_eq!(
            (gpu.memory.kind, gpu.memory.total, gpu.memory.free),
            (Some(MemoryKind::Unified), None, None)
        );
        let told = |field: &str| host.unknown.iter().any(|u| u.field == field && u.remedy.is_some());
        assert!(told("accelerators[0].memory.total") && told("accelerators[0].memory.free"), "{name}");
        assert_eq!(host.memory.unified, Some(true));
    }
}

#[test]
fn level_zero_without_its_loader_is_of_no_use() {
    let host = machine("meteor-lake-laptop");
    assert!(host.accelerators[0].apis.is_empty());
    let apis = host.unknown.iter().find(|u| u.field == "accelerators[0].apis").unwrap();
    assert!(apis.reason.contains("loader") && apis.remedy.is_some());
    let [gpu] = gpus("lunar-lake-laptop").try_into().unwrap();
    assert_eq!(gpu.throttling, Some(vec![Throttle::PowerCap]));
    assert_eq!(gpu.runtime.as_deref(), Some("Level Zero GPU driver 1.13.0"));
}
