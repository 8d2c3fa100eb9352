//! Maker, model and kind of an Android device.

use std::collections::BTreeMap;

use edgeorch_engines::contract::host::{Machine, MachineKind};

use crate::findings::{Findings, printable};
use crate::root::{Root, RunError};

pub fn probe(
    root: &Root,
    properties: &Result<BTreeMap<String, String>, RunError>,
    findings: &mut Findings,
) -> Machine {
    let compatible = compatible(root, findings);
    let properties = match properties {
        Ok(properties) => properties,
        Err(error) => {
            for field in ["vendor", "model", "kind", "virtualization"] {
                findings.unknown(format!("machine.{field}"), error);
            }
            return Machine { compatible, ..Machine::default() };
        }
    };
    let mut name = |field: &str, property: &str| match properties.get(property) {
        Some(name) => findings.learn(field, property, printable(name)),
        None => {
            findings.unknown(field, format_args!("{property} is not set"));
            None
        }
    };
    let (vendor, model) =
        (name("machine.vendor", "ro.product.manufacturer"), name("machine.model", "ro.product.model"));
    let emulated = properties.get("ro.kernel.qemu").is_some_and(|value| value == "1");
    findings.known("machine.virtualization", "ro.kernel.qemu");
    Machine {
        vendor,
        model,
        kind: kind(properties, emulated, findings),
        virtualization: if emulated { vec!["qemu".to_owned()] } else { Vec::new() },
        compatible,
    }
}

/// Among what a device says of itself are screen and storage too; only other kinds of device are told from phones by it.
fn kind(
    properties: &BTreeMap<String, String>,
    emulated: bool,
    findings: &mut Findings,
) -> Option<MachineKind> {
    const FIELD: &str = "machine.kind";
    const OTHERS: [&str; 5] = ["tablet", "tv", "watch", "automotive", "embedded"];
    if emulated {
        findings.known(FIELD, "ro.kernel.qemu");
        return Some(MachineKind::VirtualMachine);
    }
    let told = properties.get("ro.build.characteristics").map(String::as_str).unwrap_or_default();
    if let Some(other) = OTHERS.iter().find(|other| told.split(',').any(|word| word.trim() == **other)) {
        findings
            .unknown(FIELD, format_args!("Android calls itself `{other}`, for which there is no kind here"));
        return None;
    }
    findings.known(FIELD, "Android, ro.build.characteristics names no other kind");
    Some(MachineKind::Phone)
}

fn compatible(root: &Root, findings: &mut Findings) -> Vec<String> {
    match root.read("proc/device-tree/compatible") {
        Ok(text) => {
            findings.known("machine.compatible", "/proc/device-tree/compatible");
            text.split('\0').filter_map(|string| printable(string).ok()).take(64).collect()
        }
        Err(error) => {
            findings.unknown("machine.compatible", error);
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Tree;

    fn machine(properties: &[(&str, &str)]) -> (Machine, Findings) {
        let mut findings = Findings::default();
        let properties =
            properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let machine = probe(&Root::of(Tree::default()), &Ok(properties), &mut findings);
        (machine, findings)
    }

    #[test]
    fn a_tablet_is_not_called_a_phone() {
        let (phone, _) =
            machine(&[("ro.product.model", "SM-S928B"), ("ro.build.characteristics", "nosdcard,default")]);
        assert_eq!((phone.model.as_deref(), phone.kind), (Some("SM-S928B"), Some(MachineKind::Phone)));
        let (tablet, findings) = machine(&[("ro.build.characteristics", "tablet,nosdcard")]);
        assert_eq!(tablet.kind, None);
        assert!(findings.unknown_fields().contains(&"machine.model"));
    }

    #[test]
    fn the_emulator_is_a_virtual_machine() {
        let (emulator, _) = machine(&[("ro.kernel.qemu", "1")]);
        assert_eq!(emulator.kind, Some(MachineKind::VirtualMachine));
        assert_eq!(emulator.virtualization, ["qemu"]);
    }
}
