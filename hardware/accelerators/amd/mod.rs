//! AMD's GPUs: cards, accelerators and the GPUs of APUs, on Linux.
//!
//! Each is a function of the PCI bus with AMD's own vendor id. What it is and has comes from sysfs and KFD; AMD's tools are
//! asked only for what these do not show.

mod device;
mod identity;
mod integrated;
mod kfd;
mod levels;
mod memory;
mod metrics;
mod names;
mod rocm;
mod sensors;
mod smi;

use edgeorch_engines::contract::OsFamily;

use super::pci::{self, Function};
use super::{Sightings, available};
use crate::Root;
use crate::findings::chain;

use device::Device;

/// The driver that tells all this; its predecessor and those that hold a GPU for a virtual machine do not.
const DRIVER: &str = "amdgpu";

pub fn probe(root: &Root, functions: &[Function]) -> Sightings {
    // Elsewhere the platform's own probes tell of GPUs, by the system's interfaces.
    if root.platform() != OsFamily::Linux {
        return Sightings::default();
    }
    let amd = |function: &&Function| function.vendor == pci::AMD && !function.is_shadow(root, functions);
    let gpus: Vec<&Function> = functions.iter().filter(amd).collect();
    let rocm = rocm::Rocm::find(root);
    // A container may have the driver's compute interface and no bus to look at.
    let hidden = functions.is_empty() && rocm.device;
    if gpus.is_empty() && !hidden {
        return Sightings::default();
    }
    let nodes = kfd::gpus(root).unwrap_or_default();
    let asked = (hidden || gpus.iter().any(|gpu| lacks_memory(root, gpu))).then(|| smi::ask(root));
    let (readings, refusal) = match asked {
        Some(Ok(readings)) => (readings, None),
        Some(Err(error)) => (Vec::new(), Some(chain(&error))),
        None => (Vec::new(), None),
    };
    let surroundings =
        Device { root, function: None, node: None, reading: None, rocm: &rocm, available: available(root) };
    let mut sightings = Sightings::default();
    if hidden {
        sightings.devices = readings
            .iter()
            .map(|reading| Device { reading: Some(reading), ..surroundings }.sighting())
            .collect();
        if let Some(refusal) = refusal {
            let reason =
                format!("a GPU of AMD is here (/{}), and nothing tells which: {refusal}", rocm::DEVICE);
            let remedy = "give the container /sys, or install rocm-smi or amd-smi in it";
            sightings.findings.unknown_but("accelerators", reason, remedy);
        }
    } else {
        let sighting = |function: &&Function| {
            let node = nodes.iter().find(|node| node.address == function.address);
            let reading = readings.iter().find(|reading| reading.address.as_ref() == Some(&function.address));
            Device { function: Some(*function), node, reading, ..surroundings }.sighting()
        };
        sightings.devices = gpus.iter().map(sighting).collect();
    }
    sightings
}

/// Kernels before 4.20 don't show it, and some sandboxes hide it.
fn lacks_memory(root: &Root, function: &Function) -> bool {
    function.driver.as_deref() == Some(DRIVER) && !root.exists(&function.file("mem_info_vram_total"))
}

#[cfg(test)]
mod tests;
