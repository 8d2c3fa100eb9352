//! From a model and a type to a band: the nearest published rows, widened by how far they are.

use edgeorch_engines::Model;
use serde::Serialize;

use super::ladder::{cache_step, step};
use super::tables::{CACHE, Family, Measure, Row, Table, WEIGHTS, normalised};

/// The model that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its own name, such as `Meta Llama 3 8B`.
    pub name: Option<&'a str>,
    pub architecture: &'a str,
    pub parameters: u64,
}

impl<'a> From<&'a Model> for Subject<'a> {
    fn from(model: &'a Model) -> Subject<'a> {
        Subject {
            name: model.name.as_deref(),
            architecture: &model.architecture,
            parameters: model.parameters,
        }
    }
}

/// What a type is expected to cost a model, and why it is thought so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Loss {
    /// The types in question: several where a file doesn't tell which of them it is.
    pub quants: Vec<String>,
    pub measure: Measure,
    pub estimate: f64,
    pub low: f64,
    pub high: f64,
    pub how: How,
    /// Set where the rows compare with weights that are quantized themselves: the true loss is larger.
    pub against: Option<String>,
    pub basis: Vec<Basis>,
}

/// How near the rows are to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    ThisModel,
    SameFamily,
    NearestSize,
}

/// One row that a band stands on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Basis {
    pub model: &'static str,
    pub quant: &'static str,
    pub imatrix: Option<bool>,
    pub loss: f64,
    pub on: &'static str,
    pub source: &'static str,
}

/// Why no band can be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("{quant} is no type of edgeorch's quantization ladder")]
    NotOnTheLadder { quant: String },
    #[error("{quant} is what losses are measured against")]
    Reference { quant: String },
    #[error("no published measurement of {quant} is known to edgeorch")]
    NoRow { quant: String },
    #[error(
        "{quant} was measured only on models of more than {FARTHEST} times or less than a {FARTHEST}th of its size"
    )]
    TooFar { quant: String },
    #[error("most of its weights are of no one type")]
    Mixed,
    #[error("losses are published of models that write text, and this one makes vectors")]
    Vectors,
}

/// A row of a model so many times larger or smaller says nothing any more. From 8 to 70 thousand million parameters,
/// published losses differ by as much as between makers.
const FARTHEST: f64 = 16.0;

/// The nearest tables that a band stands on: more would make it as wide as everything ever published.
const TABLES: usize = 4;

/// What weights of type `quant` cost the model. `imatrix`: whether they were made with an importance matrix.
pub fn loss(subject: Subject, quant: &str, imatrix: Option<bool>) -> Result<Loss, Unknown> {
    let (found, _) = step(quant).ok_or_else(|| Unknown::NotOnTheLadder { quant: quant.to_owned() })?;
    if found.reference {
        return Err(Unknown::Reference { quant: found.name.clone() });
    }
    band(&WEIGHTS, subject, &[quant], imatrix)
}

/// What a cache with K of type `key` and V of type `value` costs the model.
pub fn kv_loss(subject: Subject, key: &str, value: &str) -> Result<Loss, Unknown> {
    let known =
        |name: &str| cache_step(name).ok_or_else(|| Unknown::NotOnTheLadder { quant: name.to_owned() });
    let quant = format!("{key}/{value}");
    if known(key)?.reference && known(value)?.reference {
        return Err(Unknown::Reference { quant });
    }
    band(&CACHE, subject, &[&quant], None)
}

/// Rows of one table that speak about the types asked for.
struct Candidate {
    table: &'static Table,
    rows: Vec<Basis>,
    how: How,
    /// Natural logarithm of the ratio of sizes.
    distance: f64,
    /// Rows were made with an importance matrix and the weights without, or the other way round.
    other_imatrix: bool,
}

pub(super) fn band(
    tables: &'static [Table],
    subject: Subject,
    quants: &[&str],
    imatrix: Option<bool>,
) -> Result<Loss, Unknown> {
    let named = || quants.join(" or ");
    let all: Vec<Candidate> =
        tables.iter().filter_map(|table| candidate(table, subject, quants, imatrix)).collect();
    if all.is_empty() {
        return Err(Unknown::NoRow { quant: named() });
    }
    let chosen = nearest(all.into_iter().filter(|one| one.distance <= FARTHEST.ln()).collect());
    let Some(first) = chosen.first() else { return Err(Unknown::TooFar { quant: named() }) };
    let (measure, how, against) = (first.table.measure, first.how, first.table.against.clone());
    let noise = measure.noise();
    let widen = chosen.iter().map(factor).fold(1.0, f64::max);
    // On a logarithmic scale, as losses of neighbouring types and sizes differ by factors; shifted by the noise, as
    // the smallest of them are measured as nothing or less than nothing.
    let shifted = |row: &Basis| (row.loss + noise).max(noise / 10.0);
    let means: Vec<f64> = chosen
        .iter()
        .map(|one| one.rows.iter().map(|row| shifted(row).ln()).sum::<f64>() / one.rows.len() as f64)
        .collect();
    let estimate = (means.iter().sum::<f64>() / means.len() as f64).exp() - noise;
    let basis: Vec<Basis> = chosen.into_iter().flat_map(|one| one.rows).collect();
    let least = basis.iter().map(shifted).fold(f64::INFINITY, f64::min);
    let most = basis.iter().map(shifted).fold(0.0, f64::max);
    Ok(Loss {
        quants: quants.iter().map(|quant| (*quant).to_owned()).collect(),
        measure,
        estimate,
        low: (least / widen - noise).max(estimate.min(0.0)),
        high: most * widen - noise,
        how,
        against,
        basis,
    })
}

fn candidate(
    table: &'static Table,
    subject: Subject,
    quants: &[&str],
    imatrix: Option<bool>,
) -> Option<Candidate> {
    let spoken = |quant: &str| quants.iter().any(|asked| same_type(asked, quant));
    let all: Vec<_> = table.rows.iter().filter(|row| spoken(&row.quant)).collect();
    let fitting = |row: &&Row| imatrix.is_none() || row.imatrix.is_none() || row.imatrix == imatrix;
    let right: Vec<_> = all.iter().copied().filter(fitting).collect();
    let other_imatrix = right.is_empty();
    let basis = |row: &'static Row| Basis {
        model: &table.model,
        quant: &row.quant,
        imatrix: row.imatrix,
        loss: table.loss(row),
        on: &table.on,
        source: &table.source,
    };
    let rows: Vec<Basis> = if other_imatrix { all } else { right }.into_iter().map(basis).collect();
    let distance = (subject.parameters.max(1) as f64 / (table.parameters * 1e9)).ln().abs();
    let how = kinship(table, subject, distance);
    let speaks = !rows.is_empty() && (how == How::ThisModel || !table.trained);
    speaks.then_some(Candidate { table, rows, how, distance, other_imatrix })
}

/// `EXL3 4 bpw` is `EXL3 4.0 bpw`.
fn same_type(asked: &str, published: &str) -> bool {
    match (step(asked), step(published)) {
        (Some((a, a_bits)), Some((b, b_bits))) => a.name == b.name && a_bits == b_bits,
        _ => asked.eq_ignore_ascii_case(published),
    }
}

fn kinship(table: &Table, subject: Subject, distance: f64) -> How {
    /// Counts differ by embeddings that are shared or not, and by rounding.
    const SAME_SIZE: f64 = 0.1;
    let name = normalised(subject.name.unwrap_or_default());
    if Family::of(subject.architecture, &name) != Some(table.family.as_str()) {
        How::NearestSize
    } else if table.names.contains(&name) && distance < SAME_SIZE {
        How::ThisModel
    } else {
        How::SameFamily
    }
}

/// The best kind of row, and of this kind the nearest tables, each family once.
fn nearest(mut all: Vec<Candidate>) -> Vec<Candidate> {
    /// Beyond, a nearer row in another measure is worth more than the measure that people know.
    const NEAR: f64 = 1.4;
    let rank =
        |one: &Candidate| (one.how, one.table.against.is_some(), one.distance > NEAR, one.table.measure);
    all.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.distance.total_cmp(&b.distance)));
    let Some(first) = all.first() else { return all };
    let (how, measure, against) = (first.how, first.table.measure, first.table.against.clone());
    all.retain(|one| (one.how, one.table.measure, &one.table.against) == (how, measure, &against));
    if how == How::NearestSize {
        let mut families = Vec::new();
        all.retain(|one| {
            let is_new = !families.contains(&one.table.family.as_str());
            families.push(&one.table.family);
            is_new
        });
    }
    all.truncate(TABLES);
    all
}

/// By how much the span of the rows is widened at both ends: chosen, not fitted. Of tables that are left out, nine rows
/// in ten lie in the band that the others give (see the tests). Even a measured model may be judged on another text.
fn factor(one: &Candidate) -> f64 {
    let kind = match one.how {
        How::ThisModel => 1.25,
        How::SameFamily => 2.0,
        How::NearestSize => 3.0,
    };
    let size = if one.how == How::ThisModel { 1.0 } else { 1.0 + 0.25 * one.distance };
    let imatrix = if one.other_imatrix { 1.3 } else { 1.0 };
    kind * size * imatrix
}
