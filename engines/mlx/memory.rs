//! What mlx-lm's server takes: everything in the one memory of the chip. Buffers grow with the requests; the sum is for
//! requests that fill their context. docs/engines.md has the measurements that it was held against.

use crate::contract::{
    Ask, Basis, Bytes, Charge, Host, KvType, Layer, Model, Part, Place, Recurrent, Rows, State,
};
use crate::sum;

/// Caches grow by so many tokens, beginning at whatever length they had (`step` in models/cache.py).
const STEP: u64 = 256;
const F16: u64 = 2;
const F32: u64 = 4;

pub(super) fn charges(model: &Model, ask: &Ask, _host: &Host) -> Vec<Charge> {
    let place = place(ask);
    let mut charges = vec![weights(model, place)];
    charges.extend(cache(model, ask, place));
    charges.push(compute(model, ask, place));
    let prompts = Bytes(prompt(model, ask).0.saturating_mul(prompts(model, ask)));
    if prompts > Bytes::ZERO {
        let how = "prompts of whole contexts that are kept (--prompt-cache-size)";
        charges.push(Charge::new(place, Part::Prompts, prompts, how));
    }
    charges.extend(draft(ask, place));
    let adapters: Bytes = ask.adapters.iter().map(|adapter| adapter.bytes).sum();
    if adapters > Bytes::ZERO {
        charges.push(Charge::new(place, Part::Adapters, adapters, "the adapter's file"));
    }
    charges.push(process(model));
    charges
}

fn place(ask: &Ask) -> Place {
    ask.placement.shares.first().map_or(Place::Host, |share| Place::Device(share.device))
}

/// Read into buffers, not mapped; wired while the server runs.
fn weights(model: &Model, place: Place) -> Charge {
    let how = match model.basis {
        Basis::Header => "exact, from the tensor table; read into buffers",
        Basis::Dimensions => "from its dimensions and the bits of its type; read into buffers",
    };
    Charge::new(place, Part::Weights, model.weights.total, how)
}

/// Whether requests are answered at once: not with a quantized cache, and not with a draft.
pub(super) fn batches(ask: &Ask) -> bool {
    !ask.key_type.is_quantized() && ask.speculation.is_none()
}

pub(super) fn batch(ask: &Ask) -> u64 {
    if batches(ask) { u64::from(ask.parallel).max(1) } else { 1 }
}

/// Why the cache can't be kept as asked.
pub(super) fn unable(model: &Model, ask: &Ask) -> Option<String> {
    let name = |kind: KvType| kind.name();
    if bits(ask.key_type).is_none() || ask.key_type != ask.value_type {
        let (key, value) = (name(ask.key_type), name(ask.value_type));
        return Some(format!("it keeps no {key} keys beside {value} values"));
    }
    let window = model.layers().unwrap_or_default().iter().any(|layer| window(layer).is_some());
    if ask.key_type.is_quantized() && window {
        return Some("it can't quantize the cache of a sliding window".into());
    }
    None
}

/// Bits of a value; 16 for the model's own type.
pub(super) fn bits(kind: KvType) -> Option<u64> {
    match kind {
        KvType::F16 | KvType::Bf16 => Some(16),
        KvType::Q8_0 => Some(8),
        KvType::Q4_0 => Some(4),
        _ => None,
    }
}

fn window(layer: &Layer) -> Option<u64> {
    layer.rows.and_then(|rows| rows.window)
}

fn cache(model: &Model, ask: &Ask, place: Place) -> Vec<Charge> {
    if let Some(why) = unable(model, ask) {
        return vec![Charge::unknown(place, Part::Cache, None, format!("unknown: {why}"))];
    }
    let copies = batch(ask);
    let charges = sum::state(model, ask, |rows| cells(ask, rows).saturating_mul(copies), copies);
    charges.into_iter().map(|charge| Charge { place, ..charge }).collect()
}

/// Tokens for which one layer has room, in one request's cache.
fn cells(ask: &Ask, rows: &Rows) -> u64 {
    let whole = ask.context_size.saturating_add(STEP);
    match rows.window {
        // Before it is cut to the window again, a step's tokens stand behind it.
        Some(window) => window.saturating_add(ask.prefill_chunk).min(whole),
        None => whole,
    }
}

/// One request's cache at its longest.
fn prompt(model: &Model, ask: &Ask) -> Bytes {
    let of_layer = |layer: &Layer| {
        let rows = layer.rows.map_or(0, |rows| {
            let row = ask.key_type.bytes(rows.key_elements) + ask.value_type.bytes(rows.value_elements);
            row.0.saturating_mul(cells(ask, &rows))
        });
        let state = |state: Recurrent| state.convolution.saturating_add(state.state).saturating_mul(F32);
        Bytes(rows.saturating_add(layer.recurrent.map_or(0, state)))
    };
    model.layers().unwrap_or_default().iter().map(of_layer).sum()
}

/// Prompts that are kept: as many whole contexts as fit in what is given for them.
pub(super) fn prompts(model: &Model, ask: &Ask) -> u64 {
    match prompt(model, ask).0 {
        0 => 0,
        one => ask.prompt_cache.0 / one,
    }
}

/// A step's activations and logits, attention's scores where they are not computed in tiles, and what is held twice
/// while requests are joined to a batch or a cache grows.
fn compute(model: &Model, ask: &Ask, place: Place) -> Charge {
    match step(model, ask, place) {
        Some(bytes) => {
            let how = format!("upper bound for steps of {} tokens, and caches held twice", ask.prefill_chunk);
            Charge::new(place, Part::Compute, bytes + twice(model, ask), how)
        }
        None => {
            Charge::unknown(place, Part::Compute, None, "unknown: the model does not give its dimensions")
        }
    }
}

fn twice(model: &Model, ask: &Ask) -> Bytes {
    let layers = model.layers().unwrap_or_default().len() as u64;
    match batch(ask) {
        // One layer after the other.
        1 => Bytes(prompt(model, ask).0 / layers.max(1)),
        requests => Bytes(prompt(model, ask).0.saturating_mul(requests)),
    }
}

fn step(model: &Model, ask: &Ask, place: Place) -> Option<Bytes> {
    let embedding = model.embedding_length?;
    let heads = model.head_count?;
    let queries = heads.saturating_mul(model.head_size?);
    let experts = model.experts.map_or(0, |experts| {
        let width = experts.feed_forward_length.saturating_mul(3).saturating_add(embedding);
        experts.used.saturating_mul(width)
    });
    let dense = model.feed_forward_length.unwrap_or(0).saturating_mul(3);
    let widest = queries.saturating_mul(4).max(dense).max(experts);
    let beside = embedding.saturating_mul(6).saturating_add(model.side_elements.saturating_mul(3));
    let tokens = ask.prefill_chunk.saturating_mul(batch(ask));
    let activations = tokens.saturating_mul(beside.saturating_add(widest)).saturating_mul(F16);
    let scores = match place {
        Place::Host => {
            tokens.saturating_mul(ask.context_size).saturating_mul(heads).saturating_mul(F16 + F32)
        }
        Place::Device(_) => 0,
    };
    // As they come, in F32, and their logarithms.
    let logits = model.vocabulary?.saturating_mul(batch(ask)).saturating_mul(F16 + 2 * F32);
    Some(Bytes(activations) + Bytes(scores) + Bytes(logits))
}

/// The draft and its cache, which grows with the request's.
fn draft(ask: &Ask, place: Place) -> Vec<Charge> {
    let Some(draft) = ask.speculation.as_ref().and_then(|speculation| speculation.draft.as_deref()) else {
        return Vec::new();
    };
    let how = "the draft's weights and its cache";
    match &draft.state {
        State::Known { .. } => {
            vec![Charge::new(place, Part::Draft, draft.weights.total + prompt(draft, ask), how)]
        }
        State::Unknown { reason, .. } => {
            vec![Charge::unknown(place, Part::Draft, None, format!("unknown: {reason}"))]
        }
    }
}

/// Measured with SmolLM2 on Linux (mlx-cpu 0.32.4): resident memory after the first token, less the weights, is 138 MiB.
/// Of these its tokenizer of 49,152 tokens takes 47, and a larger one more in proportion.
fn process(model: &Model) -> Charge {
    const BASE: Bytes = Bytes::mib(92);
    const TOKENIZER: u64 = 47 * Bytes::MIB;
    const TOKENS: u64 = 49_152;
    let tokenizer = Bytes(model.vocabulary.unwrap_or(TOKENS).saturating_mul(TOKENIZER / TOKENS));
    let how = "Python, libraries and tokenizer, as measured on Linux; macOS was not measured";
    Charge::new(Place::Host, Part::Process, BASE + tokenizer, how)
}
