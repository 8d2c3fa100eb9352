//! Maker, model and kind of the Mac.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::host::{Machine, MachineKind};
use serde::Deserialize;

use super::profiler::{Entry, ProfilerError};
use super::sysctl::Sysctl;
use crate::findings::Findings;
use edgeorch_engines::chain;

/// A test proves that the file is well-formed.
static NAMES: LazyLock<Names> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("machine.yaml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    kinds: BTreeMap<String, MachineKind>,
    hypervisors: BTreeMap<String, String>,
}

pub fn probe(sysctl: &Sysctl, hardware: &Result<Entry, ProfilerError>, findings: &mut Findings) -> Machine {
    findings.none("machine.compatible", "macOS: it gives no device-tree strings");
    let line = hardware.as_ref().ok().and_then(|entry| entry.text("machine_name"));
    Machine {
        vendor: vendor(sysctl, line.as_deref(), findings),
        model: model(sysctl, line.as_deref(), findings),
        kind: kind(sysctl, hardware, line.as_deref(), findings),
        virtualization: virtualization(sysctl, findings),
        compatible: Vec::new(),
    }
}

/// macOS names no maker: the firmware of its own machines needs none.
fn vendor(sysctl: &Sysctl, line: Option<&str>, findings: &mut Findings) -> Option<String> {
    const FIELD: &str = "machine.vendor";
    let source = if sysctl.is_apple_chip() == Ok(true) {
        "sysctl hw.optional.arm64: macOS runs on no other maker's Arm machines"
    } else if line.is_some_and(|line| NAMES.kinds.contains_key(line)) {
        "system_profiler: the machine_name is one of Apple's"
    } else {
        findings
            .unknown(FIELD, "macOS does not name the maker, and the model is none of Apple's that are known");
        return None;
    };
    findings.known(FIELD, source);
    Some("Apple Inc.".to_owned())
}

/// `MacBook Air (Mac16,12)`: the line for people, the identifier for looking it up.
fn model(sysctl: &Sysctl, line: Option<&str>, findings: &mut Findings) -> Option<String> {
    let identifier = findings.learn("machine.model", "sysctl hw.model", sysctl.text("hw.model"))?;
    let Some(line) = line else { return Some(identifier) };
    findings.known("machine.model", "system_profiler SPHardwareDataType, sysctl hw.model");
    Some(format!("{line} ({identifier})"))
}

fn kind(
    sysctl: &Sysctl,
    hardware: &Result<Entry, ProfilerError>,
    line: Option<&str>,
    findings: &mut Findings,
) -> Option<MachineKind> {
    const FIELD: &str = "machine.kind";
    if sysctl.is_guest() == Ok(true) {
        findings.known(FIELD, "sysctl kern.hv_vmm_present");
        return Some(MachineKind::VirtualMachine);
    }
    match (hardware, line.and_then(|line| NAMES.kinds.get(line))) {
        (_, Some(kind)) => {
            findings.known(FIELD, "system_profiler SPHardwareDataType machine_name");
            Some(*kind)
        }
        (Err(error), _) => {
            findings.unknown(FIELD, chain(error));
            None
        }
        (Ok(_), None) => {
            findings.unknown(FIELD, "the machine's name is none of Apple's lines that are known");
            None
        }
    }
}

fn virtualization(sysctl: &Sysctl, findings: &mut Findings) -> Vec<String> {
    const FIELD: &str = "machine.virtualization";
    match findings.learn(FIELD, "sysctl kern.hv_vmm_present", sysctl.is_guest()) {
        Some(true) => {
            let model = sysctl.raw("hw.model").unwrap_or_default();
            vec![NAMES.hypervisors.get(model).map_or("unknown hypervisor", String::as_str).to_owned()]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macos::profiler::fixture;

    fn told(sysctl: &str, json: &str) -> (Machine, Findings) {
        let mut findings = Findings::default();
        let machine = probe(&Sysctl::parse(Ok(sysctl.to_owned())), &Ok(fixture(json)), &mut findings);
        (machine, findings)
    }

    #[test]
    fn the_table_is_well_formed() {
        assert!(NAMES.kinds.len() > 8 && NAMES.hypervisors.len() > 1);
    }

    #[test]
    fn a_laptop_is_one_by_its_line_and_not_by_a_part_of_its_name() {
        let sysctl = "hw.model: Mac16,12\nhw.optional.arm64: 1\nkern.hv_vmm_present: 0\n";
        let (machine, _) = told(sysctl, r#"{"machine_name": "MacBook Air"}"#);
        assert_eq!(machine.kind, Some(MachineKind::Laptop));
        assert_eq!(machine.model.as_deref(), Some("MacBook Air (Mac16,12)"));
        let (machine, findings) = told(sysctl, r#"{"machine_name": "MacBook Air 2030"}"#);
        assert_eq!(machine.kind, None);
        assert_eq!(findings.unknown_fields(), ["machine.kind"]);
    }

    #[test]
    fn a_guest_is_a_virtual_machine_whatever_it_calls_itself() {
        let (machine, _) =
            told("hw.model: VirtualMac2,1\nkern.hv_vmm_present: 1\n", r#"{"machine_name": "iMac"}"#);
        assert_eq!(machine.kind, Some(MachineKind::VirtualMachine));
        assert_eq!(machine.virtualization, ["apple-virtualization"]);
        let (machine, _) = told("hw.model: iMac19,1\nkern.hv_vmm_present: 1\n", "{}");
        assert_eq!(machine.virtualization, ["unknown hypervisor"]);
    }

    #[test]
    fn nothing_is_claimed_of_a_machine_that_says_nothing() {
        let (machine, findings) = told("", "{}");
        assert_eq!(machine, Machine::default());
        let unknown = findings.unknown_fields();
        assert_eq!(unknown, ["machine.vendor", "machine.model", "machine.kind", "machine.virtualization"]);
    }
}
