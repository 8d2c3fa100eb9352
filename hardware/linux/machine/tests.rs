use super::*;
use crate::{Node, Tree};

fn machine(files: &[(&str, &str)], cpuinfo: &str) -> (Machine, Findings) {
    let nodes = files.iter().map(|(path, text)| ((*path).to_owned(), Node::File(text.as_bytes().to_vec())));
    let root = Root::of(nodes.collect::<Tree>());
    let mut findings = Findings::default();
    let machine = probe(&root, &CpuInfo::parse(cpuinfo), &mut findings);
    (machine, findings)
}

const METAL: &str = "processor: 0\nflags: fpu lm\n";
const GUEST: &str = "processor: 0\nflags: fpu lm hypervisor\n";
const KERNEL: &str = "proc/sys/kernel/osrelease";
const CHASSIS: &str = "sys/class/dmi/id/chassis_type";
const BOARD: &str = "proc/device-tree/model";

#[test]
fn a_container_on_a_virtual_machine_is_a_container_with_both_layers() {
    let (machine, _) = machine(
        &[(CHASSIS, "9\n"), ("sys/class/dmi/id/sys_vendor", "QEMU\n"), ("run/.containerenv", "")],
        GUEST,
    );
    assert_eq!(machine.kind, Some(MachineKind::Container));
    assert_eq!(machine.virtualization, ["qemu", "podman"]);
}

#[test]
fn windows_subsystem_needs_its_kernel_and_its_marks() {
    let release = (KERNEL, "5.15.167.4-microsoft-standard-WSL2\n");
    let (wsl, _) = machine(&[release, ("proc/sys/fs/binfmt_misc/WSLInterop", "enabled\n")], GUEST);
    assert_eq!(
        (wsl.kind, wsl.virtualization),
        (Some(MachineKind::Wsl), vec!["unnamed".into(), "wsl".into()])
    );
    let (other, _) = machine(&[release], GUEST);
    assert_eq!(other.kind, Some(MachineKind::VirtualMachine));
    let (contained, _) = machine(&[release, ("run/.containerenv", "")], GUEST);
    assert_eq!(contained.kind, Some(MachineKind::Container));
    assert_eq!(contained.virtualization, ["unnamed", "wsl", "podman"]);
}

#[test]
fn bare_metal_is_told_by_its_chassis_with_a_source_for_every_field() {
    let (laptop, findings) = machine(
        &[
            (CHASSIS, "10\n"),
            ("sys/class/dmi/id/sys_vendor", "HP\n"),
            ("sys/class/dmi/id/product_name", "X 1\n"),
        ],
        METAL,
    );
    assert_eq!(laptop.kind, Some(MachineKind::Laptop));
    assert!(laptop.virtualization.is_empty() && laptop.compatible.is_empty());
    assert!(findings.unknown_fields().is_empty());
    assert!(findings.source("machine.virtualization").is_some());
}

#[test]
fn a_board_with_a_device_tree_is_no_desktop_whatever_its_firmware_says() {
    let (jetson, _) = machine(&[(BOARD, "NVIDIA Jetson\0"), (CHASSIS, "3\n")], "");
    assert_eq!(jetson.kind, Some(MachineKind::SingleBoard));
    let (laptop, _) = machine(&[(BOARD, "Lenovo X13s\0"), (CHASSIS, "10\n")], "");
    assert_eq!(laptop.kind, Some(MachineKind::Laptop));
    let (laptop, _) =
        machine(&[(BOARD, "Apple MacBook\0"), ("proc/device-tree/chassis-type", "laptop\0")], "");
    assert_eq!(laptop.kind, Some(MachineKind::Laptop));
}

#[test]
fn nothing_to_see_is_unknown_and_not_bare_metal() {
    let (_, findings) = machine(&[], "");
    let expected = ["machine.vendor", "machine.model", "machine.kind", "machine.virtualization"];
    assert_eq!(findings.unknown_fields(), expected);
}
