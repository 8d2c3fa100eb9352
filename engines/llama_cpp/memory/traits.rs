//! What in an architecture's graph its header doesn't tell.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::sparse::Way;

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Traits {
    /// Attention's scores are written out, cell by cell: flash attention can't compute them, whatever is asked.
    pub unfused: bool,
    /// Attention and feed-forward network read the same norm, so that it lives through both.
    pub parallel: bool,
    /// Vectors of latent attention have no position, so that no part of them is split off and joined again.
    pub unplaced: bool,
    /// How sparse attention chooses what it looks at.
    pub chooses: Option<Way>,
    /// Where that isn't told: bytes of an indexer's scores for each token and cell, with one slot; with several that have
    /// caches of their own; with several that share one.
    pub index_scores: u64,
    pub index_scores_of_slots: u64,
    pub index_scores_unified: u64,
    /// Rows of the stream that are alive all the time, beside those of a plain layer.
    pub held: u64,
}

/// Of an architecture that the table doesn't name there is nothing to add.
pub(super) fn of(architecture: &str) -> Traits {
    static TABLE: OnceLock<BTreeMap<String, Traits>> = OnceLock::new();
    let table = TABLE.get_or_init(|| parse(include_str!("traits.yaml")));
    table.get(architecture).copied().unwrap_or_default()
}

fn parse(text: &str) -> BTreeMap<String, Traits> {
    // A table that can't be read adds nothing; the test below reads it.
    serde_saphyr::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read() {
        let table: BTreeMap<String, Traits> = serde_saphyr::from_str(include_str!("traits.yaml")).unwrap();
        assert!(table["grok"].unfused);
        assert!(table.values().all(|traits| *traits != Traits::default()), "a line that says nothing");
        assert_eq!(of("llama"), Traits::default());
    }
}
