//! The quantization ladder as data: bits, formats and engines of each type of weights and caches.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::Fidelity;
use serde::Deserialize;

use super::tables::is_published;

/// The whole of `ladder.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    pub weights: Vec<Step>,
    pub cache: Vec<CacheStep>,
    /// Types that are looked at where the profile names none, best first.
    pub defaults: BTreeMap<Fidelity, Vec<String>>,
    /// Bits per weight of GGUF tensor types.
    pub tensors: BTreeMap<String, f64>,
    /// Tensor types in rows that the type doesn't divide.
    pub stands_in: BTreeMap<String, String>,
}

/// One type that weights are published in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub name: String,
    /// Bits per weight; `None` where the name alone doesn't settle it.
    #[serde(default)]
    pub bits: Option<f64>,
    /// The GGUF tensor type that most of such weights are of.
    #[serde(default)]
    pub tensor: Option<String>,
    /// The tensor types of the tables of a vocabulary, where they are not as the layers' are.
    #[serde(default)]
    pub embeddings: Option<String>,
    #[serde(default)]
    pub output: Option<String>,
    /// Losses are measured against it.
    #[serde(default)]
    pub reference: bool,
    /// The name is followed by the bits aimed at: `EXL3 4.0 bpw`.
    #[serde(default)]
    pub by_target: bool,
    pub formats: Vec<String>,
    pub engines: Vec<String>,
    /// Where the bits are from.
    pub source: String,
}

/// One type of the key-value cache.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheStep {
    pub name: String,
    pub bits: f64,
    #[serde(default)]
    pub reference: bool,
    pub engines: Vec<String>,
    pub source: String,
}

impl Ladder {
    /// Types that a fidelity looks at, best first.
    pub fn of_fidelity(&self, fidelity: Fidelity) -> &[String] {
        self.defaults.get(&fidelity).map_or(&[], Vec::as_slice)
    }
}

/// Bits per weight of the parts of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    pub layers: Rows,
    pub embeddings: Rows,
    pub output: Rows,
}

/// Bits per weight in rows that 256 divides, and in others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rows {
    pub even: f64,
    pub odd: f64,
}

impl Rows {
    /// Of a tensor type.
    fn of(name: &str) -> Option<Rows> {
        let bits = |name: &str| ladder().tensors.get(name).copied();
        let even = bits(name)?;
        let other = ladder().stands_in.get(name);
        Some(Rows { even, odd: other.map_or(Some(even), |other| bits(other))? })
    }
}

/// Llama-3.1-8B, of which the bits of mixes were measured: 10⁹ weights, and those of each of its two tables
/// (128,256 × 4,096).
const MEASURED: f64 = 8.0303;
const MEASURED_TABLE: f64 = 0.5253;

impl Step {
    /// The bits of each part, where the name says them. `None` of types that no tensor type is named for.
    pub fn parts(&self) -> Option<Parts> {
        let (bits, tensor) = (self.bits?, self.tensor.as_deref()?);
        let block = Rows::of(tensor)?;
        let of_table = |table: &Option<String>| Rows::of(table.as_deref().unwrap_or(tensor));
        let (embeddings, output) = (of_table(&self.embeddings)?, of_table(&self.output)?);
        // A mix has more bits than a block of the type that most of it is of.
        let even = if bits > block.even {
            (bits * MEASURED - (embeddings.even + output.even) * MEASURED_TABLE)
                / (MEASURED - 2.0 * MEASURED_TABLE)
        } else {
            block.even
        };
        // Taken to be of one type, as most of them are.
        let layers = Rows { even, odd: even * block.odd / block.even };
        Some(Parts { layers, embeddings, output })
    }

    /// Whether `fidelity: high` takes weights of this type, `bits` being those of [`step`].
    pub fn is_high_fidelity(bits: Option<f64>) -> bool {
        bits.is_some_and(|bits| bits >= 8.0)
    }
}

impl CacheStep {
    /// Whether `fidelity: high` takes a cache of this type: 8 bits or more, and it is known what they lose. Bits alone
    /// don't tell: E5M2 has as many as E4M3 and half its steps.
    pub fn is_high_fidelity(&self) -> bool {
        self.bits >= 8.0 && (self.reference || is_published(&self.name))
    }
}

#[expect(clippy::expect_used, reason = "the ladder is compiled in, and a test reads it")]
static LADDER: LazyLock<Ladder> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("ladder.yaml")).expect("ladder.yaml is well-formed")
});

pub fn ladder() -> &'static Ladder {
    &LADDER
}

/// The step called `name`, in any case, and its bits per weight.
pub fn step(name: &str) -> Option<(&'static Step, Option<f64>)> {
    let exact = |step: &&Step| !step.by_target && step.name.eq_ignore_ascii_case(name);
    if let Some(step) = ladder().weights.iter().find(exact) {
        return Some((step, step.bits));
    }
    let (kind, rest) = name.split_once(' ')?;
    let bits: f64 = rest.strip_suffix(" bpw")?.parse().ok()?;
    // No trellis or mix of these formats has fewer bits than one, or more than it quantizes from.
    let step = ladder().weights.iter().find(|step| step.by_target && step.name.eq_ignore_ascii_case(kind))?;
    (1.0..=16.0).contains(&bits).then_some((step, Some(bits)))
}

pub fn cache_step(name: &str) -> Option<&'static CacheStep> {
    ladder().cache.iter().find(|step| step.name.eq_ignore_ascii_case(name))
}
