//! Blocks of prompts on the disk: `SimpleCPUOffloadConnector` of vLLM 0.32.0 with `kv_offload_backend: disk` (vLLM pull request
//! 49644). Each rank has one file of a fixed size, which is made anew at each start; host memory holds two blocks on their way
//! in and two on their way out. What vLLM calls tiers (`TieringOffloadingSpec`) puts files behind host memory too, but
//! has no limit for them, and so no place in a plan.

use serde_json::json;

use super::pool::Pool;
use crate::contract::{Ask, Bytes, Layer, Task};
use crate::ranks::Ranks;

/// `disk_buffer_slots`, by default.
const SLOTS: u64 = 2;

/// What is written to the folder, by each rank.
fn share(ask: &Ask, ranks: &Ranks) -> Bytes {
    Bytes(ask.disk_cache.0 / ranks.count().max(1))
}

/// Pinned host memory of all ranks: blocks on their way in, and others on their way out.
pub(super) fn buffers(pool: &Pool, ranks: &Ranks) -> Bytes {
    Bytes(pool.block.0.saturating_mul(2 * SLOTS).saturating_mul(ranks.count()))
}

/// `--kv-transfer-config`.
pub(super) fn connector(ask: &Ask, ranks: &Ranks, pool: &Pool, folder: &str) -> String {
    /// Files that go past the page cache are read and written in these (`_ALIGNMENT`).
    const SECTOR: u64 = 4096;
    let mut extra = json!({
        "kv_offload_backend": "disk",
        "disk_path": format!("{folder}/blocks"),
        "disk_capacity_bytes": share(ask, ranks).0,
        "disk_buffer_slots": SLOTS,
    });
    if !pool.block.0.is_multiple_of(SECTOR) {
        extra["use_page_cache"] = json!(true);
    }
    json!({
        "kv_connector": "SimpleCPUOffloadConnector",
        "kv_role": "kv_both",
        "kv_connector_extra_config": extra,
    })
    .to_string()
}

/// Why prompts of such layers can't be kept on the disk.
pub(super) fn unable(layers: &[Layer], ask: &Ask) -> Option<String> {
    if ask.disk_cache == Bytes::ZERO {
        return None;
    }
    if ask.task == Task::Embedding {
        return Some(
            "it keeps prompts on the disk only where it shares their beginnings, which embeddings don't"
                .into(),
        );
    }
    let whole = |layer: &Layer| layer.rows.is_some_and(|rows| rows.window.is_none());
    (!layers.iter().any(whole))
        .then(|| "it keeps prompts on the disk only beside a layer that attends to the whole context".into())
}
