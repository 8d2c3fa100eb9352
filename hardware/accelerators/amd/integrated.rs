//! Whether a GPU is a card or a part of the processor. The data is in `integrated.yaml`.

use std::sync::LazyLock;

use edgeorch_engines::contract::host::MemoryKind;
use serde::Deserialize;

use super::kfd::Node;
use super::metrics::Metrics;
use crate::accelerators::sysfs::Told;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chips {
    carve_out: Vec<Chip>,
    unified: Vec<Chip>,
    dedicated: Vec<String>,
    cards: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chip {
    chip: String,
    devices: Vec<String>,
    targets: Vec<String>,
}

/// A test proves that the file is well-formed.
static CHIPS: LazyLock<Chips> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("integrated.yaml")).unwrap_or_default());

/// What is known of a GPU that may tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs<'a> {
    pub device: Option<u16>,
    pub target: Option<&'a str>,
    pub node: Option<&'a Node>,
    pub metrics: Option<Metrics<'a>>,
}

/// What kind of memory a GPU works in. The identity counts most: a kernel older than the chip may call it by a sister's
/// target.
pub fn memory_kind(signs: Signs) -> Option<Told<MemoryKind>> {
    let device = signs.device.map(|device| format!("{device:04x}"));
    let by_device = |chips: &'static [Chip]| {
        device.as_ref().and_then(|id| chips.iter().find(|chip| chip.devices.contains(id)))
    };
    let by_target =
        |target: &str| CHIPS.carve_out.iter().find(|chip| chip.targets.iter().any(|t| t == target));
    if let Some(chip) = by_device(&CHIPS.unified) {
        return Some(Told::by(format!("the PCI device id, of {}", chip.chip), MemoryKind::Unified));
    }
    if let Some(chip) = by_device(&CHIPS.carve_out) {
        return Some(Told::by(format!("the PCI device id, of {}", chip.chip), MemoryKind::CarveOut));
    }
    if signs.node.is_some_and(|node| node.with_cpu) {
        return Some(Told::by("KFD: one node with the CPU", MemoryKind::CarveOut));
    }
    if signs.metrics.is_some_and(|metrics| metrics.is_of_apu()) {
        return Some(Told::by("gpu_metrics: a table that only APUs have", MemoryKind::CarveOut));
    }
    if let Some(chip) = signs.target.and_then(by_target) {
        return Some(Told::by(format!("the compile target, of {}", chip.chip), MemoryKind::CarveOut));
    }
    if device.is_some_and(|id| CHIPS.cards.contains(&id)) {
        return Some(Told::by("the PCI device id, of a card", MemoryKind::Dedicated));
    }
    let card = signs.target.is_some_and(|target| CHIPS.dedicated.iter().any(|t| t == target));
    card.then(|| Told::by("the compile target, one that only cards have", MemoryKind::Dedicated))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_well_formed_and_names_nothing_twice() {
        let chips: Vec<&Chip> = CHIPS.carve_out.iter().chain(&CHIPS.unified).collect();
        assert!(chips.len() > 10, "integrated.yaml was not read");
        let devices: Vec<&String> = chips.iter().flat_map(|chip| &chip.devices).chain(&CHIPS.cards).collect();
        assert!(devices.iter().all(|id| id.len() == 4 && u16::from_str_radix(id, 16).is_ok()));
        assert!(devices.iter().all(|id| **id == id.to_lowercase()));
        assert_eq!(devices.iter().collect::<BTreeSet<_>>().len(), devices.len());
        let targets: Vec<&String> =
            chips.iter().flat_map(|chip| &chip.targets).chain(&CHIPS.dedicated).collect();
        assert_eq!(targets.iter().collect::<BTreeSet<_>>().len(), targets.len());
    }

    /// Windows is asked by that table alone, so the two must agree.
    #[test]
    fn the_table_of_devices_says_the_same() {
        let mut compared = 0;
        let mut agree = |devices: &[String], integrated| {
            for id in devices {
                if let Some(told) = crate::devices::shares_main_memory(&format!("1002:{id}")) {
                    assert_eq!(told, integrated, "1002:{id}");
                    compared += 1;
                }
            }
        };
        CHIPS.carve_out.iter().chain(&CHIPS.unified).for_each(|chip| agree(&chip.devices, true));
        agree(&CHIPS.cards, false);
        assert!(compared > 5, "{compared} ids are in both");
    }

    fn kind(signs: Signs) -> Option<MemoryKind> {
        memory_kind(signs).map(|told| told.value)
    }

    #[test]
    fn the_device_counts_before_the_target() {
        let of =
            |device, target| kind(Signs { device: Some(device), target: Some(target), ..Signs::default() });
        assert_eq!(of(0x1586, "gfx1100"), Some(MemoryKind::CarveOut));
        assert_eq!(of(0x744c, "gfx1100"), Some(MemoryKind::Dedicated));
        assert_eq!(of(0x74a0, "gfx942"), Some(MemoryKind::Unified));
        assert_eq!(of(0x74a1, "gfx942"), Some(MemoryKind::Dedicated));
        assert_eq!(of(0x9999, "gfx942"), None);
        assert_eq!(kind(Signs::default()), None);
    }

    #[test]
    fn a_new_apu_is_told_by_its_metrics_and_an_old_one_by_its_node() {
        let bytes = [4, 0, 3, 0];
        let metrics = Metrics::parse(&bytes);
        assert_eq!(kind(Signs { metrics, ..Signs::default() }), Some(MemoryKind::CarveOut));
        let node = Node {
            source: String::new(),
            address: String::new(),
            target: None,
            unique_id: None,
            index: 0,
            compute_units: None,
            with_cpu: true,
        };
        assert_eq!(kind(Signs { node: Some(&node), ..Signs::default() }), Some(MemoryKind::CarveOut));
    }
}
