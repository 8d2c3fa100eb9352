//! Layers behind the last one that guess a further token (multi-token prediction).
//!
//! Makers ship them with the weights; an engine that doesn't guess by them doesn't load them. So they count as
//! parameters, and never as active ones.

use serde::Deserialize;

use super::entry::Shape;

/// How these layers differ from the model's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Predictors {
    /// The files hold embeddings and output a second time for each.
    pub own_embeddings: bool,
    /// The feed-forward is a dense one where the model's are mixtures (ERNIE 4.5).
    pub dense: bool,
}

impl Shape {
    /// A layer with attention, and the matrix that joins the last layer's output with the next token's embedding.
    pub(super) fn prediction_layer(&self) -> u64 {
        let width = self.embedding;
        let feed_forward = match self.experts {
            Some(experts) if !self.predictors.dense => self.mixture(&experts, experts.count),
            _ => self.feed_forward(self.feed_forward),
        };
        let copies = if self.predictors.own_embeddings { 2 * self.vocabulary * width } else { 0 };
        self.attention() + feed_forward + 2 * width * width + (self.norms + 3) * width + copies
    }
}
