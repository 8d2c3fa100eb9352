//! NPUs that Linux sees: on PCI Express, on USB, and those of a chip that the device tree names.
//!
//! What a device is follows from its id alone ([`families`]). What all have in common is read in [`device`]; what one
//! vendor's driver or tool tells besides, in a file of its own. Apple's and Qualcomm's Hexagon are told by their platforms.

mod ascend;
mod coral;
mod device;
mod families;
mod hailo;
mod intel;
mod npu_smi;
mod rockchip;

use edgeorch_engines::contract::host::Vendor;

use super::pci::Function;
use super::{Sighting, Sightings};
use crate::Root;
use device::Seen;

pub fn probe(root: &Root, functions: &[Function]) -> Sightings {
    let mut sightings = Sightings::default();
    let mut npus: Vec<Seen> =
        functions.iter().filter_map(|function| device::on_pci(root, function)).collect();
    npus.extend(coral::on_usb(root));
    npus.extend(rockchip::in_device_tree(root));
    for npu in &mut npus {
        match npu.accelerator.vendor {
            Vendor::Intel => intel::fill(root, npu),
            Vendor::Google => coral::fill(root, npu),
            Vendor::Rockchip => rockchip::fill(root, npu),
            _ => {}
        }
    }
    hailo::fill(root, &mut npus);
    ascend::fill(root, &mut npus, &mut sightings.findings);
    sightings.devices = npus.into_iter().map(Seen::finish).collect::<Vec<Sighting>>();
    sightings
}

#[cfg(test)]
mod tests;
