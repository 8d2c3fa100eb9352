//! Intel's GPUs, cards and those of processors, on Linux.
//!
//! Each is a display function of the PCI bus; its drivers are i915 and xe. Neither shows in a file how much memory programs
//! can have, except in some versions: the size of the window onto a card's memory (BAR 2) is no substitute, since it is
//! rounded up, or 256 MiB where the firmware can't resize it.

mod device;
mod family;
mod layout;
mod level_zero;
mod throttle;

use edgeorch_engines::contract::OsFamily;

use super::Sightings;
use super::pci::{self, Function};
use crate::Root;

pub fn probe(root: &Root, functions: &[Function]) -> Sightings {
    // Elsewhere the platform's own probes tell of GPUs, by the system's interfaces.
    if root.platform() != OsFamily::Linux {
        return Sightings::default();
    }
    let is_gpu = |function: &&Function| {
        function.vendor == pci::INTEL && function.is_display() && !function.is_shadow(root, functions)
    };
    let mut gpus = functions.iter().filter(is_gpu).peekable();
    if gpus.peek().is_none() {
        return Sightings::default();
    }
    let level_zero = level_zero::find(root);
    let devices = gpus.map(|function| device::sighting(root, function, &level_zero)).collect();
    Sightings { devices, ..Sightings::default() }
}

#[cfg(test)]
mod tests;
