//! The audit: what this machine is, each fact with its source.
//!
//! [`audit`] asks a [`Root`] (this machine, or a captured one) and gives a [`Host`]. A probe never fails: what it can't find
//! out is null and goes, with its reason, into `unknown` (see [`findings`]). Nothing is guessed, and nothing is inferred from
//! a product's name. Probes of things that may hang run side by side, each with a deadline.

mod accelerators;
mod android;
pub mod capture;
mod celsius;
mod devices;
mod findings;
mod linux;
mod macos;
mod measure;
mod pending;
mod platform;
mod render;
mod root;
mod software;
mod windows;

#[cfg(test)]
mod tests;

use std::path::Path;

use edgeorch_engines::contract::Host;
use edgeorch_engines::contract::host::{AcceleratorKind, MemoryKind};

pub use render::{brief, print};
pub use root::{Command, Node, ReadError, Root, RunError, Tree};

pub use findings::AS_ROOT;
use findings::Findings;
use pending::Pending;

/// How much of a machine to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where models are kept: an absolute path. A captured machine has its own.
    pub models: String,
    /// Measure memory and storage: most of a second.
    pub measure: bool,
    /// Look for engines, containers and Python: this starts programs.
    pub software: bool,
}

impl Request {
    /// What a start is planned from: no measurement, no program started.
    pub fn facts(models: &Path) -> Request {
        Request { models: models.display().to_string(), measure: false, software: false }
    }
}

/// Looks at a machine.
pub fn audit(root: &Root, request: &Request) -> Host {
    let platform = platform::of(root.platform());
    let models = request.models.clone();
    let models = root.answer("models", || models).unwrap_or_else(|_| request.models.clone());

    let accelerators = begin("accelerators", root, accelerators::probe);
    let power = begin("power", root, move |root, findings| (platform.power)(root, findings));
    let folder = models.clone();
    let storage = begin("storage", root, move |root, findings| (platform.storage)(root, &folder, findings));
    let folder = models.clone();
    let software = request
        .software
        .then(|| begin("software", root, move |root, findings| software::probe(root, &folder, findings)));

    let mut findings = Findings::default();
    let system = (platform.system)(root, &mut findings);
    let accelerators = end(accelerators, &["accelerators"], &mut findings);
    let (power, thermal) = end(power, &["power", "thermal"], &mut findings);
    let storage = end(storage, &["storage"], &mut findings);
    let software = match software {
        Some(software) => end(software, &["software"], &mut findings),
        None => {
            findings.unknown("software", "not looked for: edgeorch audit does");
            Default::default()
        }
    };
    let mut host = Host {
        schema: Host::SCHEMA.to_owned(),
        machine: system.machine,
        os: system.os,
        cpu: system.cpu,
        memory: system.memory,
        accelerators,
        storage,
        power,
        thermal,
        software,
        sources: Default::default(),
        unknown: Vec::new(),
    };
    devices::complete(&mut host, &mut findings);
    host.memory.unified = unified(&host, &mut findings);
    measure(root, request, &models, &mut host, &mut findings);
    (host.sources, host.unknown) = findings.into_parts();
    host
}

/// Whether a GPU works in main memory, out of what is known of each.
fn unified(host: &Host, findings: &mut Findings) -> Option<bool> {
    const FIELD: &str = "memory.unified";
    let mut gpus = host.accelerators.iter().filter(|device| device.kind == AcceleratorKind::Gpu);
    if gpus.clone().any(|gpu| matches!(gpu.memory.kind, Some(MemoryKind::Unified | MemoryKind::CarveOut))) {
        findings.known(FIELD, "accelerators[].memory.kind");
        return Some(true);
    }
    if gpus.any(|gpu| gpu.memory.kind.is_none()) || findings.doubts("accelerators") {
        findings.unknown(FIELD, "a GPU or its kind of memory is not known");
        return None;
    }
    findings.known(FIELD, "accelerators: no GPU that works in main memory");
    Some(false)
}

/// After all probes have ended: what they do would be measured too.
fn measure(root: &Root, request: &Request, models: &str, host: &mut Host, findings: &mut Findings) {
    if request.measure {
        let given = measure::Given {
            usable_cores: host.cpu.usable_cores,
            caches: &host.cpu.caches,
            usable_memory: host.memory.usable(),
        };
        host.memory.bandwidth = measure::bandwidth(root, given, findings);
        host.storage.read = measure::read_speed(root, models, findings);
    } else {
        for field in ["memory.bandwidth", "storage.read"] {
            findings.unknown_but(field, "not measured", "edgeorch audit measures it");
        }
    }
}

type Begun<T> = Pending<(T, Findings)>;

fn begin<T: Send + 'static>(
    name: &'static str,
    root: &Root,
    probe: impl FnOnce(&Root, &mut Findings) -> T + Send + 'static,
) -> Begun<T> {
    Pending::start(name, root, pending::LIMIT, move |root| {
        let mut findings = Findings::default();
        (probe(root, &mut findings), findings)
    })
}

/// What the probe found, or nothing, with `fields` unknown.
fn end<T: Default + Send + 'static>(begun: Begun<T>, fields: &[&str], findings: &mut Findings) -> T {
    match begun.finish() {
        Ok((value, found)) => {
            findings.nest("", found);
            value
        }
        Err(error) => {
            for field in fields {
                findings.unknown(*field, &error);
            }
            T::default()
        }
    }
}
