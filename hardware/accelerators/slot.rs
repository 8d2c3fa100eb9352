//! The link between a card and its slot.
//!
//! Many cards carry a PCI Express switch: the GPU's own function then tells only of the link on the card itself, always at
//! full speed (Radeon) or at 2.5 GT/s x1 (Arc). What counts is the link of the switch's upstream port:
//!
//! ```text
//! root port 00:01.0 ──slot── upstream port 01:00.0 ── downstream port 02:00.0 ── GPU 03:00.0
//! ```

use edgeorch_engines::contract::host::Link;

use super::pci::{self, Function};
use super::sysfs::Told;
use crate::Root;
use crate::root::shown;

/// A switch is an upstream and a downstream port; what lies further up belongs to the machine, such as Thunderbolt's.
const SWITCH: usize = 2;

/// The link of the slot, or `None` where nothing tells of one.
pub fn link(root: &Root, function: &Function) -> Option<Told<Link>> {
    let port = upstream_port(root, function).unwrap_or_else(|| function.address.clone());
    let link = pci::link(root, &port)?;
    let note = if port == function.address { "" } else { " (the card's own switch)" };
    Some(Told::by(format!("{}{note}", shown(&pci::file(&port, ""))), link))
}

/// The card's topmost own bridge.
fn upstream_port(root: &Root, function: &Function) -> Option<String> {
    let path = root.link(function.file("").trim_end_matches('/')).ok()?;
    let above = path.split('/').filter(|part| is_address(part)).collect::<Vec<_>>();
    let bridges = above.iter().rev().skip(1).take(SWITCH);
    // The port right below the host is the machine's, and it may be of the same maker.
    let root_port = above.first()?;
    bridges
        .take_while(|bridge| *bridge != root_port && is_of(root, bridge, function.vendor))
        .last()
        .map(|bridge| (*bridge).to_owned())
}

fn is_of(root: &Root, bridge: &str, vendor: u16) -> bool {
    let text = root.read(&pci::file(bridge, "vendor")).unwrap_or_default();
    u16::from_str_radix(text.trim().trim_start_matches("0x"), 16) == Ok(vendor)
}

/// `0000:01:00.0`, or a domain of more digits.
fn is_address(part: &str) -> bool {
    let shape: Vec<&str> = part.split([':', '.']).collect();
    let hexadecimal = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    shape.len() == 4 && shape.iter().all(hexadecimal)
}

#[cfg(test)]
mod tests {
    use edgeorch_engines::contract::host::LaneRate;

    use super::*;
    use crate::accelerators::pci::fixture;
    use crate::root::{Node, Tree};

    const GPU: &str = "0000:03:00.0";

    fn machine(parents: &[(&str, &str)], gpu: (&str, &str)) -> Root {
        let mut tree = Tree::default();
        let mut path = "../../../devices/pci0000:00".to_owned();
        for (address, vendor) in parents {
            path = format!("{path}/{address}");
            let real = path.trim_start_matches("../").to_owned();
            for (name, text) in
                [("vendor", *vendor), ("current_link_speed", "8.0 GT/s PCIe"), ("current_link_width", "4")]
            {
                tree.put(&format!("sys/{real}/{name}"), Node::File(text.into()));
            }
            tree.put(&format!("sys/bus/pci/devices/{address}"), Node::Link(path.clone()));
        }
        let real = format!("sys/{}/{GPU}", path.trim_start_matches("../"));
        fixture::at(&mut tree, &real, "0x030000", gpu);
        for (name, text) in [("current_link_speed", "16.0 GT/s PCIe"), ("current_link_width", "16")] {
            tree.put(&format!("{real}/{name}"), Node::File(text.into()));
        }
        tree.put(&format!("sys/bus/pci/devices/{GPU}"), Node::Link(format!("{path}/{GPU}")));
        Root::of(tree)
    }

    fn now(root: &Root) -> Option<LaneRate> {
        link(root, &pci::functions(root)[0]).unwrap().value.now
    }

    #[test]
    fn a_card_with_a_switch_has_the_link_of_its_upstream_port() {
        let parents = [("0000:00:01.1", "0x1022"), ("0000:01:00.0", "0x1002"), ("0000:02:00.0", "0x1002")];
        let root = machine(&parents, ("0x1002", "0x744c"));
        assert_eq!(now(&root), Some(LaneRate { generation: 3, width: 4 }));
    }

    #[test]
    fn a_root_port_of_the_same_maker_is_not_the_card_s() {
        let root = machine(&[("0000:00:01.0", "0x8086")], ("0x8086", "0x56a0"));
        assert_eq!(now(&root), Some(LaneRate { generation: 4, width: 16 }));
        let parents = [("0000:00:01.0", "0x8086"), ("0000:01:00.0", "0x8086"), ("0000:02:01.0", "0x8086")];
        let root = machine(&parents, ("0x8086", "0x56a0"));
        assert_eq!(now(&root), Some(LaneRate { generation: 3, width: 4 }));
    }

    #[test]
    fn a_device_that_is_no_link_has_its_own() {
        let mut tree = Tree::default();
        fixture::function(&mut tree, GPU, "0x030000", ("0x1002", "0x744c"));
        let root = Root::of(tree);
        assert_eq!(link(&root, &pci::functions(&root)[0]), None);
        assert!(is_address("10000:e1:00.0") && !is_address("pci0000:00") && !is_address(""));
    }
}
