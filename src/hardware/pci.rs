//! Display devices on the PCI bus, from `/sys/bus/pci/devices`: they are there even where no driver is.

use super::Root;

pub const NVIDIA: u16 = 0x10de;
/// Vendors whose GPUs can run models. (PCI ID repository: pci-ids.ucw.cz)
pub const OTHERS: [(u16, &str); 2] = [(0x1002, "AMD"), (0x8086, "Intel")];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Display {
    /// `0000:01:00.0`.
    pub address: String,
    pub vendor: u16,
}

/// Devices of class 03, display controllers. None where there is no PCI bus.
pub fn displays(root: &Root) -> Vec<Display> {
    let folder = "sys/bus/pci/devices";
    let addresses = root.list(folder).unwrap_or_default();
    addresses
        .into_iter()
        .filter_map(|address| {
            let number = |name: &str| hexadecimal(&root.read(&format!("{folder}/{address}/{name}")).ok()?);
            let (class, vendor) = (number("class")?, number("vendor")?);
            // The class is three bytes: class, subclass, programming interface.
            (class >> 16 == 0x03).then_some(Display { vendor: u16::try_from(vendor).ok()?, address })
        })
        .collect()
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
pub mod fixture {
    use std::fs;
    use std::path::Path;

    /// Written by tests: the names in this folder can't be checked out everywhere.
    pub fn device(root: &Path, address: &str, class: &str, vendor: &str) {
        let folder = root.join("sys/bus/pci/devices").join(address);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("class"), class).unwrap();
        fs::write(folder.join("vendor"), vendor).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_display_controllers_count() {
        let folder = tempfile::tempdir().unwrap();
        fixture::device(folder.path(), "0000:01:00.0", "0x030000\n", "0x10de\n");
        fixture::device(folder.path(), "0000:01:00.1", "0x040300\n", "0x10de\n");
        fixture::device(folder.path(), "0000:02:00.0", "broken", "0x10de\n");
        fixture::device(folder.path(), "0003:00:00.0", "0x030200\n", "0x1002\n");
        let found = displays(&Root::at(folder.path()));
        let expected = [("0000:01:00.0", NVIDIA), ("0003:00:00.0", 0x1002)];
        assert_eq!(found, expected.map(|(address, vendor)| Display { address: address.into(), vendor }));
    }
}
