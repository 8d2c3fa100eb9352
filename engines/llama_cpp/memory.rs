//! What llama-server takes beside the weights and the key-value cache. Each term is an upper bound; docs/memory.md has
//! the rows that it was held against, and the places in llama.cpp's source.

use crate::contract::{Ask, Attention, Bytes, Layer, Model, Overhead, Task};

/// Tokens per prefill chunk; llama.cpp's default.
const CHUNK: u64 = 512;
/// The cache's cells of a slot are padded to this.
const CELL_PADDING: u64 = 256;
/// Snapshots of sliding-window state kept per slot. The one at a prompt's end is enough for the next turn of a
/// conversation; without any, a turn that drops the last answer reads the whole prompt again.
pub(super) const CHECKPOINTS: u64 = 1;

const F32: u64 = 4;
const F16: u64 = 2;

pub(super) fn overhead(model: &Model, ask: &Ask) -> Overhead {
    Overhead {
        compute: graph(model, ask)
            .and_then(|graph| graph.checked_add(work(model, ask)?)?.checked_add(outputs(model, ask)?))
            .map(Bytes),
        process: process(model, ask),
        caches: checkpoints(model, ask),
    }
}

/// Tokens that are computed at once (`--ubatch-size`).
pub(super) fn chunk(ask: &Ask) -> u64 {
    match ask.task {
        // An input longer than one chunk is refused by the embedding path, so the chunk is the whole context.
        Task::Embedding => ask.context_size.max(CHUNK),
        Task::Chat | Task::Code | Task::Reasoning => CHUNK.min(pad(ask.context_size)),
    }
}

/// Cells of one slot in the cache of one layer.
pub(super) fn cells_of_slot(ask: &Ask, window: Option<u64>) -> u64 {
    let slot = pad(ask.context_size);
    match window {
        // The window and one chunk, never more than the full cache.
        Some(window) => slot.min(pad(window.saturating_add(chunk(ask)))),
        None => slot,
    }
}

fn pad(cells: u64) -> u64 {
    cells.div_ceil(CELL_PADDING).saturating_mul(CELL_PADDING)
}

fn layers(model: &Model) -> &[Layer] {
    match &model.attention {
        Attention::Layers { layers } => layers,
        Attention::Unknown { .. } => &[],
    }
}

pub(super) fn largest_window(model: &Model) -> Option<u64> {
    layers(model).iter().filter_map(|layer| layer.window).max()
}

/// The printed `compute buffer size`: the graph of one chunk, with attention's masks.
fn graph(model: &Model, ask: &Ask) -> Option<u64> {
    let chunk = chunk(ask);
    // Positions, cell numbers and the like.
    const INPUTS: u64 = 16;
    // The residual stream, its norm and their sums are alive beside the widest step.
    let stream = model.embedding_length?.checked_mul(5)?.checked_add(INPUTS)?;
    let beside = chunk.checked_mul(stream.checked_add(model.side_elements.checked_mul(3)?)?)?;
    let logits = rows_out(ask).checked_mul(model.vocabulary?)?;
    let widest = chunk.checked_mul(widest(model)?)?.max(logits);
    let elements = beside.checked_add(widest)?.checked_add(rotations(model, ask)?)?;
    elements.checked_mul(F32)?.checked_add(masks(model, ask)?)
}

/// Elements per token of the widest step: attention, the feed-forward network, or the experts and their outputs.
fn widest(model: &Model) -> Option<u64> {
    let embedding = model.embedding_length?;
    let cached =
        layers(model).iter().map(|layer| layer.key_elements.saturating_add(layer.value_elements)).max();
    // Before and after the rotation of positions.
    let attention = queries(model)?.checked_add(cached.unwrap_or(0))?.checked_mul(2)?;
    // Gate, up and their product.
    let dense = model.feed_forward_length.map(|width| width.checked_mul(3));
    let experts = model.experts.map(|experts| {
        let inner = experts.used.checked_mul(experts.feed_forward_length)?;
        let outer = experts.used.checked_mul(embedding)?;
        Some(inner.checked_mul(3)?.max(inner.checked_add(outer)?.checked_mul(2)?))
    });
    if dense.is_none() && experts.is_none() {
        return None;
    }
    Some(attention.max(dense.unwrap_or(Some(0))?).max(experts.unwrap_or(Some(0))?))
}

fn queries(model: &Model) -> Option<u64> {
    model.head_count?.checked_mul(model.head_size?)
}

/// Tokens of a batch whose logits are asked for: each slot's last one, or all, because the pooling of an embedding
/// comes after them.
fn rows_out(ask: &Ask) -> u64 {
    match ask.task {
        Task::Embedding => chunk(ask),
        Task::Chat | Task::Code | Task::Reasoning => u64::from(ask.parallel),
    }
}

/// One for the layers with full attention and one for those with a window, in the f16 that flash attention reads; it is
/// always on, because the CPU backend has it for every type.
fn masks(model: &Model, ask: &Ask) -> Option<u64> {
    let full = cells_of_slot(ask, None);
    let sliding = largest_window(model).map_or(0, |window| cells_of_slot(ask, Some(window)));
    full.checked_add(sliding)?.checked_mul(chunk(ask))?.checked_mul(F16)
}

/// A quantized cache is turned by a Hadamard matrix first: one for keys and one for values, of each kind of layer.
fn rotations(model: &Model, ask: &Ask) -> Option<u64> {
    if !ask.key_type.is_quantized() && !ask.value_type.is_quantized() {
        return Some(0);
    }
    let kinds = if largest_window(model).is_some() { 2 } else { 1 };
    model.head_size?.checked_pow(2)?.checked_mul(2 * kinds)
}

/// What the CPU backend works in beside the graph: a chunk in the type that the weights are multiplied in, and the
/// tiles of attention of each thread.
fn work(model: &Model, ask: &Ask) -> Option<u64> {
    let experts = model.experts.map_or(0, |experts| experts.used.saturating_mul(experts.feed_forward_length));
    let inputs = [model.embedding_length?, model.feed_forward_length.unwrap_or(0), queries(model)?, experts];
    let rows = chunk(ask).checked_mul(inputs.into_iter().max()?)?.checked_mul(F16)?;
    const TILE: u64 = 64;
    let tiles = model.head_size?.checked_mul(4)?.checked_add(2 * TILE)?.checked_mul(TILE * F32)?;
    rows.checked_add(tiles.checked_mul(u64::from(ask.threads))?)
}

/// The printed `output buffer size`, at its largest: logits, and embeddings where they are asked for.
fn outputs(model: &Model, ask: &Ask) -> Option<u64> {
    let embedding = if ask.task == Task::Embedding { model.embedding_length? } else { 0 };
    let row = model.vocabulary?.checked_add(embedding)?;
    rows_out(ask).max(u64::from(ask.parallel)).checked_mul(row)?.checked_mul(F32)
}

/// Measured, not derived: code, libraries, threads and what the C library keeps; the tokenizer's tables; each slot's
/// list of candidate tokens.
fn process(model: &Model, ask: &Ask) -> Bytes {
    const BASE: Bytes = Bytes::mib(32);
    const TOKEN: u64 = 104;
    const MERGE: u64 = 160;
    const CANDIDATE: u64 = 24;
    let vocabulary = model.vocabulary.unwrap_or(0);
    let token = CANDIDATE.saturating_mul(u64::from(ask.parallel)).saturating_add(TOKEN);
    BASE + Bytes(vocabulary.saturating_mul(token)) + Bytes(model.merges.saturating_mul(MERGE))
}

/// Copies of the windowed layers' state that `--ctx-checkpoints` keeps, with each cell's position.
fn checkpoints(model: &Model, ask: &Ask) -> Bytes {
    const CELL: Bytes = Bytes(16);
    let copies = CHECKPOINTS.saturating_mul(u64::from(ask.parallel));
    let of_layer = |layer: &Layer| {
        let cells = layer.window?.min(pad(ask.context_size)).saturating_mul(copies);
        let cell = ask.key_type.bytes(layer.key_elements) + ask.value_type.bytes(layer.value_elements) + CELL;
        Some(Bytes(cell.0.saturating_mul(cells)))
    };
    layers(model).iter().filter_map(of_layer).sum()
}
