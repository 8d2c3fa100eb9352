//! A device's name out of the machine's own copy of the PCI ID repository, for drivers that give none.
//!
//! ```text
//! 8086  Intel Corporation
//!     56a0  DG2 [Arc A770]
//!         1849 5000  a board, by its subsystem
//! ```
//!
//! A level is one tab.

use super::sysfs::Told;
use crate::Root;
use crate::root::shown;

/// Debian's place, Fedora's and Arch's, and the plain one.
const FILES: [&str; 3] = ["usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids", "usr/share/pci.ids"];

/// The name of a device; the file is too large to be kept in a capture, its answer is not.
pub fn name(root: &Root, vendor: u16, device: u16) -> Option<Told<String>> {
    let found: Option<(String, String)> =
        root.derived(&format!("pci-name-{vendor:04x}-{device:04x}"), |root| {
            FILES.iter().find_map(|file| {
                let name = look_up(&root.read(file).ok()?, vendor, device)?;
                Some((name, shown(file)))
            })
        });
    found.map(|(name, file)| Told::by(file, name))
}

fn look_up(text: &str, vendor: u16, device: u16) -> Option<String> {
    let (vendor, device) = (format!("{vendor:04x}  "), format!("\t{device:04x}  "));
    let devices = text.lines().skip_while(|line| !line.starts_with(&vendor)).skip(1);
    let mut devices = devices.take_while(|line| line.starts_with(['\t', '#']) || line.is_empty());
    let name = devices.find_map(|line| line.strip_prefix(&device))?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "# comment\n1002  AMD\n\t56a0  not this\n8086  Intel Corporation\n\t56a0  DG2 [Arc A770]\n\t\t1849 5000  Board\n\t7d55  Meteor Lake-P [Intel Arc Graphics]\n9999  Other\n\te20b  not this\n";

    #[test]
    fn a_name_is_found_below_its_vendor_only() {
        assert_eq!(look_up(TEXT, 0x8086, 0x56a0).as_deref(), Some("DG2 [Arc A770]"));
        assert_eq!(look_up(TEXT, 0x8086, 0x7d55).as_deref(), Some("Meteor Lake-P [Intel Arc Graphics]"));
        assert_eq!(look_up(TEXT, 0x8086, 0xe20b), None);
        assert_eq!(look_up(TEXT, 0x8086, 0x5000), None);
        assert_eq!(look_up("8086  Intel\n\t56a0  ", 0x8086, 0x56a0), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(8086  x\n|\t56a0 .*\n|.*\n)*") {
            let _ = look_up(&text, 0x8086, 0x56a0);
        }
    }
}
