//! NVIDIA's GPUs, out of what each interface says of them.
//!
//! The PCI bus and the device tree tell which GPUs there are, whether a driver serves them or not. NVML, the driver's
//! library, is believed first; `nvidia-smi` is asked where NVML can't be, or where it leaves the memory open; then come the
//! kernel module's own files, and for boards what their chip is known for. Each field has the first value that one of them
//! gives, with its name; else the first refusal, in its words.

mod describe;
mod jetson;
mod kernel;
mod nvml;
mod report;
mod roll;
mod silence;
mod smi;
mod throttle;
mod unified;

use super::Sightings;
use super::pci::{self, Function};
use crate::Root;
use report::{Gpu, Said};
use silence::Silence;

/// The kernel modules with which NVIDIA's libraries work.
const OURS: [&str; 2] = ["nvidia", "nvgpu"];

/// One who tells something of one GPU.
#[derive(Debug)]
struct Teller {
    source: String,
    gpu: Gpu,
}

impl Teller {
    fn new(source: String, gpu: Gpu) -> Teller {
        Teller { source, gpu }
    }

    /// Whether it is one of the driver's own interfaces, which know all that there is to know.
    fn is_interface(&self) -> bool {
        [nvml::SOURCE, smi::SOURCE].contains(&self.source.as_str())
    }

    /// Whether it speaks for a driver that works.
    fn is_driver(&self) -> bool {
        self.is_interface() || self.gpu.cuda == Said::Value(true)
    }
}

pub fn probe(root: &Root, functions: &[Function]) -> Sightings {
    let functions: Vec<&Function> =
        functions.iter().filter(|function| function.vendor == pci::NVIDIA && function.is_display()).collect();
    let memory = unified::read(root);
    let (mut reports, silence) = ask(root, &memory);
    let served = functions.iter().filter(|function| function.driver.as_deref() == Some("nvidia"));
    reports.push((kernel::SOURCE, served.map(|function| kernel::ask(root, &function.address)).collect()));
    let known = roll::call(&functions, jetson::ask(root), reports);

    let mut sightings = Sightings::default();
    // Virtual machines and containers have GPUs on no bus that they can see: an interface that is there and fails is told.
    if let (true, Some(silence)) = (known.is_empty(), &silence)
        && *silence != Silence::NotInstalled
    {
        sightings.findings.unknown_but("accelerators", silence, silence.remedy());
    }
    let describe = |known| describe::describe(root, known, silence.as_ref(), &memory);
    sightings.devices = known.into_iter().map(describe).collect();
    sightings
}

type Reports = Vec<(&'static str, Vec<Gpu>)>;

/// What NVML and `nvidia-smi` say, and why not, if neither does.
fn ask(root: &Root, memory: &unified::Memory) -> (Reports, Option<Silence>) {
    let first = match nvml::ask(root) {
        Some(Ok(gpus)) if gpus.iter().all(|gpu| is_settled(gpu, memory)) => {
            return (vec![(nvml::SOURCE, gpus)], None);
        }
        // Whoever waits for the same driver waits in vain.
        Some(Err(late @ Silence::Late { .. })) => return (Vec::new(), Some(late)),
        Some(Ok(gpus)) => Ok(gpus),
        Some(Err(silence)) => Err(silence),
        None => Err(Silence::NotInstalled),
    };
    match (first, smi::ask(root)) {
        (Ok(gpus), Ok(more)) => (vec![(nvml::SOURCE, gpus), (smi::SOURCE, more)], None),
        (Ok(gpus), Err(_)) => (vec![(nvml::SOURCE, gpus)], None),
        (Err(_), Ok(gpus)) => (vec![(smi::SOURCE, gpus)], None),
        (Err(silence), Err(Silence::NotInstalled)) => (Vec::new(), Some(silence)),
        (Err(_), Err(silence)) => (Vec::new(), Some(silence)),
    }
}

/// Whether NVML alone tells whose memory it is. It has no word on how the GPU reaches the system's memory, which is asked
/// where it has none of its own, or one as large as the system's.
fn is_settled(gpu: &Gpu, memory: &unified::Memory) -> bool {
    let smaller = |total: &u64| memory.total.is_none_or(|system| *total < system.0);
    gpu.lost.is_some() || gpu.memory_total.value().is_some_and(smaller)
}

#[cfg(test)]
mod tests;
