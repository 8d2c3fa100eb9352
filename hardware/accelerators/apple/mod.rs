//! GPUs of Macs, and the Neural Engine of Apple's chips.
//!
//! `system_profiler` tells which GPUs there are, Metal how much memory each may work in, and `ioreg` where on the PCI bus
//! those of Intel Macs are. Nothing on any other system is asked.

mod gpu;
mod listed;
mod memory;
mod neural_engine;

use edgeorch_engines::contract::OsFamily;

use super::Sightings;
use super::pci::Function;
use crate::Root;
use crate::findings::Findings;
use crate::macos::ioreg::{self, Display, Object};
use crate::macos::metal::{self, Device, MetalError};
use crate::macos::profiler::{self, Entry, ProfilerError};
use crate::macos::sysctl::{self, Sysctl};
use crate::macos::together;
use crate::macos::vm_stat::{VM_STAT, VmStat};
use edgeorch_engines::chain;
use listed::Seen;

pub fn probe(root: &Root, _: &[Function]) -> Sightings {
    if root.platform() != OsFamily::Macos {
        return Sightings::default();
    }
    let [displays, metal, ane, pages, gpu, cpu, guest] = together(
        root,
        [
            &profiler::DISPLAYS,
            &metal::METAL,
            &ioreg::NEURAL_ENGINE,
            &VM_STAT,
            &sysctl::GPU,
            &sysctl::CPU_KIND,
            &sysctl::GUEST,
        ],
    );
    let cpu = Sysctl::parse(cpu);
    let facts = Facts {
        metal: metal::devices(metal),
        gpu: Sysctl::parse(gpu),
        guest: Sysctl::parse(guest),
        pages: pages.ok().and_then(|text| VmStat::parse(&text).ok()),
        // Apple's chips have their GPU on no bus.
        on_bus: if cpu.is_apple_chip() == Ok(true) { Vec::new() } else { ioreg::displays(root) },
        cpu,
    };
    let mut sightings = gpus(profiler::entries(&profiler::DISPLAYS, displays), &facts);
    let engines: Vec<Object> = ioreg::objects(&ane.unwrap_or_default());
    sightings.devices.extend(neural_engine::sighting(&engines, &facts));
    sightings
}

/// What the machine says besides the list of its GPUs.
struct Facts {
    metal: Result<Vec<Device>, MetalError>,
    gpu: Sysctl,
    cpu: Sysctl,
    guest: Sysctl,
    pages: Option<VmStat>,
    on_bus: Vec<Display>,
}

impl Facts {
    fn is_apple_chip(&self) -> bool {
        self.cpu.is_apple_chip() == Ok(true)
    }

    /// Of a real machine: a guest may have any device or none.
    fn is_apple_machine(&self) -> bool {
        self.is_apple_chip() && self.guest.is_guest() == Ok(false)
    }
}

fn gpus(displays: Result<Vec<Entry>, ProfilerError>, facts: &Facts) -> Sightings {
    let mut sightings = Sightings::default();
    let reason = match displays {
        Ok(entries) => {
            let mut on_bus = facts.on_bus.clone();
            let seen = entries.iter().filter_map(|entry| Seen::of(entry, &mut on_bus));
            sightings.devices = seen.map(|seen| gpu::sighting(seen, facts)).collect();
            "system_profiler lists no GPU, and every chip of Apple's has one".to_owned()
        }
        Err(error) => chain(&error),
    };
    if sightings.devices.is_empty() {
        match facts.is_apple_machine() {
            true => sightings.devices.push(gpu::sighting(Seen::nameless(&reason), facts)),
            false => {
                sightings.findings.unknown_but("accelerators", &reason, "system_profiler SPDisplaysDataType")
            }
        }
    }
    sightings
}

/// What no device of a Mac has, and what macOS keeps to itself.
fn account_for_the_rest(findings: &mut Findings) {
    findings.none("index", "macOS numbers no devices");
    findings.none("uuid", "macOS gives no lasting identity");
    findings.none("driver", "macOS: its drivers are a part of it");
    findings.none("slices", "macOS divides no devices");
    for field in ["power", "temperature_celsius", "clocks", "throttling"] {
        findings.unknown_but(
            field,
            "macOS shows it to root only",
            "sudo powermetrics --samplers gpu_power,ane_power,thermal",
        );
    }
}

fn part_of_the_chip(findings: &mut Findings) {
    for field in ["pci", "link"] {
        findings.none(field, "a part of the chip, on no PCI bus");
    }
}

#[cfg(test)]
mod tests;
