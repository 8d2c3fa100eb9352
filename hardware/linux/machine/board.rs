//! Maker, model and kind of machines that have no SMBIOS: by the device tree, by the lines with which old Arm kernels end
//! `/proc/cpuinfo`, and by what IBM's machines say of themselves.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::host::MachineKind;
use serde::Deserialize;

use super::dmi::Named;
use crate::Root;
use crate::findings::printable;
use crate::linux::cpu::cpuinfo::CpuInfo;
use crate::linux::device_tree;

const SYSINFO: &str = "proc/sysinfo";

pub fn vendor(root: &Root, info: &CpuInfo) -> Option<Named> {
    let property = "compatible";
    let by_tree = || {
        let first = device_tree::text(root, property)?;
        let (prefix, _) = first.split_once(',')?;
        Some((TABLE.vendors.get(prefix)?.clone(), device_tree::shown(property)))
    };
    let by_revision = || raspberry(info).map(|(_, source)| ("Raspberry Pi".to_owned(), source));
    by_tree().or_else(by_revision).or_else(|| sysinfo(root, &["Manufacturer:"]))
}

pub fn model(root: &Root, info: &CpuInfo) -> Option<Named> {
    let by_tree = || Some((device_tree::text(root, "model")?, device_tree::shown("model")));
    let line = |key: &str| {
        let text = printable(info.first(key)?).ok()?;
        Some((text, format!("{key} in /proc/cpuinfo")))
    };
    by_tree()
        .or_else(|| line("Model"))
        .or_else(|| raspberry(info))
        // On POWER. Elsewhere there is no such line.
        .or_else(|| line("machine").filter(|_| info.first("platform").is_some()))
        .or_else(|| sysinfo(root, &["Type:", "Model:"]))
        // The board by the name that an old kernel has for it.
        .or_else(|| line("Hardware"))
}

/// By the tree's own word, which only newer trees have.
pub fn chassis(root: &Root) -> Option<(MachineKind, String)> {
    let property = "chassis-type";
    let text = device_tree::text(root, property)?;
    Some((*TABLE.chassis.get(&text)?, device_tree::shown(property)))
}

/// What has a device tree with a model, or a Raspberry's revision, and is nothing else.
pub fn single_board(root: &Root, info: &CpuInfo) -> Option<(MachineKind, String)> {
    let tree = device_tree::text(root, "model").map(|_| device_tree::shown("model"));
    let source = tree.or_else(|| raspberry(info).map(|(_, source)| source))?;
    Some((MachineKind::SingleBoard, source))
}

/// `a02082` → `Raspberry Pi 3 Model B Rev 1.2`.
fn raspberry(info: &CpuInfo) -> Option<Named> {
    let chip = info.first("Hardware")?;
    if !TABLE.raspberry_chips.iter().any(|known| known == chip) {
        return None;
    }
    let code = u32::from_str_radix(info.first("Revision")?, 16).ok()?;
    // Older codes are plain numbers.
    let new = code & (1 << 23) != 0;
    let name = TABLE.raspberry_types.get(&(code >> 4 & 0xff)).filter(|_| new)?;
    Some((format!("{name} Rev 1.{}", code & 0xf), "Revision in /proc/cpuinfo".to_owned()))
}

/// Lines of an IBM Z: `Manufacturer:         IBM`, `Type:                 3931`.
fn sysinfo(root: &Root, keys: &[&str]) -> Option<Named> {
    let text = root.read(SYSINFO).ok()?;
    let value = |key: &&str| printable(text.lines().find_map(|line| line.strip_prefix(*key))?).ok();
    let values: Vec<String> = keys.iter().filter_map(value).collect();
    (!values.is_empty()).then(|| (values.join(" "), format!("/{SYSINFO}")))
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("boards.yaml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    vendors: BTreeMap<String, String>,
    chassis: BTreeMap<String, MachineKind>,
    raspberry_chips: Vec<String>,
    raspberry_types: BTreeMap<u32, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tree;

    fn old_kernel(hardware: &str, revision: &str) -> Option<String> {
        let text = format!("processor: 0\n\nHardware: {hardware}\nRevision: {revision}\n");
        model(&Root::of(Tree::default()), &CpuInfo::parse(&text)).map(|(name, _)| name)
    }

    #[test]
    fn the_table_is_well_formed() {
        assert!(TABLE.vendors.len() > 30 && TABLE.raspberry_types.len() > 20, "boards.yaml was not read");
    }

    #[test]
    fn an_old_raspberry_is_named_by_its_revision() {
        assert_eq!(old_kernel("BCM2709", "a02082").as_deref(), Some("Raspberry Pi 3 Model B Rev 1.2"));
        assert_eq!(old_kernel("BCM2708", "900092").as_deref(), Some("Raspberry Pi Zero Rev 1.2"));
        assert_eq!(old_kernel("BCM2709", "1a01040").as_deref(), Some("Raspberry Pi 2 Model B Rev 1.0"));
    }

    #[test]
    fn without_a_revision_the_kernel_s_name_of_the_board_is_what_there_is() {
        assert_eq!(old_kernel("BCM2708", "000e").as_deref(), Some("BCM2708"));
        assert_eq!(
            old_kernel("ST-Ericsson MOP500 platform", "a02082").as_deref(),
            Some("ST-Ericsson MOP500 platform")
        );
        assert_eq!(old_kernel("\u{1b}[2J", "x"), None);
    }
}
