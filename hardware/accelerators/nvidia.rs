//! NVIDIA GPUs, as the driver's own library (NVML) tells of them.
//!
//! The library comes with the driver, so a machine without it has no NVIDIA GPU that could be used; the PCI bus tells
//! whether it has one that can't.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Accelerator, AcceleratorKind, Driver, Target, Vendor};
use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::pci::{self, Function};
use super::{Sighting, Sightings};
use crate::Root;
use crate::findings::Findings;

pub fn probe(root: &Root, functions: &[Function]) -> Sightings {
    let displays: Vec<&Function> =
        functions.iter().filter(|function| function.vendor == pci::NVIDIA && function.is_display()).collect();
    if !root.is_live() {
        return unseen(&displays, "NVML answers for the live machine only");
    }
    match Nvml::init() {
        Ok(nvml) => devices(&nvml),
        Err(NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound) => {
            unseen(&displays, "driver library not found")
        }
        // A library that is there and doesn't start is told in any case: boards and virtual machines have GPUs that are
        // on no PCI bus.
        Err(error) => {
            let mut sightings = Sightings::default();
            sightings
                .findings
                .unknown("accelerators", format_args!("NVIDIA's driver library does not start: {error}"));
            sightings
        }
    }
}

/// What the bus alone tells.
fn unseen(displays: &[&Function], reason: &str) -> Sightings {
    let devices = displays.iter().map(|function| {
        let mut accelerator = Accelerator::new(AcceleratorKind::Gpu, Vendor::Nvidia);
        accelerator.pci = Some(function.identity());
        let mut findings = Findings::default();
        findings.known("pci", "/sys/bus/pci/devices");
        findings.unknown("", reason);
        Sighting { accelerator, findings }
    });
    Sightings { devices: devices.collect(), findings: Findings::default() }
}

fn devices(nvml: &Nvml) -> Sightings {
    let mut findings = Findings::default();
    let driver = findings.take("accelerators", nvml.sys_driver_version());
    let count = findings.take("accelerators", nvml.device_count()).unwrap_or(0);
    let devices = (0..count).map(|index| device(nvml, index, driver.clone())).collect();
    Sightings { devices, findings }
}

fn device(nvml: &Nvml, index: u32, driver: Option<String>) -> Sighting {
    let mut findings = Findings::default();
    let mut gpu = Accelerator::new(AcceleratorKind::Gpu, Vendor::Nvidia);
    findings.known("", "nvml");
    gpu.index = Some(index);
    gpu.driver = driver.map(|version| Driver { name: "nvidia".to_owned(), version: Some(version) });
    // A device that fell off the bus still has its index, and the others keep theirs.
    let Some(device) = findings.take("", nvml.device_by_index(index)) else {
        return Sighting { accelerator: gpu, findings };
    };
    gpu.name = findings.take("name", device.name());
    if let Some(memory) = findings.take("memory", device.memory_info()) {
        gpu.memory.total = Some(Bytes(memory.total));
        gpu.memory.free = Some(Bytes(memory.free));
    }
    gpu.target = findings
        .take("target", device.cuda_compute_capability())
        .map(|cuda| Target::ComputeCapability(format!("{}.{}", cuda.major, cuda.minor)));
    Sighting { accelerator: gpu, findings }
}
