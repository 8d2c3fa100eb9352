//! Where a file system keeps its data, by its name. The names are data: `filesystems.yaml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Network,
    Memory,
    Overlay,
    /// On one or several devices that its mount does not number.
    Pool,
    /// On the device that its mount names.
    #[serde(skip)]
    Device,
}

/// A test proves that the file is well-formed.
static NAMES: LazyLock<BTreeMap<Class, Vec<String>>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("filesystems.yaml")).unwrap_or_default());

pub fn of(filesystem: &str) -> Class {
    let listed = NAMES.iter().find(|(_, names)| names.iter().any(|name| name == filesystem));
    listed.map_or(Class::Device, |(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed_and_names_each_file_system_once() {
        assert_eq!(NAMES.len(), 4);
        let mut names: Vec<&String> = NAMES.values().flatten().collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_file_system_is_known_by_its_whole_name() {
        assert_eq!((of("nfs4"), of("tmpfs"), of("overlay")), (Class::Network, Class::Memory, Class::Overlay));
        assert_eq!(
            (of("zfs"), of("ext4"), of("fuse.unheard-of")),
            (Class::Pool, Class::Device, Class::Device)
        );
    }
}
