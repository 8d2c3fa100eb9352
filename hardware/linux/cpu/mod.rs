//! The processor: what `/proc/cpuinfo` and sysfs say of it, in the contract's words.

use std::collections::BTreeSet;

use edgeorch_engines::contract::Architecture;
use edgeorch_engines::contract::host::{Cpu, Isa, NumaNode};

use crate::Root;
use crate::findings::Findings;
use crate::linux::cgroup::Cgroups;
use crate::linux::device_tree;
use caches::Caches;
use cpu_list::CpuList;
use cpuinfo::CpuInfo;
use topology::Count;

mod arm;
mod caches;
pub mod cpu_list;
pub mod cpuinfo;
mod cpus;
mod isa;
mod kinds;
mod names;
mod topology;
mod usable_cores;

const NO_CPUINFO: &str = "/proc/cpuinfo does not say";

pub fn probe(
    root: &Root,
    info: &CpuInfo,
    cgroups: &Cgroups,
    nodes: Vec<NumaNode>,
    findings: &mut Findings,
) -> Cpu {
    let online = cpus::online(root);
    let numbers = cpus::numbers(online.as_ref());
    let topology = topology::read(root, &numbers, info);
    let caches = Caches::read(root, &numbers);
    let logical_cores = logical_cores(online.as_ref(), info, findings);
    let architecture = architecture(root, info, findings);
    Cpu {
        architecture,
        vendor: names::vendor(info, findings),
        model: names::model(root, info, findings),
        sockets: sockets(root, architecture, topology.sockets, findings),
        physical_cores: counted("cpu.physical_cores", topology.physical_cores, findings),
        logical_cores,
        usable_cores: usable_cores::probe(root, cgroups, online.as_ref(), logical_cores, findings),
        core_kinds: kinds::probe(root, info, &numbers, &topology, &caches, findings),
        isa: isa(info, findings),
        caches: caches.tell(findings),
        numa_nodes: nodes,
    }
}

fn logical_cores(online: Option<&CpuList>, info: &CpuInfo, findings: &mut Findings) -> Option<u32> {
    let sysfs = online.map(|list| (list.count(), "/sys/devices/system/cpu/online"));
    let counted = sysfs.or_else(|| Some((info.threads()?, "processors listed in /proc/cpuinfo")));
    match counted {
        Some((_, source)) => findings.known("cpu.logical_cores", source),
        None => findings
            .unknown("cpu.logical_cores", "neither /sys/devices/system/cpu/online nor /proc/cpuinfo says"),
    }
    counted.map(|(count, _)| count)
}

/// On Arm boards kernels before 6.0 call each cluster of cores a package ("arch_topology: Don't set cluster identifier as
/// physical package identifier"); servers have ACPI in the place of a device tree, and count right.
fn sockets(
    root: &Root,
    architecture: Architecture,
    count: Option<Count>,
    findings: &mut Findings,
) -> Option<u32> {
    let is_arm = matches!(architecture, Architecture::Aarch64 | Architecture::Armv7);
    if is_arm && count.is_some_and(|count| count.count > 1) && device_tree::has(root, "compatible") {
        findings.unknown("cpu.sockets", "this kernel may count a board's clusters of cores as packages");
        return None;
    }
    counted("cpu.sockets", count, findings)
}

fn counted(field: &str, count: Option<Count>, findings: &mut Findings) -> Option<u32> {
    match count {
        Some(count) => findings.known(field, count.source),
        None => findings.unknown(field, "neither /sys/devices/system/cpu/*/topology nor /proc/cpuinfo says"),
    }
    count.map(|count| count.count)
}

fn isa(info: &CpuInfo, findings: &mut Findings) -> BTreeSet<Isa> {
    let isa = isa::read(info);
    match &isa {
        Some(_) => findings.known("cpu.isa", "what every processor in /proc/cpuinfo lists as its features"),
        None => findings.unknown("cpu.isa", NO_CPUINFO),
    }
    isa.unwrap_or_default()
}

fn architecture(root: &Root, info: &CpuInfo, findings: &mut Findings) -> Architecture {
    if let Some(told) = told_architecture(info) {
        findings.known("cpu.architecture", "the features of the processors in /proc/cpuinfo");
        return told;
    }
    if root.is_live() {
        findings.known("cpu.architecture", "what edgeorch was built for");
        return built_for();
    }
    findings.known("cpu.architecture", "nothing names one that edgeorch knows");
    findings.unknown("cpu.architecture", NO_CPUINFO);
    Architecture::Other
}

/// No line of the file names the architecture; the features do. A 64-bit Arm core below a 32-bit kernel counts as what
/// that kernel can run.
fn told_architecture(info: &CpuInfo) -> Option<Architecture> {
    if let Some(flags) = info.first("flags") {
        // `lm`: long mode, the 64-bit half of x86.
        return Some(if has(flags, "lm") { Architecture::X86_64 } else { Architecture::Other });
    }
    if let Some(features) = info.first("Features") {
        return Some(match features {
            f if has(f, "asimd") => Architecture::Aarch64,
            f if has(f, "neon") || has(f, "vfpv3") => Architecture::Armv7,
            _ => Architecture::Other,
        });
    }
    if let Some(isa) = info.first("isa") {
        return Some(if isa.starts_with("rv64") { Architecture::Riscv64 } else { Architecture::Other });
    }
    // POWER, and IBM Z, which calls its features by a small letter.
    let other =
        info.first("revision").is_some_and(|text| text.contains("(pvr ")) || info.first("features").is_some();
    other.then_some(Architecture::Other)
}

fn has(features: &str, name: &str) -> bool {
    features.split_whitespace().any(|feature| feature == name)
}

fn built_for() -> Architecture {
    match std::env::consts::ARCH {
        "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        "arm" => Architecture::Armv7,
        "riscv64" => Architecture::Riscv64,
        _ => Architecture::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<Architecture> {
        told_architecture(&CpuInfo::parse(text))
    }

    #[test]
    fn the_architecture_is_read_from_the_features() {
        assert_eq!(told("flags: fpu lm avx"), Some(Architecture::X86_64));
        assert_eq!(told("flags: fpu"), Some(Architecture::Other));
        assert_eq!(told("Features: fp asimd"), Some(Architecture::Aarch64));
        assert_eq!(told("Features: half thumb neon"), Some(Architecture::Armv7));
        assert_eq!(told("Features: half thumb vfp edsp java tls"), Some(Architecture::Other));
        assert_eq!(told("isa: rv64imafdc"), Some(Architecture::Riscv64));
        assert_eq!(told("cpu: POWER9\nrevision: 2.1 (pvr 004e 1201)"), Some(Architecture::Other));
        assert_eq!(told("features: esan3 zarch"), Some(Architecture::Other));
        assert_eq!(told("cpu: POWER9"), None);
    }
}
