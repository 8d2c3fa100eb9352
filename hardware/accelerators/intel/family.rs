//! Which architecture a GPU has, and whether its memory is its own. The data is in `families.yaml`.

use std::sync::LazyLock;

use edgeorch_engines::contract::host::MemoryKind;
use serde::Deserialize;

use crate::accelerators::pci::Function;
use crate::accelerators::sysfs::Told;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    pub target: String,
    memory: Kind,
    devices: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Dedicated,
    Unified,
}

/// A test proves that the file is well-formed.
static FAMILIES: LazyLock<Vec<Family>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("families.yaml")).unwrap_or_default());

/// Where every processor of Intel has its GPU, and no card can be: on the root bus.
const PROCESSOR_S: &str = "0000:00:02.0";

pub fn of(function: &Function) -> Option<&'static Family> {
    let id = format!("{:04x}", function.device);
    FAMILIES.iter().find(|family| family.devices.contains(&id))
}

pub fn memory_kind(function: &Function) -> Option<Told<MemoryKind>> {
    match of(function).map(|family| family.memory) {
        Some(Kind::Dedicated) => Some(Told::by("the PCI device id", MemoryKind::Dedicated)),
        Some(Kind::Unified) => Some(Told::by("the PCI device id", MemoryKind::Unified)),
        // Older ones, and those that are newer than the table.
        None if function.address == PROCESSOR_S => {
            Some(Told::by("the place on the bus that is the processor's own", MemoryKind::Unified))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Root;
    use crate::accelerators::pci::{self, fixture};
    use crate::root::Tree;

    #[test]
    fn the_table_is_well_formed_and_names_nothing_twice() {
        assert!(FAMILIES.len() > 12, "families.yaml was not read");
        let devices: Vec<&String> = FAMILIES.iter().flat_map(|family| &family.devices).collect();
        assert!(devices.iter().all(|id| id.len() == 4 && **id == id.to_lowercase()));
        assert!(devices.iter().all(|id| u16::from_str_radix(id, 16).is_ok()));
        assert_eq!(devices.iter().collect::<BTreeSet<_>>().len(), devices.len());
    }

    #[test]
    fn memory_is_told_by_identity_and_else_by_place() {
        let kind = |address: &str, device: &str| {
            let mut tree = Tree::default();
            fixture::function(&mut tree, address, "0x030000", ("0x8086", device));
            memory_kind(&pci::functions(&Root::of(tree))[0]).map(|told| told.value)
        };
        assert_eq!(kind("0000:03:00.0", "0xe20b"), Some(MemoryKind::Dedicated));
        assert_eq!(kind("0000:00:02.0", "0x7d55"), Some(MemoryKind::Unified));
        assert_eq!(kind("0000:00:02.0", "0x1912"), Some(MemoryKind::Unified));
        assert_eq!(kind("0000:03:00.0", "0xffff"), None);
    }
}
