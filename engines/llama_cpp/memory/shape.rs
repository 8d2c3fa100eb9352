//! The numbers of a model that its buffers follow from, in elements per token.

use crate::contract::{Chooser, Index, Layer, Model, Recurrent, State};

use super::compressed::CHOSEN_OF;
use super::traits::{self, Traits};

/// More kinds of layers than any model has; those of a header that lies are cut.
const MAX_KINDS: usize = 16;

/// How often each kind is played through. What one layer leaves behind changes where the next one's tensors lie: a model of
/// two layers needs less than one of six, and one of six as much as any.
const ROUNDS: std::ops::RangeInclusive<usize> = 2..=4;

#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub embedding: u64,
    pub vocabulary: u64,
    pub heads: u64,
    /// Elements of one head's key, the largest of all layers.
    pub head: u64,
    /// Width of the dense feed-forward network.
    pub dense: u64,
    pub experts: Option<Mixture>,
    pub side: u64,
    pub window: Option<u64>,
    pub traits: Traits,
    pub chooser: Option<Chooser>,
    /// Layers that attend to the whole context, and those that have an indexer of their own.
    pub attending: u64,
    pub indexing: u64,
    /// Layers that choose among rows of several tokens each.
    pub choosing: u64,
    /// Every kind of layer once, in the order in which they come.
    pub kinds: Vec<Kind>,
    /// Layers whose steps are played through.
    pub played: Vec<Kind>,
}

/// Experts that one token uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mixture {
    pub count: u64,
    pub used: u64,
    pub width: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kind {
    /// Elements of K and V.
    pub rows: Option<(u64, u64)>,
    pub windowed: bool,
    pub index: Option<Index>,
    pub recurrent: Option<Recurrent>,
    pub experts: bool,
}

impl Shape {
    /// `None` where the header lacks a dimension.
    pub(super) fn of(model: &Model) -> Option<Shape> {
        let mixture = model.experts.map(|experts| Mixture {
            count: experts.count,
            used: experts.used,
            width: experts.feed_forward_length,
        });
        // A model without attention has no heads.
        let heads = model.head_count.unwrap_or(0);
        let head = match heads {
            0 => model.head_size.unwrap_or(0),
            _ => model.head_size?,
        };
        let traits = traits::of(&model.architecture);
        let all: Vec<Kind> = kinds_of_layers(model).collect();
        let kinds = kinds(&all);
        let compressed = |kind: &Kind| kind.index.is_some_and(|index| index.every > 1);
        let sparse = traits.chooses.is_some() || kinds.iter().any(compressed);
        let attends = kinds.iter().any(|kind| kind.recurrent.is_none());
        if attends && heads == 0 {
            return None;
        }
        Some(Shape {
            embedding: model.embedding_length?,
            vocabulary: model.vocabulary?,
            heads,
            head,
            dense: dense(model, mixture, &kinds)?,
            experts: mixture,
            side: model.side_elements,
            window: super::largest_window(model),
            traits,
            chooser: model.chooser,
            attending: count(model, |layer| layer.rows.is_some_and(|rows| rows.window.is_none())),
            indexing: count(model, |layer| layer.index.is_some()),
            choosing: count(model, |layer| layer.index.is_some_and(|index| index.every == CHOSEN_OF)),
            played: played(all, &kinds, sparse),
            kinds,
        })
    }

    /// Nothing is kept of what was read: an encoder, or a model that fills in a whole text at once.
    pub(super) fn keeps_nothing(&self) -> bool {
        self.kinds.iter().all(|kind| kind.rows.is_none() && kind.recurrent.is_none())
    }

    pub(super) fn queries(&self) -> u64 {
        self.heads.saturating_mul(self.head)
    }
}

fn count(model: &Model, which: impl Fn(&Layer) -> bool) -> u64 {
    layers(model).iter().filter(|layer| which(layer)).count() as u64
}

/// A recurrent model can do without a feed-forward network; a mixture can do without a dense one.
fn dense(model: &Model, mixture: Option<Mixture>, kinds: &[Kind]) -> Option<u64> {
    let recurrent = kinds.iter().any(|kind| kind.recurrent.is_some());
    let instead = mixture.map(|mixture| mixture.width).or(recurrent.then_some(0));
    model.feed_forward_length.or(instead)
}

fn kinds(all: &[Kind]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for kind in all {
        if kinds.len() < MAX_KINDS && !kinds.contains(kind) {
            kinds.push(*kind);
        }
    }
    kinds
}

/// Each kind a few times. Of sparse attention, whose inputs end with the last layer that reads them, the model's own layers
/// if it has no more.
fn played(all: Vec<Kind>, kinds: &[Kind], sparse: bool) -> Vec<Kind> {
    if sparse && all.len() <= ROUNDS.end() * kinds.len() {
        return all;
    }
    let rounds = all.len() / kinds.len().max(1);
    kinds.repeat(rounds.clamp(*ROUNDS.start(), *ROUNDS.end()))
}

fn kinds_of_layers(model: &Model) -> impl Iterator<Item = Kind> {
    layers(model).iter().enumerate().map(|(index, layer)| Kind {
        rows: layer.rows.map(|rows| (rows.key_elements, rows.value_elements)),
        windowed: layer.rows.is_some_and(|rows| rows.window.is_some()),
        index: layer.index,
        recurrent: layer.recurrent,
        experts: match model.weights.layers.get(index) {
            Some(weights) => weights.experts.0 > 0,
            None => model.experts.is_some(),
        },
    })
}

/// Where the state is unknown, the graph is that of plain attention.
fn layers(model: &Model) -> &[Layer] {
    match &model.state {
        State::Known { layers } => layers,
        State::Unknown { at_most, .. } => at_most.as_deref().unwrap_or_default(),
    }
}
