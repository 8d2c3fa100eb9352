//! Published measurements as data, and which family a model is of.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// In what a loss is measured. In the order in which they are preferred where several are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Increase of the perplexity, per cent.
    Perplexity,
    /// Mean Kullback-Leibler divergence, nats per token.
    Kld,
    /// Decrease of a task score, per cent of the unquantized score.
    Score,
    /// Tokens whose most likely choice changed, per cent.
    TopToken,
    /// Answers of a test that changed, per cent.
    Answers,
    /// Kullback-Leibler divergence that one token in a hundred exceeds.
    KldP99,
}

impl Measure {
    /// What two runs of the same thing differ by: less than this is no difference.
    pub(super) fn noise(self) -> f64 {
        match self {
            Measure::Perplexity => 0.1,
            Measure::Kld | Measure::KldP99 => 0.001,
            // The task scores of 8B models that the tables cite are given with errors of 1 to 3 per cent.
            Measure::Score => 1.0,
            Measure::TopToken | Measure::Answers => 0.5,
        }
    }
}

/// One published table, of one model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub model: String,
    /// What the name of exactly this model reads, normalised.
    pub names: Vec<String>,
    pub family: String,
    /// In thousands of millions.
    pub parameters: f64,
    pub measure: Measure,
    #[serde(default)]
    pub base: Option<f64>,
    /// Set where the reference is quantized itself.
    #[serde(default)]
    pub against: Option<String>,
    /// Trained at these bits: says nothing about others.
    #[serde(default)]
    pub trained: bool,
    /// Which text or tasks it was measured on.
    pub on: String,
    pub source: String,
    pub rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub quant: String,
    /// As published; [`Table::loss`] tells what it means.
    pub value: f64,
    #[serde(default)]
    pub imatrix: Option<bool>,
}

impl Table {
    /// What the row lost, in the unit of the measure.
    pub fn loss(&self, row: &Row) -> f64 {
        let Some(base) = self.base else { return row.value };
        match self.measure {
            Measure::Perplexity => 100.0 * (row.value / base - 1.0),
            Measure::Score | Measure::TopToken => 100.0 * (1.0 - row.value / base),
            Measure::Kld | Measure::KldP99 | Measure::Answers => row.value,
        }
    }
}

/// Models whose losses may stand for one another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Family {
    pub family: String,
    pub architectures: Vec<String>,
    /// Empty where the architecture says enough.
    pub names: Vec<String>,
}

impl Family {
    /// The family of a model, by its architecture and its own name, normalised.
    pub fn of(architecture: &str, name: &str) -> Option<&'static str> {
        let padded = format!(" {name} ");
        let names = |family: &Family| {
            family.names.is_empty() || family.names.iter().any(|name| padded.contains(&format!(" {name} ")))
        };
        let architectures =
            |family: &Family| family.architectures.iter().any(|known| known.as_str() == architecture);
        let found = FAMILIES.iter().find(|family| architectures(family) && names(family));
        found.map(|family| family.family.as_str())
    }
}

/// Lower case, words of letters, digits and dots, one space between them.
pub(super) fn normalised(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric() && c != '.').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[expect(clippy::expect_used, reason = "the tables are compiled in, and a test reads them")]
fn read<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    serde_saphyr::from_str(text).expect("the tables are well-formed")
}

pub(super) static WEIGHTS: LazyLock<Vec<Table>> = LazyLock::new(|| read(include_str!("weights.yaml")));
pub(super) static CACHE: LazyLock<Vec<Table>> = LazyLock::new(|| read(include_str!("cache.yaml")));
/// Whether somebody published what a cache of this type loses, for keys and values alike.
pub(super) fn is_published(cache: &str) -> bool {
    let alike = format!("{cache}/{cache}");
    CACHE.iter().any(|table| table.rows.iter().any(|row| row.quant == alike))
}

pub(super) static FAMILIES: LazyLock<Vec<Family>> = LazyLock::new(|| read(include_str!("families.yaml")));
