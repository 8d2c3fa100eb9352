//! The processor: what `/proc/cpuinfo` and sysfs say of it, in the contract's words.

use edgeorch_engines::contract::{Architecture, Cpu};

use crate::Root;
use crate::findings::{Findings, printable};
use crate::linux::cgroup::Cgroups;
use cpuinfo::CpuInfo;

mod arm;
pub mod cpu_list;
pub mod cpuinfo;
mod isa;
mod topology;
mod usable_cores;

const NO_CPUINFO: &str = "/proc/cpuinfo does not say";

pub fn probe(root: &Root, cgroups: &Cgroups, findings: &mut Findings) -> Cpu {
    let text = findings.take("cpu", root.read("proc/cpuinfo")).unwrap_or_default();
    let info = CpuInfo::parse(&text);
    let online = topology::online(root);
    let shape = topology::read(root, online.as_ref(), &info);
    let logical_cores = online.as_ref().map(|list| list.count()).or(info.threads());
    if logical_cores.is_none() {
        findings
            .unknown("cpu.logical_cores", "neither /sys/devices/system/cpu/online nor /proc/cpuinfo says");
    }
    for (field, value) in [("cpu.sockets", shape.sockets), ("cpu.physical_cores", shape.physical_cores)] {
        if value.is_none() {
            findings.unknown(field, "neither /sys/devices/system/cpu/*/topology nor /proc/cpuinfo says");
        }
    }
    let isa = isa::read(&info);
    if isa.is_none() {
        findings.unknown("cpu.isa", NO_CPUINFO);
    }
    Cpu {
        architecture: architecture(root, &info, findings),
        vendor: vendor(&info, findings),
        model: model(&info, findings),
        sockets: shape.sockets,
        physical_cores: shape.physical_cores,
        logical_cores,
        usable_cores: usable_cores::probe(root, cgroups, online.as_ref(), logical_cores, findings),
        core_kinds: Vec::new(),
        isa: isa.unwrap_or_default(),
        caches: Vec::new(),
        numa_nodes: Vec::new(),
    }
}

fn architecture(root: &Root, info: &CpuInfo, findings: &mut Findings) -> Architecture {
    if let Some(told) = told_architecture(info) {
        return told;
    }
    if root.is_live() {
        return built_for();
    }
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
    let isa = info.first("isa")?;
    Some(if isa.starts_with("rv64") { Architecture::Riscv64 } else { Architecture::Other })
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

fn vendor(info: &CpuInfo, findings: &mut Findings) -> Option<String> {
    if let Some(told) = info.first("vendor_id") {
        return findings.take("cpu.vendor", printable(told));
    }
    match arm::vendor(info) {
        Some(known) => findings.take("cpu.vendor", known),
        None => {
            findings.unknown("cpu.vendor", NO_CPUINFO);
            None
        }
    }
}

/// The part numbers before the kernel's own words: on Arm those are `ARMv7 Processor rev 4 (v7l)`, for any core.
fn model(info: &CpuInfo, findings: &mut Findings) -> Option<String> {
    let told = ["model name", "uarch", "cpu", "Processor"].into_iter().find_map(|key| info.first(key));
    match (arm::model(info), told) {
        (Some(Ok(model)), _) => Some(model),
        (Some(Err(error)), _) => findings.take("cpu.model", Err(error)),
        (None, Some(told)) => findings.take("cpu.model", printable(told)),
        (None, None) => {
            findings.unknown("cpu.model", NO_CPUINFO);
            None
        }
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
        assert_eq!(told("cpu: POWER9"), None);
    }

    #[test]
    fn a_brand_string_with_escape_sequences_is_unknown_and_hides_nothing_else() {
        let mut findings = Findings::default();
        let info = CpuInfo::parse("processor: 0\nvendor_id: GenuineIntel\nmodel name: \u{1b}[2J\n");
        assert_eq!(model(&info, &mut findings), None);
        assert_eq!(vendor(&info, &mut findings).as_deref(), Some("GenuineIntel"));
        assert_eq!(findings.unknown_fields(), ["cpu.model"]);
    }
}
