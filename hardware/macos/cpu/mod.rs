//! The processor, out of `sysctl hw` and `sysctl machdep.cpu`.

mod caches;
mod cores;
mod isa;

use edgeorch_engines::contract::host::NumaNode;
use edgeorch_engines::contract::{Architecture, Cpu};

use super::profiler::{Entry, ProfilerError};
use super::sysctl::Sysctl;
use super::vm_stat;
use crate::findings::Findings;
use crate::root::RunError;

pub fn probe(
    sysctl: &Sysctl,
    hardware: &Result<Entry, ProfilerError>,
    pages: &Result<String, RunError>,
    findings: &mut Findings,
) -> Cpu {
    let hardware = hardware.as_ref().ok();
    let logical_cores =
        findings.learn("cpu.logical_cores", "sysctl hw.logicalcpu", sysctl.count("hw.logicalcpu"));
    Cpu {
        architecture: architecture(sysctl, findings),
        vendor: vendor(sysctl, findings),
        model: model(sysctl, hardware, findings),
        sockets: findings.learn("cpu.sockets", "sysctl hw.packages", sysctl.count("hw.packages")),
        physical_cores: cores::physical(sysctl, hardware, findings),
        logical_cores,
        usable_cores: cores::usable(sysctl, hardware, findings),
        core_kinds: cores::kinds(sysctl, hardware, findings),
        isa: isa::probe(sysctl, findings),
        caches: caches::probe(sysctl, findings),
        numa_nodes: numa(sysctl, logical_cores, pages, findings),
    }
}

fn architecture(sysctl: &Sysctl, findings: &mut Findings) -> Architecture {
    match findings.learn("cpu.architecture", "sysctl hw.optional.arm64, hw.cputype", sysctl.is_apple_chip()) {
        Some(true) => Architecture::Aarch64,
        Some(false) => Architecture::X86_64,
        None => Architecture::Other,
    }
}

fn vendor(sysctl: &Sysctl, findings: &mut Findings) -> Option<String> {
    const FIELD: &str = "cpu.vendor";
    if sysctl.is_apple_chip() == Ok(true) {
        findings.known(FIELD, "sysctl hw.optional.arm64: macOS runs on no other maker's Arm chips");
        return Some("Apple".to_owned());
    }
    findings.learn(FIELD, "sysctl machdep.cpu.vendor", sysctl.text("machdep.cpu.vendor"))
}

fn model(sysctl: &Sysctl, hardware: Option<&Entry>, findings: &mut Findings) -> Option<String> {
    const FIELD: &str = "cpu.model";
    let chip = || hardware.and_then(|entry| entry.text("chip_type"));
    match (sysctl.text("machdep.cpu.brand_string"), chip()) {
        (Err(_), Some(chip)) => {
            findings.known(FIELD, "system_profiler SPHardwareDataType chip_type");
            Some(chip)
        }
        (brand, _) => findings.learn(FIELD, "sysctl machdep.cpu.brand_string", brand),
    }
}

/// macOS shows all memory as one node.
fn numa(
    sysctl: &Sysctl,
    logical_cores: Option<u32>,
    pages: &Result<String, RunError>,
    findings: &mut Findings,
) -> Vec<NumaNode> {
    const FIELD: &str = "cpu.numa_nodes";
    let Some(cores) = logical_cores else {
        findings.unknown(FIELD, "the number of CPUs is not known");
        return Vec::new();
    };
    findings.known(FIELD, "macOS: it knows one node");
    let total =
        findings.learn("cpu.numa_nodes[0].memory_total", "sysctl hw.memsize", sysctl.bytes("hw.memsize"));
    let free = pages.as_ref().ok().and_then(|text| vm_stat::VmStat::parse(text).ok()).map(|stat| stat.free());
    match free {
        Some(_) => findings.known("cpu.numa_nodes[0].memory_free", "vm_stat: free and speculative pages"),
        None => findings.unknown("cpu.numa_nodes[0].memory_free", "vm_stat does not say"),
    }
    let cpus = if cores == 1 { "0".to_owned() } else { format!("0-{}", cores - 1) };
    vec![NumaNode { node: 0, cpus, memory_total: total, memory_free: free }]
}
