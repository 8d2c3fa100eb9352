//! What all NPUs have in common: identity, driver, device node, interfaces, link, kind of memory.

use edgeorch_engines::contract::host::{Accelerator, AcceleratorKind, Driver, MemoryKind, Target};

use super::families::{self, Family, Part};
use crate::Root;
use crate::accelerators::pci::Function;
use crate::accelerators::{Sighting, library};
use crate::findings::Findings;
use crate::root::shown;

/// An NPU while what is known of it is gathered.
#[derive(Debug)]
pub struct Seen {
    pub accelerator: Accelerator,
    pub findings: Findings,
    pub family: &'static Family,
    /// Its folder below `/sys`, without a leading slash.
    pub folder: String,
    /// Whether a driver that serves it is bound to it; USB devices need none.
    pub driven: bool,
}

pub fn on_pci(root: &Root, function: &Function) -> Option<Seen> {
    let id = function.id();
    let identity = function.identity();
    let (family, part) = families::find(&id, identity.revision.as_deref())?;
    let folder = function.file("").trim_end_matches('/').to_owned();
    let mut seen = Seen::new(family, part, folder, &format!("PCI id {id}"));
    seen.findings.known("pci", "/sys/bus/pci/devices");
    for (field, value) in [("pci.subsystem", &identity.subsystem), ("pci.revision", &identity.revision)] {
        if value.is_none() {
            seen.findings.none(field, "the device gives none");
        }
    }
    seen.accelerator.pci = Some(identity);
    seen.driver(root, function.driver.as_deref());
    seen.accelerator.link = function.link(root);
    match seen.accelerator.link {
        Some(_) => seen.findings.known("link", format_args!("{}/*_link_*", shown(&seen.folder))),
        // Devices inside the processor have the files, which say that there is no link.
        None if root.exists(&function.file("max_link_width")) => {
            seen.findings.none("link", "part of the processor: its PCI function has no link of its own");
        }
        None => seen.findings.unknown("link", "the kernel gives no link speed and width for it"),
    }
    if let Some(link) = &seen.accelerator.link {
        for (field, rate) in [("link.now", link.now), ("link.best", link.best)] {
            if rate.is_none() {
                seen.findings.unknown(field, "the kernel gives no speed and width that PCI Express knows");
            }
        }
    }
    seen.apis(root);
    Some(seen)
}

impl Seen {
    /// `by` is how it was recognised, such as `PCI id 1022:17f0`.
    pub fn new(family: &'static Family, part: &'static Part, folder: String, by: &str) -> Seen {
        let mut accelerator = Accelerator::new(AcceleratorKind::Npu, family.vendor);
        accelerator.name = Some(part.name.clone());
        accelerator.target = part.target.clone().map(Target::Named);
        accelerator.memory.kind = Some(family.memory);
        let mut findings = Findings::default();
        findings.known("", format_args!("{by} in edgeorch's table of NPUs"));
        Seen { accelerator, findings, family, folder, driven: false }
    }

    /// Whether this driver serves it, and its version.
    pub fn driver(&mut self, root: &Root, bound: Option<&str>) {
        let Some(name) = bound else {
            self.findings.unknown_but("driver", "no driver is loaded for it", &self.family.driver_remedy);
            return;
        };
        self.driven = self.family.drivers.iter().any(|driver| driver == name);
        self.findings.known("driver", format_args!("{}/driver", shown(&self.folder)));
        let module = format!("{}/driver/module", self.folder);
        let version = root.read(&format!("{module}/version")).ok();
        let version = version.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        match &version {
            Some(_) => {
                self.findings.known("driver.version", format_args!("{}/version", shown(&module)));
            }
            None if root.exists(&module) => {
                // The kernel marks what was not built with it by an O for "out of tree".
                let taint = root.read(&format!("{module}/taint")).unwrap_or_default();
                if taint.contains('O') {
                    self.findings.unknown("driver.version", "the driver tells no version");
                } else {
                    self.findings.none("driver.version", "part of the kernel: it has no version of its own");
                }
            }
            None => self.findings.unknown("driver.version", "the kernel does not tell the driver's module"),
        }
        if let (Some(run_time), Some(version)) = (&self.family.run_time, &version) {
            self.accelerator.runtime = Some(format!("{run_time} {version}"));
            self.findings.known("runtime", "the driver's version: it serves no other");
        }
        self.accelerator.driver = Some(Driver { name: name.to_owned(), version });
    }

    /// What programs can use here and now: the driver serves it, its device node is here, and so are the libraries.
    pub fn apis(&mut self, root: &Root) {
        if !self.driven {
            match &self.accelerator.driver {
                Some(driver) => {
                    let reason = format!("its driver {} is none that programs can compute with", driver.name);
                    self.findings.unknown_but("apis", reason, &self.family.driver_remedy);
                }
                None => self.findings.unknown_but("apis", "no driver is loaded", &self.family.driver_remedy),
            }
            return;
        }
        let node = self.node(root);
        if let Some(name) = &node
            && self.family.numbered
        {
            let digits = name.rsplit(|c: char| !c.is_ascii_digit()).next();
            if let Some(index) = digits.and_then(|digits| digits.parse().ok()) {
                self.accelerator.index = Some(index);
                self.findings.known("index", format_args!("the device node {name}"));
            }
        }
        if let Some(name) = node {
            let path = if self.family.node.as_deref() == Some("accel") {
                format!("dev/accel/{name}")
            } else {
                format!("dev/{name}")
            };
            if !root.exists(&path) {
                let reason = format!("{} is not there: a container must be given it", shown(&path));
                self.findings.unknown_but("apis", reason, "give the container the device");
                return;
            }
        }
        self.libraries(root);
    }

    /// The interfaces whose libraries are installed; the first that is not, with what helps.
    pub fn libraries(&mut self, root: &Root) {
        if self.family.apis.is_empty() {
            let reason = "no interface that edgeorch knows computes with this driver";
            self.findings.none("apis", reason);
            return;
        }
        let mut found = Vec::new();
        let mut missing = None;
        for interface in &self.family.apis {
            let paths: Vec<Option<String>> = interface
                .libraries
                .iter()
                .map(|spellings| library::find(root, spellings, &interface.folders))
                .collect();
            match paths.iter().position(Option::is_none) {
                None => {
                    self.accelerator.apis.push(interface.api);
                    found.extend(paths.into_iter().flatten());
                }
                Some(lacking) => {
                    let name = interface.libraries[lacking].first().cloned().unwrap_or_default();
                    missing = missing.or(Some((name, &interface.remedy)));
                }
            }
        }
        if !found.is_empty() {
            found.dedup();
            self.findings.known("apis", found.join(", "));
        }
        if let Some((name, remedy)) = missing {
            let reason = format!("the library {name} is not installed");
            self.findings.unknown_but("apis", reason, remedy);
        }
    }

    /// The device node's name, such as `accel0` or `apex_0`.
    fn node(&self, root: &Root) -> Option<String> {
        let class = self.family.node.as_ref()?;
        root.list(&format!("{}/{class}", self.folder)).ok()?.into_iter().next()
    }

    /// Gives a reason for each field that nothing told.
    pub fn finish(mut self) -> Sighting {
        self.memory();
        let npu = &self.accelerator;
        let silent = "no interface of this NPU that edgeorch reads tells it";
        let empty = [
            ("index", npu.index.is_none()),
            ("uuid", npu.uuid.is_none()),
            ("target", npu.target.is_none()),
            ("cores", npu.cores.is_none()),
            ("driver", npu.driver.is_none()),
            ("runtime", npu.runtime.is_none()),
            ("power.draw_watts", npu.power.draw_watts.is_none()),
            ("power.limit_watts", npu.power.limit_watts.is_none()),
            ("power.limit_max_watts", npu.power.limit_max_watts.is_none()),
            ("temperature_celsius", npu.temperature_celsius.is_none()),
            ("clocks", npu.clocks.is_none()),
            ("throttling", npu.throttling.is_none()),
        ];
        for (field, is_empty) in empty {
            if is_empty && !self.findings.tells_of(field) {
                self.findings.unknown(field, silent);
            }
        }
        Sighting { accelerator: self.accelerator, findings: self.findings }
    }

    fn memory(&mut self) {
        let memory = &self.accelerator.memory;
        let fields = [("memory.total", memory.total.is_none()), ("memory.free", memory.free.is_none())];
        for (field, is_empty) in fields {
            if !is_empty || self.findings.tells_of(field) {
                continue;
            }
            match (self.family.memory, &self.family.memory_remedy) {
                (MemoryKind::OnChip, _) => {
                    self.findings
                        .none(field, "it has no memory to hold models: they stream through the chip");
                }
                (MemoryKind::Unified | MemoryKind::CarveOut, _) => {
                    let reason =
                        "it works in the system's memory, and no interface tells how much of it it may have";
                    self.findings.unknown(field, reason);
                }
                (MemoryKind::Dedicated, Some(remedy)) => {
                    self.findings.unknown_but(field, "its driver tells nothing of its memory", remedy);
                }
                (MemoryKind::Dedicated, None) => {
                    self.findings.unknown(field, "its driver tells nothing of its memory");
                }
            }
        }
    }
}
