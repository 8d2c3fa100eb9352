//! What a GPU is called.
//!
//! Server cards carry their name themselves. The others' stands in libdrm's `amdgpu.ids`, by device and revision, which
//! tells products apart that the PCI ID repository lumps together:
//!
//! ```text
//! 744C,   C8,   AMD Radeon RX 7900 XTX
//! ```

use crate::Root;
use crate::accelerators::pci::Function;
use crate::accelerators::pci_ids;
use crate::accelerators::sysfs::Told;
use crate::findings::printable;
use crate::root::shown;

const FILES: [&str; 2] = ["usr/share/libdrm/amdgpu.ids", "opt/amdgpu/share/libdrm/amdgpu.ids"];

pub fn of(root: &Root, function: &Function) -> Option<Told<String>> {
    own(root, function)
        .or_else(|| marketing(root, function))
        .or_else(|| pci_ids::name(root, function.vendor, function.device))
}

fn own(root: &Root, function: &Function) -> Option<Told<String>> {
    let path = function.file("product_name");
    let name = printable(&root.read(&path).ok()?).ok()?;
    Some(Told::by(shown(&path), name))
}

fn marketing(root: &Root, function: &Function) -> Option<Told<String>> {
    let revision = function.revision?;
    let found = |file: &&str| {
        let name = look_up(&root.read(file).ok()?, function.device, revision)?;
        Some(Told::by(shown(file), name))
    };
    FILES.iter().find_map(found)
}

fn look_up(text: &str, device: u16, revision: u8) -> Option<String> {
    let name = |line: &str| {
        let mut parts = line.splitn(3, ',').map(str::trim);
        let device_there = u16::from_str_radix(parts.next()?, 16).ok()?;
        let revision_there = u8::from_str_radix(parts.next()?, 16).ok()?;
        let name = printable(parts.next()?).ok()?;
        ((device_there, revision_there) == (device, revision)).then_some(name)
    };
    text.lines().find_map(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_one_device_are_told_apart_by_revision() {
        let text = "# List\n\n1.0.0\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n744C,\tCC,\tAMD Radeon RX 7900 XT\nbroken,line\n744C\n";
        assert_eq!(look_up(text, 0x744c, 0xcc).as_deref(), Some("AMD Radeon RX 7900 XT"));
        assert_eq!(look_up(text, 0x744c, 0x01), None);
        assert_eq!(look_up("744C,\tC8,\t\u{1b}[2J\n", 0x744c, 0xc8), None);
    }
}
