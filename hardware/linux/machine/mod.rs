//! Maker, model and kind of the machine, and what lies between this process and the hardware.

use edgeorch_engines::contract::host::{Machine, MachineKind};

use super::cpu::cpuinfo::CpuInfo;
use super::device_tree;
use crate::Root;
use crate::findings::Findings;
use dmi::{Dmi, Named};
use hypervisor::Layer;

mod board;
mod container;
mod dmi;
mod hypervisor;

const NOWHERE: &str = "neither SMBIOS nor a device tree names it";

pub fn probe(root: &Root, info: &CpuInfo, findings: &mut Findings) -> Machine {
    let dmi = Dmi::read(root);
    let layers = Layers::read(root, info, &dmi);
    let compatible = device_tree::list(root, "compatible");
    match compatible.is_empty() {
        true => findings.none("machine.compatible", "there is no device tree"),
        false => findings.known("machine.compatible", device_tree::shown("compatible")),
    }
    Machine {
        vendor: named("machine.vendor", dmi.vendor().or_else(|| board::vendor(root, info)), findings),
        model: named("machine.model", dmi.model().or_else(|| board::model(root, info)), findings),
        kind: kind(root, info, &dmi, &layers, findings),
        virtualization: layers.tell(root, info, &dmi, findings),
        compatible,
    }
}

fn named(field: &str, named: Option<Named>, findings: &mut Findings) -> Option<String> {
    let Some((name, source)) = named else {
        findings.unknown(field, NOWHERE);
        return None;
    };
    findings.known(field, source);
    Some(name)
}

/// From the hardware up.
struct Layers {
    hypervisor: Option<Layer>,
    wsl: Option<Layer>,
    container: Option<Layer>,
}

impl Layers {
    fn read(root: &Root, info: &CpuInfo, dmi: &Dmi) -> Layers {
        let container = container::around(root);
        Layers {
            hypervisor: hypervisor::below(root, info, dmi),
            wsl: wsl(root, container.is_some()),
            container,
        }
    }

    fn tell(self, root: &Root, info: &CpuInfo, dmi: &Dmi, findings: &mut Findings) -> Vec<String> {
        const FIELD: &str = "machine.virtualization";
        let layers: Vec<Layer> = [self.hypervisor, self.wsl, self.container].into_iter().flatten().collect();
        if !layers.is_empty() {
            let sources: Vec<&str> = layers.iter().map(|(_, source)| source.as_str()).collect();
            findings.known(FIELD, sources.join(", "));
        } else if info.first("flags").is_some() {
            findings.none(FIELD, "the processors in /proc/cpuinfo have no hypervisor flag");
        } else if !dmi.is_empty() || device_tree::has(root, "compatible") {
            findings.none(FIELD, "neither SMBIOS nor the device tree names a hypervisor");
        } else {
            findings.unknown(FIELD, "neither the CPU nor firmware says whether there is a hypervisor");
        }
        layers.into_iter().map(|(name, _)| name).collect()
    }
}

/// Windows' own Linux kernel, and Windows' programs at hand; a container on it sees the kernel only.
fn wsl(root: &Root, contained: bool) -> Option<Layer> {
    const KERNEL: &str = "proc/sys/kernel/osrelease";
    const MARKS: [&str; 3] =
        ["proc/sys/fs/binfmt_misc/WSLInterop", "proc/sys/fs/binfmt_misc/WSLInterop-late", "run/WSL"];
    if !root.read(KERNEL).ok()?.to_ascii_lowercase().contains("microsoft") {
        return None;
    }
    let mark = MARKS.into_iter().find(|mark| root.exists(mark));
    let source = mark.or(contained.then_some(KERNEL))?;
    Some(("wsl".to_owned(), format!("/{source}")))
}

fn kind(
    root: &Root,
    info: &CpuInfo,
    dmi: &Dmi,
    layers: &Layers,
    findings: &mut Findings,
) -> Option<MachineKind> {
    const FIELD: &str = "machine.kind";
    let layer = |layer: &Option<Layer>, kind| layer.as_ref().map(|(_, source)| (kind, source.clone()));
    let hardware = || board::chassis(root).or_else(|| by_chassis_or_board(root, info, dmi));
    let found = layer(&layers.container, MachineKind::Container)
        .or_else(|| layer(&layers.wsl, MachineKind::Wsl))
        .or_else(|| layer(&layers.hypervisor, MachineKind::VirtualMachine))
        .or_else(hardware);
    match &found {
        Some((_, source)) => findings.known(FIELD, source),
        None => findings.unknown(FIELD, "neither SMBIOS nor a device tree tells what kind of chassis it has"),
    }
    found.map(|(kind, _)| kind)
}

/// Development boards with UEFI call themselves desktops: on what has a device tree only the other kinds are believed.
fn by_chassis_or_board(root: &Root, info: &CpuInfo, dmi: &Dmi) -> Option<(MachineKind, String)> {
    // POWER's servers have device trees too, and say nothing of their chassis.
    let board = board::single_board(root, info).filter(|_| info.first("platform").is_none());
    match (dmi.kind(), board) {
        (Some((MachineKind::Workstation, _)), Some(board)) | (None, Some(board)) => Some(board),
        (chassis, _) => chassis,
    }
}

#[cfg(test)]
mod tests;
