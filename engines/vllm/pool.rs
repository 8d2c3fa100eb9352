//! The blocks of vLLM's key-value cache, as `vllm/v1/core/kv_cache_utils.py` of 0.32.0 lays them out.
//!
//! ```text
//! layers ──kind, page──▶ buckets ──same page for all──▶ groups of equal length ──▶ one pool of blocks
//! ```
//!
//! Layers of one kind are one group, and a block holds a page of each. Where kinds differ (full attention beside a
//! sliding window or a recurrent state), pages are made equal, each bucket is divided into groups of as many layers as
//! the smallest bucket has, and every group takes its own blocks out of the one pool: a block is as large as a group.

use super::kinds;
use crate::contract::{Ask, Bytes, Layer, Model, SpeculationMethod, Task};
use crate::ranks::{Ranks, Row};

/// What is given to `--kv-cache-memory-bytes`, on each device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pool {
    pub blocks: u64,
    pub block: Bytes,
}

impl Pool {
    pub fn bytes(&self) -> Bytes {
        Bytes(self.block.0.saturating_mul(self.blocks))
    }
}

/// What a layer keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Full,
    Window(u64),
    /// One page for a sequence and a few for its checkpoints.
    State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spec {
    kind: Kind,
    /// Bytes of one token; of a state, of the whole.
    size: u64,
}

/// Layers that share groups.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    kind: Kind,
    layers: u64,
    /// Bytes of one layer's page, and the tokens that it holds.
    page: u64,
    block: u64,
}

/// The pool in which every slot can have its whole context; `None` where a layer's row can't be told, which is where
/// vLLM can't keep the cache as asked: see [`kinds`].
pub(super) fn of(model: &Model, layers: &[Layer], ask: &Ask, ranks: &Ranks) -> Option<Pool> {
    let mut specs = specs(model, layers, ask, ranks)?;
    if let Some(speculation) = &ask.speculation {
        match (&speculation.draft, speculation.method) {
            (Some(draft), _) => specs.extend(self::specs(draft, draft.layers()?, ask, ranks)?),
            // Prediction layers keep rows as the model's last layer does.
            (None, SpeculationMethod::Mtp) => {
                let last = layers.iter().rev().find(|layer| layer.rows.is_some()).copied();
                let more: Vec<Layer> =
                    last.into_iter().cycle().take(model.prediction_layers as usize).collect();
                specs.extend(self::specs(model, &more, ask, ranks)?);
            }
            (None, _) => {}
        }
    }
    let tokens = tokens_of_block(ask, layers);
    let buckets = buckets(&specs, tokens);
    let (block, each) = match one_kind(&buckets) {
        true => one_group(&buckets, ask),
        false => groups(&buckets, ask),
    };
    /// The pool's first block stands for "nothing here" and holds no tokens.
    const NULL: u64 = 1;
    let blocks = each.saturating_mul(u64::from(ask.parallel)).saturating_add(NULL);
    Some(Pool { blocks, block: Bytes(block) })
}

/// Tokens that are scheduled in one step (`--max-num-batched-tokens`): at least one for each request. An embedding's
/// input goes through in one step.
pub(super) fn chunk(ask: &Ask) -> u64 {
    let chunk = ask.prefill_chunk.max(u64::from(ask.parallel)).max(1);
    match ask.task {
        Task::Embedding => chunk.max(ask.context_size),
        Task::Chat | Task::Code | Task::Reasoning => chunk,
    }
}

fn specs(model: &Model, layers: &[Layer], ask: &Ask, ranks: &Ranks) -> Option<Vec<Spec>> {
    /// States are kept in the model's type or in F32: the larger is taken.
    const F32: u64 = 4;
    let kinds = kinds::of(ask)?;
    let mut specs = Vec::new();
    for (place, layer) in layers.iter().enumerate() {
        if let Some(rows) = &layer.rows {
            let kind = rows.window.map_or(Kind::Full, Kind::Window);
            let size = kinds.row(ranks.row(model, rows), place, layers.len());
            specs.push(Spec { kind, size });
        }
        if let Some(index) = layer.index {
            let row = Row { elements: index.elements, heads: 1 };
            let size = kinds.row(row, place, layers.len()).div_ceil(index.every.max(1));
            specs.push(Spec { kind: Kind::Full, size });
        }
        if let Some(state) = layer.recurrent {
            let elements = state.convolution.saturating_add(state.state).div_ceil(ranks.count());
            specs.push(Spec { kind: Kind::State, size: elements.saturating_mul(F32) });
        }
    }
    Some(specs)
}

/// 16 on GPUs, 128 on the CPU. Kernels of latent attention want 16 to 128: with the most, a slot is at most one such
/// block too long.
fn tokens_of_block(ask: &Ask, layers: &[Layer]) -> u64 {
    let latent = layers.iter().any(|layer| layer.rows.is_some_and(|rows| rows.value_elements == 0));
    if ask.placement.on_host() || latent { 128 } else { 16 }
}

fn buckets(specs: &[Spec], tokens: u64) -> Vec<Bucket> {
    let of = |kind| specs.iter().filter(move |spec| (spec.kind == Kind::State) == kind);
    let state = of(true).map(|spec| spec.size).max().unwrap_or(0);
    let row = of(false).map(|spec| spec.size).max().unwrap_or(0);
    // Beside states, attention's blocks are lengthened until a page is as large as a state.
    let tokens = match (row, state) {
        (0, _) | (_, 0) => tokens,
        (row, state) => tokens.saturating_mul(state.div_ceil(tokens.saturating_mul(row)).max(1)),
    };
    let mut buckets: Vec<Bucket> = Vec::new();
    for spec in specs {
        let page = if spec.kind == Kind::State { spec.size } else { spec.size.saturating_mul(tokens) };
        match buckets.iter_mut().find(|bucket| bucket.kind == spec.kind && bucket.page == page) {
            Some(bucket) => bucket.layers += 1,
            None => buckets.push(Bucket { kind: spec.kind, layers: 1, page, block: tokens }),
        }
    }
    buckets
}

fn one_kind(buckets: &[Bucket]) -> bool {
    let equal = |pair: &[Bucket]| {
        pair[0].kind == pair[1].kind && (pair[0].kind != Kind::State || pair[0].page == pair[1].page)
    };
    buckets.windows(2).all(equal)
}

/// Bytes of a block, and blocks of one request.
fn one_group(buckets: &[Bucket], ask: &Ask) -> (u64, u64) {
    let block = buckets.iter().map(|bucket| bucket.page.saturating_mul(bucket.layers));
    let block = block.fold(0, u64::saturating_add);
    (block, buckets.first().map_or(0, |bucket| blocks(bucket.kind, bucket.block, ask)))
}

/// The same where layers are of several kinds.
fn groups(buckets: &[Bucket], ask: &Ask) -> (u64, u64) {
    let page = buckets.iter().map(|bucket| bucket.page).max().unwrap_or(0);
    let counts = || buckets.iter().map(|bucket| bucket.layers);
    let (least, most) = (counts().min().unwrap_or(1).max(1), counts().max().unwrap_or(1).max(1));
    // Unless buckets are nearly of a size: then the smaller ones are filled up instead.
    let length = if most.saturating_mul(2) < least.saturating_mul(3) { most } else { least };
    let each = buckets.iter().map(|bucket| {
        // A smaller page holds more tokens where that makes it even, and is filled up where it doesn't.
        let even = bucket.kind != Kind::State && bucket.page > 0 && page.is_multiple_of(bucket.page);
        let tokens = if even { bucket.block.saturating_mul(page / bucket.page) } else { bucket.block };
        bucket.layers.div_ceil(length).saturating_mul(blocks(bucket.kind, tokens, ask))
    });
    (page.saturating_mul(length), each.fold(0, u64::saturating_add))
}

/// Blocks that one request can hold at once.
fn blocks(kind: Kind, tokens: u64, ask: &Ask) -> u64 {
    /// The state, the one before it, and one at the end of the prompt, for prefix caching.
    const STATES: u64 = 3;
    let ahead = ask.speculation.as_ref().map_or(0, |speculation| u64::from(speculation.max_tokens));
    match kind {
        Kind::Full => ask.context_size.div_ceil(tokens),
        // The window and what is being computed; it may begin within a block.
        Kind::Window(window) => {
            let held = window.saturating_sub(1).saturating_add(in_flight(ask));
            held.min(ask.context_size).div_ceil(tokens).saturating_add(1)
        }
        Kind::State => STATES.saturating_add(ahead),
    }
}

/// Tokens scheduled and not settled: on GPUs the next step is scheduled while one is computed.
fn in_flight(ask: &Ask) -> u64 {
    let steps = if ask.placement.on_host() { 1 } else { 2 };
    chunk(ask).saturating_mul(steps)
}
