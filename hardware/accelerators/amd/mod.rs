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
use edgeorch_engines::chain;

use device::Device;
use rocm::Rocm;

/// The driver that tells all this; its predecessor and those that hold a GPU for a virtual machine do not.
const DRIVER: &str = "amdgpu";

pub fn probe(root: &Root, functions: &[Function]) -> Sightings {
    // Elsewhere the platform's own probes tell of GPUs, by the system's interfaces.
    if root.platform() != OsFamily::Linux {
        return Sightings::default();
    }
    let rocm = Rocm::find(root);
    let amd = |function: &&Function| function.vendor == pci::AMD && !function.is_shadow(root, functions);
    let gpus: Vec<&Function> = functions.iter().filter(amd).collect();
    if !gpus.is_empty() {
        return on_the_bus(root, &gpus, &rocm);
    }
    // A container may have the driver's compute interface and no bus to look at.
    match functions.is_empty() && rocm.device {
        true => by_tool(root, &rocm),
        false => Sightings::default(),
    }
}

fn on_the_bus(root: &Root, gpus: &[&Function], rocm: &Rocm) -> Sightings {
    let nodes = kfd::gpus(root).unwrap_or_default();
    let lacking = gpus.iter().any(|gpu| lacks_memory(root, gpu));
    // Without an answer each GPU's own files tell what they lack.
    let readings = if lacking { smi::ask(root).unwrap_or_default() } else { Vec::new() };
    let surroundings = surroundings(root, rocm);
    let sighting = |function: &&Function| {
        let node = nodes.iter().find(|node| node.address == function.address);
        let reading = readings.iter().find(|reading| reading.address.as_ref() == Some(&function.address));
        Device { function: Some(*function), node, reading, ..surroundings }.sighting()
    };
    Sightings { devices: gpus.iter().map(sighting).collect(), ..Sightings::default() }
}

fn by_tool(root: &Root, rocm: &Rocm) -> Sightings {
    let mut sightings = Sightings::default();
    let reason = match smi::ask(root) {
        Ok(readings) if !readings.is_empty() => {
            let surroundings = surroundings(root, rocm);
            let sighting = |reading| Device { reading: Some(reading), ..surroundings }.sighting();
            sightings.devices = readings.iter().map(sighting).collect();
            return sightings;
        }
        Ok(_) => "AMD's tool lists none".to_owned(),
        Err(error) => chain(&error),
    };
    let reason = format!("a GPU of AMD may be here (/{}), and nothing tells which: {reason}", rocm::DEVICE);
    let remedy = "give the container /sys, or install rocm-smi or amd-smi in it";
    sightings.findings.unknown_but("accelerators", reason, remedy);
    sightings
}

/// What is the same for all GPUs.
fn surroundings<'a>(root: &'a Root, rocm: &'a Rocm) -> Device<'a> {
    Device { root, function: None, node: None, reading: None, rocm, available: available(root) }
}

/// Kernels before 4.20 don't show it, and some sandboxes hide it.
fn lacks_memory(root: &Root, function: &Function) -> bool {
    function.driver.as_deref() == Some(DRIVER) && !root.exists(&function.file("mem_info_vram_total"))
}

#[cfg(test)]
mod tests;
