//! Instruction sets: flags of `sysctl hw.optional`. The names are data: `isa.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use edgeorch_engines::contract::Isa;

use crate::findings::Findings;
use crate::macos::sysctl::Sysctl;

/// Below `hw.optional.` → ours. A test proves that the file is well-formed.
static FLAGS: LazyLock<BTreeMap<String, Isa>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("isa.yaml")).unwrap_or_default());

const PREFIX: &str = "hw.optional.";

/// The kernel gives flags that all kinds of cores have: programs are moved between them.
pub fn probe(sysctl: &Sysctl, findings: &mut Findings) -> BTreeSet<Isa> {
    const FIELD: &str = "cpu.isa";
    let flags: Vec<&str> = sysctl.names().filter_map(|name| name.strip_prefix(PREFIX)).collect();
    if flags.is_empty() {
        match sysctl.raw("hw.optional.neon") {
            Err(error) => findings.unknown(FIELD, error),
            Ok(_) => findings.unknown(FIELD, "sysctl hw.optional tells nothing"),
        }
        return BTreeSet::new();
    }
    findings.known(FIELD, "sysctl hw.optional");
    let set = |flag: &&str| sysctl.is_set(&format!("{PREFIX}{flag}"));
    flags.into_iter().filter(set).filter_map(|flag| FLAGS.get(flag).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<Isa> {
        probe(&Sysctl::parse(Ok(text.to_owned())), &mut Findings::default()).into_iter().collect()
    }

    #[test]
    fn the_table_is_well_formed() {
        assert!(FLAGS.len() > 15, "isa.yaml was not read");
        assert_eq!(FLAGS.get("arm.FEAT_I8MM"), Some(&Isa::I8mm));
    }

    #[test]
    fn only_flags_that_are_set_count() {
        let text = "hw.optional.arm.FEAT_BF16: 0\nhw.optional.arm.FEAT_DotProd: 1\nhw.optional.AdvSIMD: 1\n\
            hw.optional.arm.FEAT_SME2: 1\nhw.optional.arm.FEAT_FP16: x\nhw.optional.watchpoint: 4\n";
        assert_eq!(told(text), [Isa::Neon, Isa::Dotprod]);
    }

    #[test]
    fn intels_flags_have_names_of_their_own() {
        let text =
            "hw.optional.avx1_0: 1\nhw.optional.avx2_0: 1\nhw.optional.avx512f: 0\nhw.optional.sse4_2: 1\n";
        assert_eq!(told(text), [Isa::Sse4_2, Isa::Avx, Isa::Avx2]);
    }

    #[test]
    fn no_flags_at_all_are_unknown_and_not_none() {
        let mut findings = Findings::default();
        probe(&Sysctl::default(), &mut findings);
        assert_eq!(findings.unknown_fields(), ["cpu.isa"]);
    }
}
