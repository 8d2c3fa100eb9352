//! Instruction sets out of `/proc/cpuinfo`. The names are data: `isa.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use edgeorch_engines::contract::Isa;

use super::cpuinfo::CpuInfo;

/// The kernel's name → ours. A test proves that the file is well-formed.
static NAMES: LazyLock<BTreeMap<String, Isa>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("isa.yaml")).unwrap_or_default());

/// What every hardware thread can do: a thread that moves to a lesser core must not die there. `None` if the file lists no
/// features at all.
pub fn read(info: &CpuInfo) -> Option<BTreeSet<Isa>> {
    // Most machines repeat one line per thread: each different line is split once.
    let lines: BTreeSet<&str> = ["flags", "Features"].iter().flat_map(|key| info.values(key)).collect();
    let named = lines.into_iter().map(|line| names(line.split_whitespace())).reduce(|a, b| &a & &b);
    let riscv = info.values("isa").map(riscv_vector).reduce(|a, b| &a & &b);
    named.or(riscv)
}

fn names<'a>(features: impl Iterator<Item = &'a str>) -> BTreeSet<Isa> {
    features.filter_map(|name| NAMES.get(name).copied()).collect()
}

/// `rv64imafdcv_zicsr…`: the letters up to the first underscore are the single-letter extensions.
fn riscv_vector(isa: &str) -> BTreeSet<Isa> {
    let letters = isa.split('_').next().unwrap_or_default();
    let extensions = letters.trim_start_matches("rv").trim_start_matches(|c: char| c.is_ascii_digit());
    if extensions.contains('v') { BTreeSet::from([Isa::Rvv]) } else { BTreeSet::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed_and_names_every_set_but_riscv() {
        assert!(NAMES.len() > 20, "isa.yaml was not read: {:?}", NAMES.len());
        let named: BTreeSet<Isa> = NAMES.values().copied().collect();
        assert!(named.contains(&Isa::Avx512Vbmi) && named.contains(&Isa::Sme));
        assert!(!named.contains(&Isa::Rvv));
    }

    #[test]
    fn a_feature_counts_only_if_every_core_has_it() {
        let info = CpuInfo::parse("processor: 0\nflags: avx2 fma\n\nprocessor: 1\nflags: avx2 avx512f fma\n");
        assert_eq!(read(&info), Some(BTreeSet::from([Isa::Avx2, Isa::Fma])));
    }

    #[test]
    fn no_features_listed_is_not_the_same_as_none_known() {
        assert_eq!(read(&CpuInfo::parse("processor: 0\n")), None);
        assert_eq!(read(&CpuInfo::parse("processor: 0\nFeatures: half thumb\n")), Some(BTreeSet::new()));
    }

    #[test]
    fn the_riscv_vector_extension_is_a_letter_and_not_part_of_a_name() {
        let isa = |text: &str| read(&CpuInfo::parse(&format!("processor: 0\nisa: {text}\n")));
        assert_eq!(isa("rv64imafdcv_zicsr"), Some(BTreeSet::from([Isa::Rvv])));
        assert_eq!(isa("rv64imafdc_zvfh"), Some(BTreeSet::new()));
    }
}
