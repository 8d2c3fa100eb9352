//! The small heads that choose which tokens sparse attention looks at (DeepSeek V3.2, GLM 5).
//!
//! Their keys are kept for each token too, so whoever sums the cache needs these sizes.

use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Indexer {
    pub heads: u64,
    pub size: u64,
}

impl Indexer {
    /// One layer: queries from the rank, one key for all heads with its norm, and the heads' weights.
    pub(super) fn elements(self, embedding: u64, query_rank: Option<u64>) -> u64 {
        query_rank.unwrap_or(embedding) * self.heads * self.size
            + embedding * self.size
            + 2 * self.size
            + embedding * self.heads
    }
}
