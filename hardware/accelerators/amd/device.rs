//! One GPU, put together from all that tells of it.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Accelerator, AcceleratorKind, Api, Link, MemoryKind, Target, Vendor};

use super::DRIVER;
use super::integrated::{self, Signs};
use super::kfd::Node;
use super::memory::{self, Pool};
use super::metrics::Metrics;
use super::rocm::Rocm;
use super::sensors::{self, Sensors};
use super::smi::Reading;
use crate::Root;
use crate::accelerators::pci::Function;
use crate::accelerators::sysfs::{self, Told, Untold, learn};
use crate::accelerators::{Sighting, slot, unready};
use crate::findings::Findings;

const INSTALL: &str = "install ROCm (AMD's, or the distribution's package of HIP)";

pub const UNLISTED: &str = "the driver's compute interface (KFD) does not list it here";

#[derive(Clone, Copy)]
pub struct Device<'a> {
    pub root: &'a Root,
    pub function: Option<&'a Function>,
    pub node: Option<&'a Node>,
    pub reading: Option<&'a Reading>,
    pub rocm: &'a Rocm,
    /// What main memory can still give.
    pub available: Option<Bytes>,
}

impl Device<'_> {
    pub fn sighting(&self) -> Sighting {
        let mut gpu = Accelerator::new(AcceleratorKind::Gpu, Vendor::Amd);
        let mut findings = Findings::default();
        self.identity(&mut gpu, &mut findings);
        let driver = self.function.and_then(|function| function.driver.as_deref());
        if self.function.is_some() && driver != Some(DRIVER) {
            gpu.driver = unready(driver, DRIVER, &mut findings);
            return Sighting { accelerator: gpu, findings };
        }
        let metrics_file = self.function.map(|function| function.file("gpu_metrics"));
        let metrics_bytes = metrics_file.as_ref().and_then(|path| self.root.read_bytes(path).ok());
        let metrics = metrics_bytes.as_deref().and_then(Metrics::parse);
        gpu.driver = Some(self.driver(&mut findings));
        self.own_identity(&mut gpu, &mut findings);
        self.target(&mut gpu, &mut findings);
        self.cores(&mut gpu, &mut findings);
        self.memory(&mut gpu, metrics, &mut findings);
        self.interfaces(&mut gpu, &mut findings);
        let integrated = matches!(gpu.memory.kind, Some(MemoryKind::CarveOut | MemoryKind::Unified));
        self.link(&mut gpu, integrated, &mut findings);
        Sensors { root: self.root, function: self.function, reading: self.reading, integrated }
            .fill(&mut gpu, &mut findings);
        sensors::throttling(&mut gpu, metrics.zip(metrics_file.as_deref()), &mut findings);
        findings.none("slices", "amdgpu divides no GPU that it shows as one");
        Sighting { accelerator: gpu, findings }
    }

    fn memory(&self, gpu: &mut Accelerator, metrics: Option<Metrics>, findings: &mut Findings) {
        let target = match &gpu.target {
            Some(Target::Gfx(name)) => Some(name.as_str()),
            _ => None,
        };
        let device = self.function.map(|function| function.device).or(self.reading.and_then(|r| r.device));
        let kind = integrated::memory_kind(Signs { device, target, node: self.node, metrics });
        let vram = learn(findings, "memory", self.pool("vram"), self.told(|reading| reading.vram));
        // Only an APU's counts, and there its absence shows in the total.
        let gtt = self.pool("gtt").ok().or_else(|| self.told(|reading| reading.gtt));
        gpu.memory = memory::sum(
            kind.as_ref().map(|told| told.value),
            vram,
            gtt.map(|told| told.value),
            self.available,
        );
        match kind {
            Some(told) => findings.known("memory.kind", told.source),
            None => findings
                .unknown("memory.kind", "nothing here tells whether it is a card or part of the processor"),
        }
        let on_demand = gpu.memory.kind == Some(MemoryKind::CarveOut);
        if on_demand && gpu.memory.total.is_some() {
            findings.known("memory.total", "amdgpu: VRAM and GTT together");
        }
        if on_demand && gpu.memory.free.is_some() {
            findings.known(
                "memory.free",
                "amdgpu: the same less what is used, and no more GTT than MemAvailable",
            );
        }
        for (field, missing) in
            [("memory.total", gpu.memory.total.is_none()), ("memory.free", gpu.memory.free.is_none())]
        {
            if missing {
                findings.unknown(field, "the driver does not tell all that it is made of");
            }
        }
        for (i, part) in gpu.memory.parts.iter().enumerate() {
            if part.used.is_none() {
                findings.unknown(format!("memory.parts[{i}].used"), "the driver does not tell it");
            }
        }
        if gpu.memory.parts.is_empty() && gpu.memory.total.is_some() {
            findings.none("memory.parts", "one memory, the card's own");
        }
    }

    fn pool(&self, name: &str) -> Result<Told<Pool>, Untold> {
        let function = self.function.ok_or(Untold::Elsewhere("the tool tells no memory"))?;
        let file = |what: &str| sysfs::number(self.root, &function.file(&format!("mem_info_{name}_{what}")));
        let (total, used) = (file("total")?, file("used").ok());
        Ok(total.map(|total| Pool { total: Bytes(total), used: used.map(|used| Bytes(used.value)) }))
    }

    fn interfaces(&self, gpu: &mut Accelerator, findings: &mut Findings) {
        const FIELD: &str = "apis";
        // A tool alone doesn't tell of nodes, but it saw the GPU through them.
        let listed = self.node.is_some() || self.function.is_none();
        match (&self.rocm.library, listed, self.rocm.device) {
            (Some(library), true, true) => {
                findings.known(FIELD, format_args!("/dev/kfd and {library}"));
                gpu.apis.push(Api::Rocm);
            }
            (None, true, true) => findings.unknown_but(FIELD, "no library of ROCm was found", INSTALL),
            (_, true, false) => {
                let remedy = "start the container with --device /dev/kfd --device /dev/dri";
                findings.unknown_but(FIELD, "ROCm can't reach it: there is no /dev/kfd here", remedy);
            }
            (_, false, _) => findings.none(FIELD, UNLISTED),
        }
        match &self.rocm.version {
            Some(told) => {
                findings.known("runtime", &told.source);
                gpu.runtime = Some(told.value.clone());
            }
            None if self.rocm.library.is_some() => {
                findings
                    .unknown("runtime", "ROCm's library is there, but not the file that names its version");
            }
            None => findings.unknown_but("runtime", "ROCm was not found", INSTALL),
        }
    }

    fn link(&self, gpu: &mut Accelerator, integrated: bool, findings: &mut Findings) {
        const FIELD: &str = "link";
        if integrated {
            return findings.none(FIELD, "part of the processor: there is no slot between them");
        }
        let of_tool = || self.told(|reading| Some(Link { now: Some(reading.link?), best: None }));
        match self.function.and_then(|function| slot::link(self.root, function)).or_else(of_tool) {
            Some(told) => {
                for (name, rate) in [("now", told.value.now), ("best", told.value.best)] {
                    if rate.is_none() {
                        findings.unknown(format!("link.{name}"), "it is not told here");
                    }
                }
                findings.known(FIELD, told.source);
                gpu.link = Some(told.value);
            }
            None => findings.unknown(FIELD, "the bus tells of no PCI Express link"),
        }
    }

    pub fn told<T>(&self, field: impl FnOnce(&Reading) -> Option<T>) -> Option<Told<T>> {
        let reading = self.reading?;
        Some(Told::by(reading.source, field(reading)?))
    }
}
