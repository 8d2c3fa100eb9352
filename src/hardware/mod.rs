//! The audit: probes that fill [`Host`], one file per probe.
//!
//! Every probe reads small text files below a [`Root`], so that a captured machine can be audited like the live one. A probe
//! never fails: what it can't find out is `None` and goes, with its reason, into `unknown` (see [`gaps`]). Nothing is
//! executed and nothing is guessed.

mod arm;
mod cgroup;
mod cpu;
mod cpu_list;
mod cpuinfo;
mod gaps;
mod isa;
mod libc;
mod limit;
mod memory;
mod nvidia;
mod os;
mod pci;
mod render;
mod root;
mod topology;
mod usable_cores;

#[cfg(test)]
mod tests;

use edgeorch_engines::contract::Host;

pub use render::print;
pub use root::{ReadError, Root};

use cgroup::Cgroups;
use gaps::Gaps;

/// Looks at the machine below `root`. Takes a few milliseconds, and NVML's own start where a driver is loaded.
pub fn audit(root: &Root) -> Host {
    let mut gaps = Gaps::default();
    let cgroups = Cgroups::read(root);
    let cpu = cpu::probe(root, &cgroups, &mut gaps);
    let os = os::probe(root, cpu.architecture, &mut gaps);
    let memory = memory::probe(root, &cgroups, &mut gaps);
    let gpus = nvidia::probe(root, &mut gaps);
    Host { schema: Host::SCHEMA.to_owned(), os, cpu, memory, gpus, unknown: gaps.into_unknown() }
}
