//! What the processor lacks, or is kept from.

use edgeorch_engines::Host;
use edgeorch_engines::contract::{Architecture, Isa};

use super::{Finding, Need, Severity};

pub fn check(host: &Host, _: Option<Need>) -> Vec<Finding> {
    let cpu = &host.cpu;
    let mut findings = Vec::new();
    // An empty list is one that nobody could read.
    if cpu.architecture == Architecture::X86_64 && !cpu.isa.is_empty() && !cpu.isa.contains(&Isa::Avx2) {
        findings.push(Finding::new(
            Severity::Warning,
            "no-avx2",
            "the processor has no AVX2 (or a virtual machine hides it): prebuilt engines mostly need it",
            "In a virtual machine pass the host's CPU through (`-cpu host`); else edgeorch builds the engine from source.",
        ));
    }
    if let Some(threads) = cpu.logical_cores.filter(|threads| cpu.usable_cores < *threads) {
        findings.push(Finding::new(
            Severity::Hint,
            "cores-limited",
            format!(
                "affinity or a quota leaves this process {} of {threads} hardware threads",
                cpu.usable_cores
            ),
            "If that is not meant: raise the container's or service's CPU limit.",
        ));
    }
    findings
}
