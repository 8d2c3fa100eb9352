//! ROCm on this machine: whether its libraries are there, and which version.

use crate::Root;
use crate::accelerators::library;
use crate::accelerators::sysfs::Told;
use crate::findings::printable;
use crate::root::shown;

pub const DEVICE: &str = "dev/kfd";
const VERSION: &str = "opt/rocm/.info/version";

/// Where AMD's packages put libraries; distributions put them where all are.
const FOLDER: &str = "opt/rocm/lib";

/// The HIP run-time, in every version so far, and the layer below it, which suffices for engines that bring their own HIP.
const LIBRARIES: [&str; 5] =
    ["libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so", "libhsa-runtime64.so.1"];

#[derive(Debug, Default)]
pub struct Rocm {
    /// The library found, as the machine itself calls it.
    pub library: Option<String>,
    /// `ROCm 6.4.1`.
    pub version: Option<Told<String>>,
    /// Whether programs can reach the driver's compute interface here.
    pub device: bool,
}

impl Rocm {
    pub fn find(root: &Root) -> Rocm {
        Rocm {
            library: library::find(root, &LIBRARIES.map(str::to_owned), &[FOLDER.to_owned()]),
            version: root.read(VERSION).ok().and_then(|text| version(&text)),
            device: root.exists(DEVICE),
        }
    }
}

/// `6.4.1-83`: the build's number is of no use to anybody.
fn version(text: &str) -> Option<Told<String>> {
    let version = printable(text.lines().next()?.split('-').next()?).ok()?;
    let plain = version.split('.').all(|part| part.parse::<u32>().is_ok());
    plain.then(|| Told::by(shown(VERSION), format!("ROCm {version}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Node, Tree};

    #[test]
    fn the_version_is_told_without_its_build() {
        assert_eq!(version("6.4.1-83\n").unwrap().value, "ROCm 6.4.1");
        assert_eq!(version("7.0.0\n").unwrap().value, "ROCm 7.0.0");
        for nonsense in ["", "\n", "unknown", "6..1", "\u{1b}[2J"] {
            assert_eq!(version(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn a_distribution_s_library_counts_too() {
        let mut tree = Tree::default();
        tree.put("usr/lib64/libamdhip64.so.6", Node::Unread);
        let rocm = Rocm::find(&Root::of(tree));
        assert_eq!(rocm.library.as_deref(), Some("/usr/lib64/libamdhip64.so.6"));
        assert!(!rocm.device && rocm.version.is_none());
    }
}
