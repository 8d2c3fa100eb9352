//! One GPU as the contract has it, each field with its source or its reason.

mod memory;
mod page;
mod reason;
mod slices;

use edgeorch_engines::contract::host::{
    Accelerator, AcceleratorKind, Api, Clocks, DevicePower, Driver, Link, PciDevice, Target, Vendor,
};

use super::report::{Gpu, Ids, Mig, Said};
use super::roll::Known;
use super::silence::Silence;
use super::unified::Memory;
use super::{OURS, Teller};
use crate::Root;
use crate::accelerators::Sighting;
use crate::accelerators::pci::{self, Function};
use page::Page;
use reason::Reason;

/// `silence`: why NVIDIA's interfaces say nothing at all.
pub fn describe(root: &Root, known: Known, silence: Option<&Silence>, memory: &Memory) -> Sighting {
    let mut page = Page::new(root, known, silence);
    let mut gpu = Accelerator::new(AcceleratorKind::Gpu, Vendor::Nvidia);
    page.opening();
    gpu.index = page.tell("index", |gpu| &gpu.index);
    gpu.uuid = page.tell("uuid", |gpu| &gpu.uuid);
    gpu.name = page.tell("name", |gpu| &gpu.name);
    gpu.pci = page.pci();
    gpu.target = page.tell("target", |gpu| &gpu.target).map(Target::ComputeCapability);
    gpu.cores = page.tell("cores", |gpu| &gpu.cores);
    gpu.driver = page.driver();
    gpu.runtime = page.tell("runtime", |gpu| &gpu.runtime).map(|version| format!("CUDA {version}"));
    gpu.link = page.link();
    gpu.power = DevicePower {
        draw_watts: page.tell("power.draw_watts", |gpu| &gpu.power_draw),
        limit_watts: page.tell("power.limit_watts", |gpu| &gpu.power_limit),
        limit_max_watts: page.tell("power.limit_max_watts", |gpu| &gpu.power_limit_max),
    };
    gpu.temperature_celsius = page.tell("temperature_celsius", |gpu| &gpu.temperature);
    gpu.clocks = page.clocks();
    gpu.throttling = page.tell("throttling", |gpu| &gpu.throttling);
    gpu.memory = memory::of(&mut page, memory);
    gpu.slices = slices::of(&mut page);
    gpu.apis = page.apis();
    Sighting { accelerator: gpu, findings: page.findings }
}

impl Page<'_> {
    fn pci(&mut self) -> Option<PciDevice> {
        let on_bus = self.known.function.map(|function| (function.identity(), SYSFS.to_owned()));
        let told = || {
            self.known.tellers.iter().find_map(|teller| {
                Some((identity(teller.gpu.address.as_ref()?, teller.gpu.ids?), teller.source.clone()))
            })
        };
        let Some((identity, source)) = on_bus.or_else(told) else {
            self.off_the_bus("pci");
            return None;
        };
        self.credit("pci", &source);
        let gaps =
            [("pci.subsystem", identity.subsystem.is_none()), ("pci.revision", identity.revision.is_none())];
        for (field, _) in gaps.into_iter().filter(|(_, is_open)| *is_open) {
            self.findings.unknown(field, format_args!("not told by {source}"));
        }
        Some(identity)
    }

    /// A chip's own GPU has no place on a bus; for others it is not known.
    fn off_the_bus(&mut self, field: &str) {
        match self.known.soc {
            Some(_) => self.findings.none(field, format_args!("{DEVICE_TREE}: the GPU is part of the chip")),
            None => self.untold(field),
        }
    }

    fn driver(&mut self) -> Option<Driver> {
        let bound = self.known.function.and_then(|function| function.driver.clone());
        let ours = bound.clone().filter(|driver| OURS.contains(&driver.as_str()));
        let is_there =
            ours.is_some() || self.known.tellers.iter().any(|teller| teller.gpu.driver.value().is_some());
        if !is_there {
            if let Some(Reason { why, remedy }) = &self.silence {
                self.findings.unknown_but("driver", why, *remedy);
            } else {
                self.untold("driver");
            }
            return None;
        }
        let chips = self.known.soc.map(|soc| soc.driver.clone());
        let name = ours.or(chips).unwrap_or_else(|| "nvidia".to_owned());
        let version = self.tell("driver.version", |gpu| &gpu.driver);
        if bound.is_some() {
            self.credit("driver.name", SYSFS);
        } else if self.known.soc.is_some() {
            self.credit("driver.name", DEVICE_TREE);
        }
        Some(Driver { name, version })
    }

    /// The driver knows what device and slot can do together; the kernel knows each alone.
    fn link(&mut self) -> Option<Link> {
        if self.known.function.is_none() && self.known.soc.is_some() {
            self.off_the_bus("link");
            return None;
        }
        let by_kernel = self.known.function.and_then(|function: &Function| function.link(self.root));
        if let Some(link) = by_kernel {
            let said = |rate: Option<_>| rate.map_or(Said::Nothing, Said::Value);
            let gpu = Gpu { link_now: said(link.now), link_best: said(link.best), ..Gpu::default() };
            self.known.tellers.push(Teller::new(SYSFS.to_owned(), gpu));
        }
        let has = |of: fn(&Gpu) -> bool| self.known.tellers.iter().any(|teller| of(&teller.gpu));
        if !has(|gpu| gpu.link_now.value().is_some() || gpu.link_best.value().is_some()) {
            // One entry for both halves.
            self.tell("link", |gpu| &gpu.link_now);
            return None;
        }
        let now = self.tell("link.now", |gpu| &gpu.link_now);
        let best = self.tell("link.best", |gpu| &gpu.link_best);
        Some(Link { now, best })
    }

    fn clocks(&mut self) -> Option<Clocks> {
        let has_any = |gpu: &Gpu| {
            [&gpu.core_mhz, &gpu.core_max_mhz, &gpu.memory_mhz, &gpu.memory_max_mhz]
                .iter()
                .any(|said| said.value().is_some())
        };
        if !self.known.tellers.iter().any(|teller| has_any(&teller.gpu)) {
            self.tell("clocks", |gpu| &gpu.core_mhz);
            return None;
        }
        Some(Clocks {
            core_mhz: self.tell("clocks.core_mhz", |gpu| &gpu.core_mhz),
            core_max_mhz: self.tell("clocks.core_max_mhz", |gpu| &gpu.core_max_mhz),
            memory_mhz: self.tell("clocks.memory_mhz", |gpu| &gpu.memory_mhz),
            memory_max_mhz: self.tell("clocks.memory_max_mhz", |gpu| &gpu.memory_max_mhz),
        })
    }

    /// CUDA where driver and library are there and the GPU can be used as it is.
    fn apis(&mut self) -> Vec<Api> {
        if self.silence.is_some() {
            return Vec::new();
        }
        if self.is_divided_into_nothing() {
            self.findings.unknown_but("apis", slices::NONE_MADE, slices::MAKE_ONE);
            return Vec::new();
        }
        let source = self.known.tellers.iter().find(|teller| teller.gpu.cuda == Said::Value(true));
        match source.map(|teller| teller.source.clone()) {
            Some(source) => {
                self.findings.known("apis", format_args!("{source}: driver and CUDA library are there"));
                vec![Api::Cuda]
            }
            None => {
                let why = "the CUDA library of the driver (libcuda) was not found";
                self.findings.unknown_but("apis", why, "install the compute libraries of NVIDIA's driver");
                Vec::new()
            }
        }
    }

    fn mig(&self) -> Option<Mig> {
        self.known.tellers.iter().find_map(|teller| teller.gpu.mig.value().copied())
    }

    fn is_divided_into_nothing(&self) -> bool {
        self.mig() == Some(Mig::On) && self.known.tellers.iter().all(|teller| teller.gpu.slices.is_empty())
    }
}

const SYSFS: &str = "/sys/bus/pci/devices";
const DEVICE_TREE: &str = "/proc/device-tree/compatible";

fn identity(address: &str, ids: Ids) -> PciDevice {
    // Neither NVML nor nvidia-smi tells the revision.
    pci::identity(address.to_owned(), (ids.vendor, ids.device), ids.subsystem, None)
}
