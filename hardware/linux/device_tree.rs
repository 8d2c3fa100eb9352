//! The device tree that firmware hands to the kernel of Arm, RISC-V and POWER machines. Its texts end with a zero byte, and
//! lists of texts have one between their elements.

use crate::Root;
use crate::findings::printable;

/// The first is a link to the second, which older kernels lack.
const PLACES: [&str; 2] = ["proc/device-tree", "sys/firmware/devicetree/base"];
/// Texts in one list, and CPUs that are asked for their names; beyond any real board.
const MOST: usize = 1024;

/// A property that is one text.
pub fn text(root: &Root, property: &str) -> Option<String> {
    list(root, property).into_iter().next()
}

/// A property that is a list of texts. Those that no terminal can show are left out.
pub fn list(root: &Root, property: &str) -> Vec<String> {
    let bytes = PLACES.iter().find_map(|place| root.read_bytes(&format!("{place}/{property}")).ok());
    let bytes = bytes.unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .take(MOST)
        .filter_map(|text| printable(&String::from_utf8_lossy(text)).ok())
        .collect()
}

pub fn has(root: &Root, node: &str) -> bool {
    PLACES.iter().any(|place| root.exists(&format!("{place}/{node}")))
}

/// As people call it: `/proc/device-tree/model`.
pub fn shown(property: &str) -> String {
    format!("/{}/{property}", PLACES[0])
}

/// The name that the tree gives to all cores, such as `arm,cortex-a76`, and where it stands; `None` where they differ.
pub fn cores(root: &Root) -> Option<(String, String)> {
    let nodes = PLACES.iter().find_map(|place| root.list(&format!("{place}/cpus")).ok())?;
    let nodes = nodes.into_iter().filter(|node| node.starts_with("cpu@")).take(MOST);
    let mut names = nodes.map(|node| text(root, &format!("cpus/{node}/compatible")));
    let first = names.next()??;
    names.all(|name| name.as_ref() == Some(&first)).then(|| (first, shown("cpus/cpu@*/compatible")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Tree};

    fn tree(files: &[(&str, &[u8])]) -> Root {
        let nodes = files.iter().map(|(path, text)| ((*path).to_owned(), Node::File(text.to_vec())));
        Root::of(nodes.collect::<Tree>())
    }

    #[test]
    fn texts_end_at_zero_bytes_and_what_cannot_be_shown_is_left_out() {
        let root = tree(&[
            ("sys/firmware/devicetree/base/model", b"Board Rev 1.0\0"),
            ("sys/firmware/devicetree/base/compatible", b"a,b\0\x1b[2J\0\xff\0c,d\0"),
        ]);
        assert_eq!(text(&root, "model").as_deref(), Some("Board Rev 1.0"));
        assert_eq!(list(&root, "compatible"), ["a,b", "c,d"]);
        assert_eq!(list(&root, "serial-number"), Vec::<String>::new());
        assert!(has(&root, "model") && !has(&root, "hypervisor"));
    }

    #[test]
    fn cores_are_named_together_or_not_at_all() {
        let both = |second: &[u8]| {
            cores(&tree(&[
                ("proc/device-tree/cpus/cpu@0/compatible", b"arm,cortex-a76\0"),
                ("proc/device-tree/cpus/cpu@1/compatible", second),
                ("proc/device-tree/cpus/cpu-map/cluster0/x", b""),
            ]))
        };
        assert_eq!(both(b"arm,cortex-a76\0").map(|(name, _)| name).as_deref(), Some("arm,cortex-a76"));
        assert_eq!(both(b"arm,cortex-a55\0"), None);
    }
}
