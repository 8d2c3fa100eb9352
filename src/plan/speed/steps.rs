//! How many operations a layer adds to the graph of one token. Each is launched after the one before it, whatever its
//! size: on a fast device that costs small models more than reading their weights. The counts are in `steps.yaml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::Layer;
use serde::Deserialize;

use super::tables::read;

static STEPS: LazyLock<BTreeMap<String, Steps>> = LazyLock::new(|| read(include_str!("steps.yaml")));

/// The key of those that architectures get which are not in the table.
const OTHER: &str = "other";

/// Operations by kind of layer; a kind that the architecture doesn't have is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Steps {
    attention: Option<u32>,
    recurrent: Option<u32>,
    feed_forward: Option<u32>,
    experts: Option<u32>,
    side: Option<u32>,
}

/// What a layer is, apart from its experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Attention,
    Recurrent,
    /// A feed-forward network alone, where the architecture has such layers; else attention to another layer's rows.
    KeepsNothing,
}

impl Kind {
    pub fn of(layer: &Layer) -> Kind {
        if layer.recurrent.is_some() {
            Kind::Recurrent
        } else if layer.rows.is_none() && layer.index.is_none() {
            Kind::KeepsNothing
        } else {
            Kind::Attention
        }
    }
}

impl Steps {
    /// Of an architecture as GGUF files name it.
    pub fn of(architecture: &str) -> Steps {
        let other = STEPS.get(OTHER).copied().unwrap_or_default();
        let Some(own) = STEPS.get(architecture) else { return other };
        Steps {
            attention: own.attention.or(other.attention),
            recurrent: own.recurrent.or(other.recurrent),
            feed_forward: own.feed_forward,
            experts: own.experts.or(other.experts),
            side: own.side,
        }
    }

    /// Of a layer with a dense feed-forward network; `side`: the model has embeddings for each layer.
    pub fn layer(&self, kind: Kind, side: bool) -> f64 {
        let own = match kind {
            Kind::Attention => self.attention,
            Kind::Recurrent => self.recurrent,
            Kind::KeepsNothing => self.feed_forward.or(self.attention),
        };
        let side = self.side.filter(|_| side);
        f64::from(own.unwrap_or_default() + side.unwrap_or_default())
    }

    /// What routed experts add to a layer.
    pub fn experts(&self) -> f64 {
        f64::from(self.experts.unwrap_or_default())
    }
}
