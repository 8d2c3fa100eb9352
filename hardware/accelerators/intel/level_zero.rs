//! Level Zero, Intel's interface for computing: whether its loader and its driver for GPUs are there, and which version.

use crate::Root;
use crate::accelerators::library;

const DRIVER: &str = "libze_intel_gpu.so.1";
const LOADER: &str = "libze_loader.so.1";

#[derive(Debug, PartialEq, Eq)]
pub enum LevelZero {
    Ready {
        driver: String,
        version: Option<String>,
    },
    /// The driver is there, and programs that look for the loader do not find it.
    NoLoader,
    Missing,
}

pub fn find(root: &Root) -> LevelZero {
    let place = |name: &str| library::find(root, &[name.to_owned()], &[]);
    let Some(driver) = place(DRIVER) else { return LevelZero::Missing };
    if place(LOADER).is_none() {
        return LevelZero::NoLoader;
    }
    let version = root.real_path(&driver).ok().and_then(|path| version(&path));
    LevelZero::Ready { driver, version }
}

/// `/usr/lib64/libze_intel_gpu.so.1.6.32567` → `1.6.32567`.
fn version(path: &str) -> Option<String> {
    let (_, version) = path.rsplit_once(".so.")?;
    let parts: Vec<&str> = version.split('.').collect();
    (parts.len() > 1 && parts.iter().all(|part| part.parse::<u32>().is_ok())).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Node, Tree};

    #[test]
    fn both_libraries_are_needed_and_the_file_s_name_has_the_version() {
        let mut tree = Tree::default();
        assert_eq!(find(&Root::of(tree.clone())), LevelZero::Missing);
        tree.put("usr/lib64/libze_intel_gpu.so.1", Node::Link("libze_intel_gpu.so.1.6.32567".into()));
        tree.put("usr/lib64/libze_intel_gpu.so.1.6.32567", Node::Unread);
        assert_eq!(find(&Root::of(tree.clone())), LevelZero::NoLoader);
        tree.put("usr/lib64/libze_loader.so.1", Node::Unread);
        let driver = "/usr/lib64/libze_intel_gpu.so.1".to_owned();
        let version = Some("1.6.32567".to_owned());
        assert_eq!(find(&Root::of(tree)), LevelZero::Ready { driver, version });
    }

    #[test]
    fn a_library_named_otherwise_has_no_version() {
        for path in ["/usr/lib/libze_intel_gpu.so.1", "/usr/lib/x", "/x.so.1.beta", "/x.so."] {
            assert_eq!(version(path), None, "{path}");
        }
    }
}
