//! What encoders of text have beside their layers: kinds of segments and a pooler (BERT and its kin).

use serde::Deserialize;

/// Its norm of embeddings is counted where other models have that of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// Rows of the table that tells sentences apart.
    pub segments: u64,
    /// A dense layer over the first token; rerankers have one before their score.
    #[serde(default)]
    pub pooler: bool,
    /// Numbers that a reranker gives, each from a row of its own.
    #[serde(default)]
    pub scores: u64,
}

impl Encoder {
    pub(super) fn elements(self, embedding: u64) -> u64 {
        let pooler = if self.pooler { embedding * embedding + embedding } else { 0 };
        self.segments * embedding + pooler + self.scores * (embedding + 1)
    }
}
