use edgeorch_engines::contract::host::{Accelerator, AcceleratorKind, Driver, MemoryKind, Target, Vendor};
use edgeorch_engines::contract::{Bytes, Memory, MemoryLimit, Unknown};
use proptest::prelude::*;

use super::page::{parts, wrap};
use super::*;

/// 12 of 16 GiB are available, there is no GPU.
fn host() -> Host {
    let mut host: Host =
        serde_json::from_str(include_str!("../../engines/contract/host.example.json")).unwrap();
    host.memory.total = Some(Bytes::gib(16));
    host.memory.available = Some(Bytes::gib(12));
    host
}

#[test]
fn the_bar_shows_what_a_limit_keeps_away() {
    let mut host = host();
    assert_eq!(bar::memory(&host.memory, 50).unwrap(), "[██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░] 25% used");
    host.memory.limit = Some(MemoryLimit { bytes: Bytes::gib(4), used: Bytes::ZERO, source: "/x".into() });
    assert_eq!(bar::memory(&host.memory, 50).unwrap(), "[██████████░░░░░░░░░░···················] 25% used");
    host.memory.total = None;
    assert_eq!(bar::memory(&host.memory, 50), None);
}

#[test]
fn a_gpu_says_what_it_has_free() {
    let mut host = host();
    let mut gpu = Accelerator::new(AcceleratorKind::Gpu, Vendor::Nvidia);
    gpu.name = Some("NVIDIA H100 80GB HBM3".into());
    gpu.memory.total = Some(Bytes::gib(80));
    gpu.memory.free = Some(Bytes::gib(79));
    gpu.driver = Some(Driver { name: "nvidia".into(), version: Some("580.95".into()) });
    gpu.target = Some(Target::ComputeCapability("9.0".into()));
    gpu.memory.kind = Some(MemoryKind::Dedicated);
    host.accelerators.push(gpu);
    let screen = print(&host, 100, false);
    for line in [
        "GPU 0      NVIDIA H100 80GB HBM3, 79.0 GiB free of 80.0 GiB (its own)\n",
        "           [█░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░] 1% used\n",
        "           compute 9.0, driver nvidia 580.95\n",
    ] {
        assert!(screen.contains(line), "{screen}");
    }
}

#[test]
fn no_gpu_is_told_apart_from_one_that_cannot_be_asked() {
    let mut host = host();
    assert!(print(&host, 80, false).contains("GPU        none found\n"));
    host.unknown.push(Unknown {
        field: "accelerators".into(),
        reason: "driver library not found".into(),
        remedy: None,
    });
    assert!(print(&host, 80, false).contains("GPU        unknown\n"));
}

#[test]
fn color_is_only_there_when_asked_for() {
    assert!(!print(&host(), 80, false).contains('\u{1b}'));
    assert!(print(&host(), 80, true).contains("\u{1b}[1mCPU"));
}

#[test]
fn short_facts_stay_on_one_line_and_nothing_steers_the_terminal() {
    let text = parts([Some("12.4 GiB available of 15.6 GiB in all".into()), Some("4.0 GiB swap".into())]);
    assert_eq!(wrap(&text, 44).concat(), "12.4 GiB available of 15.6 GiB in all,4.0\u{a0}GiB\u{a0}swap");
    let mut host = host();
    host.unknown.push(Unknown {
        field: "os".into(),
        reason: "/\u{1b}[2J does not exist".into(),
        remedy: None,
    });
    assert!(!print(&host, 80, false).contains('\u{1b}'));
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal(width in 40usize..120, model in "[a-z ]{0,200}", reason in ".{0,300}") {
        let mut host = host();
        host.cpu.model = Some(model);
        host.unknown.push(Unknown { field: "os.libc".into(), reason, remedy: None });
        for line in print(&host, width, false).lines() {
            prop_assert!(line.chars().count() <= width, "{line:?}");
        }
    }

    #[test]
    fn the_bar_is_drawn_for_any_sizes(total: u64, available: u64, limit: u64, used: u64, width in 0usize..90) {
        let limit = Some(MemoryLimit { bytes: Bytes(limit), used: Bytes(used), source: String::new() });
        let (total, available) = (Some(Bytes(total)), Some(Bytes(available)));
        bar::memory(&Memory { total, available, limit, ..Memory::default() }, width);
    }
}
