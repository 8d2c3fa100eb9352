//! What llama-server takes beside the weights and the key-value cache. Each term is an upper bound; docs/memory.md has
//! the rows that it was held against, and the places in llama.cpp's source.

use crate::contract::{Ask, Bytes, Charge, Host, Layer, Layout, Model, Part, Place, Recurrent, Rows, Task};
use crate::sum;

mod arena;
mod beside;
mod buffers;
mod compressed;
mod drivers;
mod graph;
mod mapped;
mod shape;
mod sparse;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_sparse;
mod traits;
mod turns;

use graph::rows_out;
use shape::Shape;

/// The cache's cells of a slot are padded to this.
const CELL_PADDING: u64 = 256;
/// Snapshots of sliding-window state kept per slot. The one at a prompt's end is enough for the next turn of a
/// conversation; without any, a turn that drops the last answer reads the whole prompt again.
pub(super) const CHECKPOINTS: u64 = 1;

const F32: u64 = 4;
const F16: u64 = 2;

pub(super) fn charges(model: &Model, ask: &Ask, _host: &Host) -> Vec<Charge> {
    let mut charges = mapped::weights(sum::weights(model, ask), model, ask);
    let cached = cached(model, ask);
    charges.extend(sum::state(model, &cached, |rows| cells(&cached, rows), beside::states(ask)));
    charges.extend(buffers::charges(model, ask));
    charges.extend(beside::charges(model, ask));
    charges.extend(drivers::charges(ask));
    let prompts = checkpoints(model, ask) + ask.prompt_cache;
    if prompts > Bytes::ZERO {
        charges.push(Charge::new(Place::Host, Part::Prompts, prompts, "the engine's own, in host memory"));
    }
    let work = Shape::of(model).map_or(Bytes::ZERO, |shape| Bytes(work(&shape, ask)));
    let process = process(model, ask) + work;
    charges.push(Charge::new(
        Place::Host,
        Part::Process,
        process,
        "code, tokenizer, threads and what they work in",
    ));
    charges
}

/// The ask as the cache sees it: where tokens share an indexer's row (DeepSeek V4), llama.cpp gives every slot the whole
/// pool, also where it shall be shared (src/llama-kv-cache-dsv4.cpp).
fn cached(model: &Model, ask: &Ask) -> Ask {
    let layers = model.layers().unwrap_or_default();
    let compressed = layers.iter().any(|layer| layer.index.is_some_and(|index| index.every > 1));
    if compressed && ask.layout == Layout::Unified {
        return Ask { layout: Layout::PerSlot, context_size: ask.total_context(), ..ask.clone() };
    }
    ask.clone()
}

/// Cells of one layer over all slots.
pub(super) fn cells(ask: &Ask, rows: &Rows) -> u64 {
    let streams = u64::from(ask.parallel);
    match ask.layout {
        Layout::PerSlot => cells_of_slot(ask, rows.window).saturating_mul(streams),
        Layout::Unified => cells_of_window(ask, rows.window),
    }
}

/// Cells of one layer in a cache that all slots share.
fn cells_of_window(ask: &Ask, window: Option<u64>) -> u64 {
    let all = pad(ask.total_context());
    let streams = u64::from(ask.parallel);
    let kept = |window: u64| pad(window.saturating_mul(streams).saturating_add(chunk(ask)));
    window.map_or(all, |window| all.min(kept(window)))
}

/// Tokens that are computed at once (`--ubatch-size`).
pub(super) fn chunk(ask: &Ask) -> u64 {
    match ask.task {
        // An input longer than one chunk is refused by the embedding path, so the chunk is the whole context.
        Task::Embedding => ask.context_size.max(ask.prefill_chunk),
        Task::Chat | Task::Code | Task::Reasoning => ask.prefill_chunk.min(pad(ask.context_size)),
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

fn rows(model: &Model) -> impl Iterator<Item = &Rows> {
    model.layers().unwrap_or_default().iter().filter_map(|layer: &Layer| layer.rows.as_ref())
}

pub(super) fn largest_window(model: &Model) -> Option<u64> {
    rows(model).filter_map(|rows| rows.window).max()
}

/// What the CPU backend works in beside the graph: a chunk in the type that the weights are multiplied in, and the
/// tiles of attention of each thread.
fn work(shape: &Shape, ask: &Ask) -> u64 {
    let experts = shape.experts.map_or(0, |mixture| mixture.used.saturating_mul(mixture.width));
    let widest = shape.embedding.max(shape.dense).max(shape.queries()).max(experts);
    let rows = chunk(ask).saturating_mul(widest).saturating_mul(F16);
    const TILE: u64 = 64;
    let tiles = shape.head.saturating_mul(4).saturating_add(2 * TILE).saturating_mul(TILE * F32);
    rows.saturating_add(tiles.saturating_mul(u64::from(ask.threads)))
}

/// The printed `output buffer size`, at its largest: logits, and embeddings where they are asked for.
fn outputs(shape: &Shape, ask: &Ask) -> u64 {
    let embedding = if ask.task == Task::Embedding { shape.embedding } else { 0 };
    rows_out(ask).saturating_mul(shape.vocabulary.saturating_add(embedding)).saturating_mul(F32)
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

/// Whether the engine keeps copies of a prompt's state: what a window or a recurrent layer has let go of can't be taken
/// back from the cache.
pub(super) fn keeps_checkpoints(model: &Model) -> bool {
    largest_window(model).is_some() || recurrent(model).next().is_some()
}

fn recurrent(model: &Model) -> impl Iterator<Item = Recurrent> {
    model.layers().unwrap_or_default().iter().filter_map(|layer| layer.recurrent)
}

/// Copies of the windowed layers' rows, with each cell's position, and of the recurrent layers' states that
/// `--ctx-checkpoints` keeps in each slot, and one more: the C library keeps the memory of a replaced one.
fn checkpoints(model: &Model, ask: &Ask) -> Bytes {
    const CELL: Bytes = Bytes(16);
    let copies = CHECKPOINTS.saturating_mul(u64::from(ask.parallel)).saturating_add(1);
    let of_layer = |rows: &Rows| {
        let cells = rows.window?.min(pad(ask.context_size)).saturating_mul(copies);
        let cell = ask.key_type.bytes(rows.key_elements) + ask.value_type.bytes(rows.value_elements) + CELL;
        Some(Bytes(cell.0.saturating_mul(cells)))
    };
    let of_state = |state: Recurrent| {
        let elements = state.convolution.saturating_add(state.state);
        Bytes(elements.saturating_mul(F32).saturating_mul(copies))
    };
    let windowed: Bytes = rows(model).filter_map(of_layer).sum();
    windowed + recurrent(model).map(of_state).sum()
}
