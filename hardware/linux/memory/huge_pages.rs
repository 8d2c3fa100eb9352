//! Huge pages: those set aside, and whether the kernel makes others of its own accord.

use edgeorch_engines::contract::host::HugePages;

use super::meminfo::{self, SizeFault};
use crate::Root;
use crate::findings::Findings;
use crate::root::ReadError;

const FIELD: &str = "memory.huge_pages";
const TRANSPARENT: &str = "sys/kernel/mm/transparent_hugepage/enabled";

/// `text` is that of `/proc/meminfo`; empty where it can't be read.
pub fn probe(root: &Root, text: &str, findings: &mut Findings) -> Option<HugePages> {
    let reserved = match meminfo::count(text, "HugePages_Total") {
        Err(SizeFault::Missing(_)) if !text.is_empty() => {
            findings.none(FIELD, "/proc/meminfo of this kernel has no huge pages");
            return None;
        }
        reserved => reserved,
    };
    let pages = reserved.and_then(|reserved| {
        let (size, free) = (meminfo::size(text, "Hugepagesize")?, meminfo::count(text, "HugePages_Free")?);
        Ok(HugePages { size, reserved, free, transparent: None })
    });
    let pages =
        findings.learn(FIELD, "HugePages_Total, HugePages_Free and Hugepagesize in /proc/meminfo", pages)?;
    Some(HugePages { transparent: transparent(root, findings), ..pages })
}

fn transparent(root: &Root, findings: &mut Findings) -> Option<String> {
    let field = format!("{FIELD}.transparent");
    match root.read(TRANSPARENT) {
        // Where the folder can be seen at all, what it lacks is not there.
        Err(ReadError::Missing { .. }) if root.exists("sys/kernel/mm") => {
            findings.none(field, format_args!("this kernel has no /{TRANSPARENT}"));
            None
        }
        read => {
            let text = findings.take(&field, read)?;
            let Some(chosen) = chosen(&text) else {
                findings.unknown(field, format_args!("/{TRANSPARENT} marks none as chosen"));
                return None;
            };
            findings.known(field, format_args!("/{TRANSPARENT}"));
            Some(chosen.to_owned())
        }
    }
}

/// `always [madvise] never` → `madvise`.
fn chosen(text: &str) -> Option<&str> {
    let marked = text.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))?;
    ["always", "madvise", "never"].into_iter().find(|known| *known == marked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Tree};

    const RESERVED: &str =
        "HugePages_Total:     513\nHugePages_Free:      500\nHugepagesize:       2048 kB\n";

    fn found(text: &str, enabled: Option<&str>) -> (Option<HugePages>, Findings) {
        let mut tree = Tree::default();
        tree.put("sys/kernel/mm", Node::Folder);
        if let Some(enabled) = enabled {
            tree.put(TRANSPARENT, Node::File(enabled.as_bytes().to_vec()));
        }
        let mut findings = Findings::default();
        (probe(&Root::of(tree), text, &mut findings), findings)
    }

    #[test]
    fn reserved_pages_and_the_chosen_mode_are_read() {
        let pages = found(RESERVED, Some("always [madvise] never\n")).0.unwrap();
        assert_eq!((pages.size.0, pages.reserved, pages.free), (2 << 20, 513, 500));
        assert_eq!(pages.transparent.as_deref(), Some("madvise"));
    }

    #[test]
    fn a_kernel_without_them_has_none_and_broken_files_leave_them_unknown() {
        let (pages, findings) = found("MemTotal: 1 kB\n", None);
        assert!(pages.is_none() && findings.source(FIELD).is_some());
        assert!(found("", None).1.unknown_fields().contains(&FIELD));
        assert!(found("HugePages_Total: x\n", None).1.unknown_fields().contains(&FIELD));
        assert_eq!(found(RESERVED, Some("[\u{1b}]")).1.unknown_fields(), ["memory.huge_pages.transparent"]);
        assert!(found(RESERVED, None).1.unknown_fields().is_empty());
    }
}
