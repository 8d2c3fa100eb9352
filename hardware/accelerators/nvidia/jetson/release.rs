//! The release of Jetson Linux, from `/etc/nv_tegra_release`, and the CUDA that comes with it: `releases.yaml`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

pub const FILE: &str = "etc/nv_tegra_release";

/// Release → CUDA. A test proves that the file is well-formed.
static CUDA: LazyLock<BTreeMap<String, String>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("releases.yaml")).unwrap_or_default());

/// `R36.4.3`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(Vec<u32>);

impl Release {
    /// `# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, …`
    pub fn parse(text: &str) -> Option<Release> {
        let line = text.lines().next()?.trim_start_matches(['#', ' ']);
        let (major, rest) = line.strip_prefix('R')?.split_once(' ')?;
        let (_, revision) = rest.split_once("REVISION:")?;
        let revision = revision.split(',').next()?.trim();
        Release::of(&format!("{major}.{revision}"))
    }

    fn of(numbers: &str) -> Option<Release> {
        numbers.split('.').map(|number| number.parse().ok()).collect::<Option<_>>().map(Release)
    }

    pub fn cuda(&self) -> Option<&'static str> {
        let known = CUDA.iter().filter_map(|(release, cuda)| Some((Release::of(release)?, cuda)));
        let earlier = known.filter(|(release, _)| release.0.first() == self.0.first() && release <= self);
        earlier.max().map(|(_, cuda)| cuda.as_str())
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        write!(f, "R{}", numbers.join("."))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_release_is_its_major_number_and_revision() {
        let text = "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed Jan  8 01:49:37 UTC 2025\n# KERNEL_VARIANT: oot\n";
        assert_eq!(Release::parse(text).unwrap().to_string(), "R36.4.3");
        for broken in [
            "",
            "# R36",
            "R36 (release), REVISION: ",
            "# Rx (release), REVISION: 1",
            "R1 REVISION: 4294967296",
        ] {
            assert_eq!(Release::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn cuda_is_that_of_the_latest_release_before_of_the_same_major_number() {
        let cuda = |release: &str| Release::of(release).unwrap().cuda();
        assert_eq!(cuda("36.4.3"), Some("12.6"));
        assert_eq!(cuda("36.3"), Some("12.2"));
        assert_eq!(cuda("32.7.4"), Some("10.2"));
        assert_eq!(cuda("38.4"), Some("13.0"));
        assert_eq!(cuda("37.1"), None);
        assert_eq!(cuda("36.1"), None);
        assert!(CUDA.keys().all(|release| Release::of(release).is_some()) && CUDA.len() > 8);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(# R[0-9]{0,12} )?.*(REVISION: [0-9.]*)?") {
            if let Some(release) = Release::parse(&text) {
                let _ = release.cuda();
            }
        }
    }
}
