//! Instruction sets of a Windows machine.
//!
//! On x86 the running program asks the processor. On Arm, Windows keeps the cores' identification registers in the
//! registry, each named by its encoding (`CP 4030` is ID_AA64ISAR0_EL1): they tell what each core has. Sets that need the
//! system to save more state (SVE, SME) are not claimed from them.

use std::collections::BTreeSet;

use edgeorch_engines::contract::{Architecture, Isa};

use super::powershell::{Answer, Row};
use crate::findings::Findings;
use crate::root::Root;

const FIELD: &str = "cpu.isa";

/// A field of four bits: the set is there from this value on. (Arm Architecture Reference Manual for A-profile, AArch64
/// system registers.)
const FIELDS: [(&str, u32, Isa); 3] =
    [("CP 4030", 44, Isa::Dotprod), ("CP 4031", 52, Isa::I8mm), ("CP 4031", 44, Isa::Bf16)];

const FEATURES: &str = "CP 4020";
const FLOATING_POINT: u32 = 16;
const ADVANCED_SIMD: u32 = 20;
const SVE: u32 = 32;
const HALF_PRECISION: u64 = 1;
/// Of the two fields above, which alone among all count from minus one.
const NONE: u64 = 15;

pub fn probe(
    root: &Root,
    architecture: Architecture,
    answer: &Answer,
    findings: &mut Findings,
) -> BTreeSet<Isa> {
    if architecture != Architecture::Aarch64 {
        return probe_without_registry(root, architecture, "Windows does not list them", findings);
    }
    let rows = answer.rows("registers").unwrap_or_default();
    let cores: Option<Vec<Core>> = rows.iter().map(core).collect();
    let Some(common) =
        cores.filter(|cores| !cores.is_empty()).and_then(|cores| cores.into_iter().reduce(Core::and))
    else {
        findings.unknown(FIELD, "the registry does not hold the cores' identification registers");
        return BTreeSet::new();
    };
    findings.known(
        FIELD,
        "registry: identification registers of every core (HARDWARE\\DESCRIPTION\\System\\CentralProcessor)",
    );
    if common.sve {
        findings.unknown(FIELD, "the cores have SVE; whether this Windows lets programs use it is not told");
    }
    common.sets
}

/// x86 needs no registry, and nothing else can do without.
pub fn probe_without_registry(
    root: &Root,
    architecture: Architecture,
    why: &str,
    findings: &mut Findings,
) -> BTreeSet<Isa> {
    let asked = match architecture {
        Architecture::X86_64 => root.answer("x86-instruction-sets", native).ok().flatten(),
        _ => None,
    };
    match asked {
        Some(sets) => {
            findings.known(FIELD, "the processor itself (CPUID), AMX not asked");
            sets
        }
        None => {
            findings.unknown_but(FIELD, why, "run the audit on the machine itself, built for its processor");
            BTreeSet::new()
        }
    }
}

#[derive(Debug, PartialEq)]
struct Core {
    sets: BTreeSet<Isa>,
    sve: bool,
}

impl Core {
    fn and(self, other: Core) -> Core {
        Core { sets: &self.sets & &other.sets, sve: self.sve && other.sve }
    }
}

fn core(row: &Row<'_>) -> Option<Core> {
    let features = row.bits(FEATURES).ok()?;
    let mut sets = BTreeSet::new();
    if four_bits(features, ADVANCED_SIMD) != NONE {
        sets.insert(Isa::Neon);
    }
    if four_bits(features, FLOATING_POINT) == HALF_PRECISION {
        sets.insert(Isa::Fp16);
    }
    for (register, at, set) in FIELDS {
        if four_bits(row.bits(register).ok()?, at) > 0 {
            sets.insert(set);
        }
    }
    Some(Core { sets, sve: four_bits(features, SVE) > 0 })
}

fn four_bits(register: u64, at: u32) -> u64 {
    register >> at & 0xf
}

/// What this processor and its system offer; `None` where this program is built for another one.
#[cfg(target_arch = "x86_64")]
fn native() -> Option<BTreeSet<Isa>> {
    let asked = [
        (is_x86_feature_detected!("sse4.2"), Isa::Sse4_2),
        (is_x86_feature_detected!("avx"), Isa::Avx),
        (is_x86_feature_detected!("avx2"), Isa::Avx2),
        (is_x86_feature_detected!("fma"), Isa::Fma),
        (is_x86_feature_detected!("f16c"), Isa::F16c),
        (is_x86_feature_detected!("bmi2"), Isa::Bmi2),
        (is_x86_feature_detected!("avxvnni"), Isa::AvxVnni),
        (is_x86_feature_detected!("avx512f"), Isa::Avx512f),
        (is_x86_feature_detected!("avx512bw"), Isa::Avx512bw),
        (is_x86_feature_detected!("avx512cd"), Isa::Avx512cd),
        (is_x86_feature_detected!("avx512dq"), Isa::Avx512dq),
        (is_x86_feature_detected!("avx512vl"), Isa::Avx512vl),
        (is_x86_feature_detected!("avx512vbmi"), Isa::Avx512Vbmi),
        (is_x86_feature_detected!("avx512vnni"), Isa::Avx512Vnni),
        (is_x86_feature_detected!("avx512bf16"), Isa::Avx512Bf16),
        (is_x86_feature_detected!("avx512fp16"), Isa::Avx512Fp16),
    ];
    Some(asked.into_iter().filter(|(has, _)| *has).map(|(_, set)| set).collect())
}

#[cfg(not(target_arch = "x86_64"))]
fn native() -> Option<BTreeSet<Isa>> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Tree;

    /// ID_AA64PFR0_EL1 with half precision in both, ISAR0 with dot product, ISAR1 with I8MM and BF16.
    const ORYON: &str =
        r#"{"CP 4020": 1225260573622604050, "CP 4030": 153421459058925856, "CP 4031": 4521191815581746}"#;

    fn sets(registers: &str) -> (BTreeSet<Isa>, Findings) {
        let mut findings = Findings::default();
        let answer = Answer::parse(&format!(r#"{{"registers": {registers}}}"#)).unwrap();
        let sets = probe(&Root::of(Tree::default()), Architecture::Aarch64, &answer, &mut findings);
        (sets, findings)
    }

    #[test]
    fn a_set_counts_if_every_core_has_it() {
        let lesser = r#"{"CP 4020": 1118482, "CP 4030": 17592186044416, "CP 4031": 0}"#;
        let all = [Isa::Neon, Isa::Fp16, Isa::Dotprod, Isa::I8mm, Isa::Bf16];
        assert_eq!(sets(&format!("[{ORYON}, {ORYON}]")).0, BTreeSet::from(all));
        let common = [Isa::Neon, Isa::Fp16, Isa::Dotprod];
        assert_eq!(sets(&format!("[{ORYON}, {lesser}]")).0, BTreeSet::from(common));
    }

    #[test]
    fn registers_that_are_absent_leave_the_sets_unknown() {
        for registers in ["null", "[]", r#"{"CP 4020": null, "CP 4030": null, "CP 4031": null}"#] {
            let (sets, findings) = sets(registers);
            assert!(sets.is_empty() && findings.unknown_fields() == [FIELD], "{registers}");
        }
    }

    #[test]
    fn a_core_without_simd_has_none_and_sve_is_not_claimed() {
        // All fields of a core without floating point are 15; a register with its top bit set comes out negative.
        let (found, _) = sets(r#"{"CP 4020": 16711680, "CP 4030": 0, "CP 4031": -1}"#);
        assert_eq!(found, BTreeSet::from([Isa::I8mm, Isa::Bf16]));
        let (found, findings) = sets(r#"{"CP 4020": 4296081424, "CP 4030": 0, "CP 4031": 0}"#);
        assert_eq!(found, BTreeSet::from([Isa::Neon, Isa::Fp16]));
        assert_eq!(findings.unknown_fields(), [FIELD]);
    }

    #[test]
    fn this_processor_tells_its_own_sets() {
        match native() {
            Some(sets) => eprintln!("{sets:?}"),
            None => eprintln!("skipped: built for another processor"),
        }
    }
}
