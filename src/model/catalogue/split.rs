//! How a model's layers divide among attention, state, dense feed-forwards and mixtures.
//!
//! Most have attention or a state, then a feed-forward, in every layer. Nemotron-H has one of them in each, in an
//! order of its own; there the catalogue gives the counts.

use serde::Deserialize;

use super::entry::{Recurrent, Shape};

/// Layers that are one thing each; those that keep a state are counted in [`Recurrent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    pub attention: u64,
    #[serde(default)]
    pub dense: u64,
    #[serde(default)]
    pub mixtures: u64,
}

/// How many layers have each part.
pub(super) struct Counts {
    pub attention: u64,
    pub recurrent: u64,
    pub dense: u64,
    pub mixtures: u64,
}

impl Shape {
    pub(super) fn layer_counts(&self) -> Counts {
        let recurrent = self.recurrent.map_or(0, Recurrent::layers).min(self.layers);
        if let Some(Split { attention, dense, mixtures }) = self.split {
            return Counts { attention, recurrent, dense, mixtures };
        }
        let mixtures = self.experts.map_or(0, |experts| experts.layers(self.layers));
        let both = matches!(self.recurrent, Some(Recurrent::Mamba2 { beside_attention: true, .. }));
        Counts {
            attention: if both { self.layers } else { self.layers - recurrent },
            recurrent,
            dense: match self.experts {
                Some(experts) if experts.beside_dense => self.layers,
                _ => self.layers - mixtures,
            },
            mixtures,
        }
    }
}
