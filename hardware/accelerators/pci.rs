//! Devices on the PCI bus that could compute, from `/sys/bus/pci/devices`: they are there even where no driver is.

use edgeorch_engines::contract::host::{LaneRate, Link, PciDevice};

use crate::Root;

pub const AMD: u16 = 0x1002;
pub const NVIDIA: u16 = 0x10de;
pub const INTEL: u16 = 0x8086;

const FOLDER: &str = "sys/bus/pci/devices";

/// One function of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// `0000:01:00.0`.
    pub address: String,
    pub vendor: u16,
    pub device: u16,
    /// Class, subclass and programming interface, a byte each.
    pub class: u32,
    pub subsystem: Option<(u16, u16)>,
    pub revision: Option<u8>,
    /// The kernel driver that is bound to it.
    pub driver: Option<String>,
}

impl Function {
    /// Class 03: display controllers, those without an output too.
    pub fn is_display(&self) -> bool {
        self.class >> 16 == 0x03
    }

    /// Class 12: processing accelerators, which is what NPUs call themselves.
    pub fn is_processing(&self) -> bool {
        self.class >> 16 == 0x12
    }

    pub fn identity(&self) -> PciDevice {
        identity(self.address.clone(), (self.vendor, self.device), self.subsystem, self.revision)
    }

    /// `1022:17f0`, as tables name it.
    pub fn id(&self) -> String {
        id((self.vendor, self.device))
    }

    /// `sys/bus/pci/devices/0000:01:00.0/NAME`.
    pub fn file(&self, name: &str) -> String {
        file(&self.address, name)
    }

    /// What the link runs at now and at best; `None` on buses that are no PCI Express. Of a card, see `slot`.
    pub fn link(&self, root: &Root) -> Option<Link> {
        link(root, &self.address)
    }

    /// What counts no device of its own: a virtual function, which belongs to a virtual machine, or the second head of a
    /// display controller, which has no driver.
    pub fn is_shadow(&self, root: &Root, functions: &[Function]) -> bool {
        let first = |(slot, _): (&str, &str)| format!("{slot}.0");
        let first = self.address.rsplit_once('.').map(first).filter(|first| *first != self.address);
        let second_head = self.driver.is_none()
            && functions
                .iter()
                .any(|other| Some(&other.address) == first.as_ref() && other.vendor == self.vendor);
        second_head || root.link(&self.file("physfn")).is_ok()
    }
}

/// `sys/bus/pci/devices/0000:01:00.0/NAME`.
pub fn file(address: &str, name: &str) -> String {
    format!("{FOLDER}/{address}/{name}").trim_end_matches('/').to_owned()
}

/// What the link of the device or port at this address runs at now and at best.
pub fn link(root: &Root, address: &str) -> Option<Link> {
    let rate = |speed: &str, width: &str| {
        let generation = generation(&root.read(&file(address, speed)).ok()?)?;
        let width = root.read(&file(address, width)).ok()?.trim().parse().ok().filter(|width| *width > 0)?;
        Some(LaneRate { generation, width })
    };
    let (now, best) =
        (rate("current_link_speed", "current_link_width"), rate("max_link_speed", "max_link_width"));
    (now.is_some() || best.is_some()).then_some(Link { now, best })
}

/// Every function that could be an accelerator: displays, processing accelerators, co-processors (class 0b40), and what NPUs
/// call themselves that came before there was a class for them: other signal processors (1180, AMD's) and other system
/// devices (0880, Google's). Many of the latter two are no accelerators: they are told by their ids.
pub fn functions(root: &Root) -> Vec<Function> {
    let addresses = root.list(FOLDER).unwrap_or_default();
    addresses.into_iter().filter_map(|address| function(root, address)).filter(could_compute).collect()
}

fn could_compute(function: &Function) -> bool {
    function.is_display()
        || function.is_processing()
        || [0x0b40, 0x1180, 0x0880].contains(&(function.class >> 8))
}

fn function(root: &Root, address: String) -> Option<Function> {
    let number = |name: &str| hexadecimal(&root.read(&format!("{FOLDER}/{address}/{name}")).ok()?);
    let short = |name: &str| u16::try_from(number(name)?).ok();
    let driver = root.link(&format!("{FOLDER}/{address}/driver")).ok();
    Some(Function {
        vendor: short("vendor")?,
        // A tree that was copied by hand may lack it; nothing is matched by zero.
        device: short("device").unwrap_or(0),
        class: number("class")?,
        subsystem: short("subsystem_vendor").zip(short("subsystem_device")).filter(|ids| *ids != (0, 0)),
        revision: number("revision").and_then(|revision| u8::try_from(revision).ok()),
        driver: driver.and_then(|target| target.rsplit('/').next().map(str::to_owned)),
        address,
    })
}

/// Numbers of whatever interface tells them, in the contract's words; vendor and device go together.
pub fn identity(
    address: String,
    (vendor, device): (u16, u16),
    subsystem: Option<(u16, u16)>,
    revision: Option<u8>,
) -> PciDevice {
    PciDevice {
        address,
        vendor_id: format!("{vendor:04x}"),
        device_id: format!("{device:04x}"),
        subsystem: subsystem.map(id),
        revision: revision.map(|revision| format!("{revision:02x}")),
    }
}

/// `1022:17f0`.
pub fn id((vendor, device): (u16, u16)) -> String {
    format!("{vendor:04x}:{device:04x}")
}

fn hexadecimal(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

/// `16.0 GT/s PCIe` → 4. (PCI Express base specification: the rate of one lane by generation.)
pub fn generation(speed: &str) -> Option<u8> {
    Some(match speed.split_whitespace().next()? {
        "2.5" => 1,
        "5.0" | "5" => 2,
        "8.0" | "8" => 3,
        "16.0" | "16" => 4,
        "32.0" | "32" => 5,
        "64.0" | "64" => 6,
        _ => return None,
    })
}

#[cfg(test)]
pub mod fixture {
    use crate::root::{Node, Tree};

    /// Puts a function into a machine.
    pub fn function(tree: &mut Tree, address: &str, class: &str, id: (&str, &str)) {
        at(tree, &super::file(address, ""), class, id);
    }

    /// The same in a folder that a link leads to.
    pub fn at(tree: &mut Tree, folder: &str, class: &str, id: (&str, &str)) {
        for (name, text) in [("class", class), ("vendor", id.0), ("device", id.1)] {
            tree.put(&format!("{folder}/{name}"), Node::File(text.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Node, Tree};

    #[test]
    fn only_devices_that_could_compute_count() {
        let mut tree = Tree::default();
        fixture::function(&mut tree, "0000:01:00.0", "0x030000\n", ("0x10de\n", "0x2684\n"));
        fixture::function(&mut tree, "0000:01:00.1", "0x040300\n", ("0x10de\n", "0x22ba\n"));
        fixture::function(&mut tree, "0000:02:00.0", "broken", ("0x10de\n", "0x2684\n"));
        fixture::function(&mut tree, "0000:00:0b.0", "0x120000\n", ("0x8086\n", "0x643e\n"));
        fixture::function(&mut tree, "0000:03:00.0", "0x118000\n", ("0x1022\n", "0x17f0\n"));
        fixture::function(&mut tree, "0000:04:00.0", "0x088000\n", ("0x1ac1\n", "0x089a\n"));
        fixture::function(&mut tree, "0003:00:00.0", "0x030200\n", ("0x1002\n", "0x740f\n"));
        let found = functions(&Root::of(tree));
        let ids: Vec<_> = found.iter().map(|f| (f.address.as_str(), f.vendor, f.device)).collect();
        let expected = [
            ("0000:00:0b.0", INTEL, 0x643e),
            ("0000:01:00.0", NVIDIA, 0x2684),
            ("0000:03:00.0", 0x1022, 0x17f0),
            ("0000:04:00.0", 0x1ac1, 0x089a),
            ("0003:00:00.0", AMD, 0x740f),
        ];
        assert_eq!(ids, expected);
    }

    #[test]
    fn the_link_is_told_by_generation_and_width() {
        let mut tree = Tree::default();
        fixture::function(&mut tree, "0000:01:00.0", "0x030000", ("0x10de", "0x2684"));
        for (name, text) in [
            ("current_link_speed", "2.5 GT/s PCIe\n"),
            ("current_link_width", "8\n"),
            ("max_link_speed", "16.0 GT/s PCIe\n"),
            ("max_link_width", "16\n"),
        ] {
            tree.put(&format!("{FOLDER}/0000:01:00.0/{name}"), Node::File(text.into()));
        }
        let root = Root::of(tree);
        let link = functions(&root)[0].link(&root).unwrap();
        assert_eq!(link.now, Some(LaneRate { generation: 1, width: 8 }));
        assert_eq!(link.best, Some(LaneRate { generation: 4, width: 16 }));
        assert_eq!(generation("Unknown"), None);
    }

    #[test]
    fn second_heads_and_virtual_functions_are_no_devices() {
        let mut tree = Tree::default();
        for address in ["0000:03:00.0", "0000:03:00.1", "0000:04:02.1"] {
            fixture::function(&mut tree, address, "0x030000", ("0x1002", "0x5b64"));
        }
        tree.put(&file("0000:04:02.1", "physfn"), Node::Link("../0000:04:00.0".into()));
        let root = Root::of(tree);
        let functions = functions(&root);
        let shadows: Vec<bool> = functions.iter().map(|f| f.is_shadow(&root, &functions)).collect();
        assert_eq!(shadows, [false, true, true]);
    }
}
