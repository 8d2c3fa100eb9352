//! Which device is which NPU, and what its driver and libraries are called. The table is data: `families.yaml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::host::{Api, MemoryKind, Vendor};
use serde::Deserialize;

/// By the family's name. A test proves that the file is well-formed.
static FAMILIES: LazyLock<BTreeMap<String, Family>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("families.yaml")).unwrap_or_default());

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    pub vendor: Vendor,
    pub drivers: Vec<String>,
    pub driver_remedy: String,
    /// The class folder below the device that holds its device node.
    pub node: Option<String>,
    #[serde(default)]
    pub numbered: bool,
    #[serde(default)]
    pub cores_are_nodes: bool,
    pub memory: MemoryKind,
    pub memory_remedy: Option<String>,
    /// A run time that works with a driver of its own version only.
    pub run_time: Option<String>,
    /// The type of the thermal zone that measures it.
    pub thermal_zone: Option<String>,
    pub apis: Vec<Interface>,
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interface {
    pub api: Api,
    /// All must be there, each in any of its spellings.
    pub libraries: Vec<Vec<String>>,
    #[serde(default)]
    pub folders: Vec<String>,
    pub remedy: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    ids: Vec<String>,
    revision: Option<String>,
    pub name: String,
    pub target: Option<String>,
}

/// The NPU with this id: `1022:17f0`, `usb 18d1:9302` or `rockchip,rk3588-rknpu`; `revision` is that of a PCI device.
pub fn find(id: &str, revision: Option<&str>) -> Option<(&'static Family, &'static Part)> {
    let parts = FAMILIES.values().flat_map(|family| family.parts.iter().map(move |part| (family, part)));
    let fits = |part: &Part| part.revision.is_none() || part.revision.as_deref() == revision;
    parts.into_iter().find(|(_, part)| part.ids.iter().any(|known| known == id) && fits(part))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_well_formed_and_no_id_stands_twice() {
        let families: BTreeMap<String, Family> =
            serde_saphyr::from_str(include_str!("families.yaml")).unwrap();
        let parts = families.values().flat_map(|family| &family.parts);
        let ids: Vec<_> =
            parts.flat_map(|part| part.ids.iter().map(|id| (id, part.revision.as_ref()))).collect();
        assert!(ids.len() > 20);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        for (name, family) in &families {
            assert!(!family.drivers.is_empty(), "{name}");
            assert!(
                family.memory != MemoryKind::Dedicated
                    || family.memory_remedy.is_some()
                    || name == "hailo-10h",
                "{name}"
            );
        }
    }

    #[test]
    fn ids_are_those_of_the_kernel_in_its_spelling() {
        for id in FAMILIES.values().flat_map(|family| &family.parts).flat_map(|part| &part.ids) {
            let numbers = id.strip_prefix("usb ").unwrap_or(id);
            let is_hex = |text: &str| text.len() == 4 && text.chars().all(|c| c.is_ascii_hexdigit());
            let pair =
                numbers.split_once(':').is_some_and(|(vendor, device)| is_hex(vendor) && is_hex(device));
            let lower = id.chars().all(|c| !c.is_ascii_uppercase());
            assert!(lower && (pair || id.contains(',')), "{id}");
        }
        assert!(find("1002:74a1", None).is_none(), "an Instinct is a GPU");
    }

    #[test]
    fn a_revision_tells_parts_of_one_id_apart() {
        let name = |revision| find("1022:17f0", revision).unwrap().1.name.as_str();
        assert_eq!(name(Some("11")), "AMD XDNA 2 NPU (Strix Halo)");
        assert_eq!((name(Some("ff")), name(None)), ("AMD XDNA 2 NPU", "AMD XDNA 2 NPU"));
    }
}
