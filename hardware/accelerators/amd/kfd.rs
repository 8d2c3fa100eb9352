//! The topology of the kernel's compute interface (KFD): what a GPU must be compiled for, and ROCm's order of devices.
//!
//! Each node below `/sys/class/kfd/kfd/topology/nodes` is a CPU or a GPU, or both in old APUs; its `properties` are lines of
//! a name and a number.

use std::collections::BTreeMap;

use crate::Root;
use crate::root::ReadError;

const FOLDER: &str = "sys/class/kfd/kfd/topology/nodes";

/// As many nodes as are looked at: eight GPUs of eight partitions each are 66.
const MOST: usize = 512;

/// A GPU that ROCm could use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The folder, as the machine itself calls it.
    pub source: String,
    /// `0000:03:00.0`.
    pub address: String,
    /// Such as `gfx1151`; `None` if the kernel gives none that makes sense.
    pub target: Option<String>,
    pub unique_id: Option<u64>,
    /// How HIP counts it.
    pub index: u32,
    pub compute_units: Option<u32>,
    /// The node has CPU cores too: an APU of the first generations.
    pub with_cpu: bool,
}

/// The GPUs, in ROCm's order. Nodes that this user or container may not read are empty, and count for nobody.
pub fn gpus(root: &Root) -> Result<Vec<Node>, ReadError> {
    let mut numbers: Vec<u32> = root.list(FOLDER)?.iter().filter_map(|name| name.parse().ok()).collect();
    numbers.sort_unstable();
    let properties = numbers.into_iter().take(MOST).filter_map(|number| {
        let folder = format!("{FOLDER}/{number}");
        let text = root.read(&format!("{folder}/properties")).ok()?;
        Some((format!("/{folder}"), Properties::parse(&text)))
    });
    let gpus =
        properties.filter(|(_, properties)| properties.get("simd_count").is_some_and(|count| count > 0));
    Ok(gpus.zip(0..).filter_map(|((source, properties), index)| node(source, &properties, index)).collect())
}

fn node(source: String, properties: &Properties, index: u32) -> Option<Node> {
    let location = properties.get("location_id")?;
    // Kernels before 5.6 have no domain, and such machines no second one.
    let domain = properties.get("domain").unwrap_or(0);
    Some(Node {
        source,
        address: address(domain, location),
        target: properties.get("gfx_target_version").and_then(target),
        unique_id: properties.get("unique_id").filter(|id| *id != 0),
        index,
        compute_units: compute_units(properties),
        with_cpu: properties.get("cpu_cores_count").is_some_and(|count| count > 0),
    })
}

/// The kernel counts vector units, of which each compute unit has two or four.
fn compute_units(properties: &Properties) -> Option<u32> {
    let units = properties.get("simd_count")?.checked_div(properties.get("simd_per_cu")?)?;
    u32::try_from(units).ok().filter(|units| *units > 0)
}

/// The location is bus, device and function, packed as PCI packs them.
fn address(domain: u64, location: u64) -> String {
    let (bus, device, function) = (location >> 8 & 0xff, location >> 3 & 0x1f, location & 7);
    format!("{domain:04x}:{bus:02x}:{device:02x}.{function}")
}

/// 110501 → `gfx1151`, 90010 → `gfx90a`: two decimal digits each of minor version and stepping, written as one
/// hexadecimal digit.
fn target(version: u64) -> Option<String> {
    let (major, minor, stepping) = (version / 10_000, version / 100 % 100, version % 100);
    ((1..100).contains(&major) && minor < 16 && stepping < 16)
        .then(|| format!("gfx{major}{minor:x}{stepping:x}"))
}

struct Properties(BTreeMap<String, u64>);

impl Properties {
    fn parse(text: &str) -> Properties {
        let pair = |line: &str| {
            let (name, number) = line.trim().split_once(' ')?;
            Some((name.to_owned(), number.trim().parse().ok()?))
        };
        Properties(text.lines().filter_map(pair).collect())
    }

    fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::root::{Node as File, Tree};

    #[test]
    fn targets_have_hexadecimal_digits() {
        let cases = [
            (110_501, "gfx1151"),
            (90_010, "gfx90a"),
            (100_302, "gfx1032"),
            (90_402, "gfx942"),
            (90_006, "gfx906"),
            (90_012, "gfx90c"),
            (120_001, "gfx1201"),
            (80_003, "gfx803"),
        ];
        for (version, name) in cases {
            assert_eq!(target(version).as_deref(), Some(name), "{version}");
        }
        for nonsense in [0, 9, 110_599, 119_901, u64::MAX] {
            assert_eq!(target(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn nodes_are_matched_by_address_and_counted_as_rocm_does() {
        let mut tree = Tree::default();
        let mut put = |number: u32, text: &str| {
            tree.put(&format!("{FOLDER}/{number}/properties"), File::File(text.into()));
        };
        put(0, "cpu_cores_count 16\nsimd_count 0\ngfx_target_version 0\n");
        put(10, "simd_count 28\nsimd_per_cu 4\nlocation_id 50432\ndomain 1\ngfx_target_version 90012\n");
        put(2, "simd_count 240\nlocation_id 768\ndomain 0\ngfx_target_version 90006\nunique_id 77\n");
        put(3, "");
        let gpus = gpus(&Root::of(tree)).unwrap();
        let seen: Vec<_> =
            gpus.iter().map(|n| (n.index, n.address.as_str(), n.target.as_deref().unwrap())).collect();
        assert_eq!(seen, [(0, "0000:03:00.0", "gfx906"), (1, "0001:c5:00.0", "gfx90c")]);
        assert_eq!((gpus[0].compute_units, gpus[1].compute_units), (None, Some(7)));
        assert_eq!((gpus[0].unique_id, gpus[1].unique_id), (Some(77), None));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in
            "((simd_count|simd_per_cu|location_id|domain|gfx_target_version) [0-9a-z]{0,22}\n)*|.*") {
            let properties = Properties::parse(&text);
            let _ = node(String::new(), &properties, 0);
        }
    }
}
