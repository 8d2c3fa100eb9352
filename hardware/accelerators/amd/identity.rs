//! What a GPU is: its place, its names and numbers, its driver, and what code for it must be compiled for.

use edgeorch_engines::contract::host::{Accelerator, Driver, PciDevice, Target};

use super::DRIVER;
use super::device::{Device, UNLISTED};
use super::names;
use super::smi::Reading;
use crate::accelerators::pci::AMD;
use crate::accelerators::sysfs::Told;
use crate::findings::{Findings, printable};
use crate::root::shown;

impl Device<'_> {
    pub fn identity(&self, gpu: &mut Accelerator, findings: &mut Findings) {
        let place = "/sys/bus/pci/devices";
        match (self.function, self.reading) {
            (Some(function), _) => {
                findings.known("", place);
                gpu.pci = Some(function.identity());
                for (name, missing) in
                    [("subsystem", function.subsystem.is_none()), ("revision", function.revision.is_none())]
                {
                    if missing {
                        findings.unknown(format!("pci.{name}"), "the bus does not tell it");
                    }
                }
            }
            (None, Some(reading)) => {
                findings.known("", reading.source);
                gpu.pci = from_tool(reading);
                match gpu.pci {
                    Some(_) => findings.unknown("pci.subsystem", "the tool tells the board's name only"),
                    None => findings.unknown("pci", "the tool tells no address"),
                }
                if gpu.pci.as_ref().is_some_and(|pci| pci.revision.is_none()) {
                    findings.unknown("pci.revision", "this version of the tool does not tell it");
                }
            }
            (None, None) => {}
        }
        let name = self.function.and_then(|function| names::of(self.root, function));
        let name = name.or_else(|| self.told(|reading| reading.name.clone()));
        gpu.name = match name {
            Some(told) => {
                findings.known("name", told.source);
                Some(told.value)
            }
            None => {
                let reason =
                    "neither the GPU nor this machine's lists of devices (amdgpu.ids, pci.ids) name it";
                findings.unknown_but(
                    "name",
                    reason,
                    "install the lists: packages libdrm and hwdata or pci.ids",
                );
                None
            }
        };
    }

    /// The identity that lasts, and the number that doesn't.
    pub fn own_identity(&self, gpu: &mut Accelerator, findings: &mut Findings) {
        let path = self.function.map(|function| function.file("unique_id"));
        let from_file = path.as_ref().and_then(|path| {
            let id = u64::from_str_radix(self.root.read(path).ok()?.trim(), 16).ok()?;
            Some(Told::by(shown(path), id))
        });
        let from_node = self.node.and_then(|node| Some(Told::by(node.source.clone(), node.unique_id?)));
        let told = from_file.or(from_node).or_else(|| self.told(|reading| reading.unique_id));
        match told.filter(|told| told.value != 0) {
            Some(told) => {
                findings.known("uuid", told.source);
                gpu.uuid = Some(format!("GPU-{:016x}", told.value));
            }
            None if self.function.is_some() => {
                findings.none("uuid", "amdgpu: this chip has none");
            }
            None => findings.unknown("uuid", "nothing here tells it"),
        }
        match self.node {
            Some(node) => {
                findings
                    .known("index", format_args!("{}: its place among the GPUs, as HIP counts", node.source));
                gpu.index = Some(node.index);
            }
            None => findings.unknown("index", UNLISTED),
        }
    }

    pub fn driver(&self, findings: &mut Findings) -> Driver {
        const MODULE: &str = "sys/module/amdgpu";
        let version =
            self.root.read(&format!("{MODULE}/version")).ok().and_then(|text| printable(&text).ok());
        // Where the module has no version, the tools give the kernel's.
        let kernel = self.root.read("proc/sys/kernel/osrelease").unwrap_or_default();
        let told =
            self.told(|reading| reading.driver_version.clone().filter(|version| version != kernel.trim()));
        let version = version.map(|version| Told::by(format!("/{MODULE}/version"), version)).or(told);
        match &version {
            Some(told) => findings.known("driver.version", &told.source),
            None => findings.none("driver.version", "amdgpu comes with the kernel and has its version"),
        }
        Driver { name: DRIVER.to_owned(), version: version.map(|told| told.value) }
    }

    pub fn target(&self, gpu: &mut Accelerator, findings: &mut Findings) {
        let from_node = self.node.and_then(|node| Some(Told::by(node.source.clone(), node.target.clone()?)));
        match from_node.or_else(|| self.told(|reading| reading.target.clone())) {
            Some(told) => {
                findings.known("target", told.source);
                gpu.target = Some(Target::Gfx(told.value));
            }
            None => findings.unknown("target", UNLISTED),
        }
    }

    pub fn cores(&self, gpu: &mut Accelerator, findings: &mut Findings) {
        let from_node = self.node.and_then(|node| Some(Told::by(node.source.clone(), node.compute_units?)));
        match from_node.or_else(|| self.told(|reading| reading.compute_units)) {
            Some(told) => {
                findings.known("cores", told.source);
                gpu.cores = Some(told.value);
            }
            None => findings.unknown("cores", UNLISTED),
        }
    }
}

fn from_tool(reading: &Reading) -> Option<PciDevice> {
    Some(PciDevice {
        address: reading.address.clone()?,
        vendor_id: format!("{AMD:04x}"),
        device_id: format!("{:04x}", reading.device?),
        subsystem: None,
        revision: reading.revision.map(|revision| format!("{revision:02x}")),
    })
}
