//! What TensorRT-LLM takes. Weights and the limit of its pool are exact; nothing is published of what the PyTorch
//! backend takes beside them before it has measured itself, so that is unknown.

use crate::contract::{
    Ask, Bytes, Charge, Host, KvType, Layer, Model, Part, Place, SpeculationMethod, State,
};
use crate::ranks::Ranks;

/// `tokens_per_block`, by default.
const BLOCK: u64 = 32;

pub(super) fn charges(model: &Model, ask: &Ask, _host: &Host) -> Vec<Charge> {
    let ranks = Ranks::of(ask);
    if ask.placement.on_host() {
        let how = "unknown: TensorRT-LLM runs on NVIDIA GPUs only";
        return vec![Charge::unknown(Place::Host, Part::Weights, None, how)];
    }
    let mut charges = ranks.weights(model, not_loaded(model, ask));
    charges.extend(cache(model, ask, &ranks));
    if let Some(draft) = ask.speculation.as_ref().and_then(|speculation| speculation.draft.as_deref()) {
        let charge = |charge: Charge| Charge { part: Part::Draft, ..charge };
        charges.extend(ranks.weights(draft, Bytes::ZERO).into_iter().map(charge));
    }
    let how = "unknown: activations and graphs are measured by the engine itself, at its start";
    charges.extend(ranks.each_unknown(Part::Compute, None, how));
    let how = "unknown: the context and communication buffers were not measured";
    charges.extend(ranks.each_unknown(Part::Driver, None, how));
    if ask.prompt_cache > Bytes::ZERO {
        let how = "blocks of idle requests (kv_cache_config.host_cache_size), on each rank";
        let all = Bytes(share(ask.prompt_cache, &ranks).0.saturating_mul(ranks.count()));
        charges.push(Charge::new(Place::Host, Part::Prompts, all, how));
    }
    let how = format!("unknown: not measured; a server and {} ranks", ranks.count());
    charges.push(Charge::unknown(Place::Host, Part::Process, None, how));
    charges
}

/// Each rank has a cache of its own in host memory.
pub(super) fn share(bytes: Bytes, ranks: &Ranks) -> Bytes {
    Bytes(bytes.0 / ranks.count().max(1))
}

/// Prediction layers are in the files and read only for speculation.
fn not_loaded(model: &Model, ask: &Ask) -> Bytes {
    if ask.speculation.as_ref().is_some_and(|speculation| speculation.method == SpeculationMethod::Mtp) {
        return Bytes::ZERO;
    }
    let last = model.weights.layers.iter().rev().take(model.prediction_layers as usize);
    last.map(|layer| layer.total()).sum()
}

/// Tokens that the pool holds: each request's, in whole blocks.
pub(super) fn tokens(ask: &Ask) -> u64 {
    let ahead = ask.speculation.as_ref().map_or(0, |speculation| u64::from(speculation.max_tokens));
    let each = ask.context_size.saturating_add(ahead).div_ceil(BLOCK).saturating_mul(BLOCK);
    each.saturating_mul(u64::from(ask.parallel))
}

/// `kv_cache_config.dtype`: 16 bits follow the model's own type.
pub(super) fn data_type(ask: &Ask) -> Option<&'static str> {
    match (ask.key_type, ask.value_type) {
        (KvType::F16, KvType::F16) | (KvType::Bf16, KvType::Bf16) => Some("auto"),
        (KvType::Fp8, KvType::Fp8) => Some("fp8"),
        _ => None,
    }
}

/// The limit on each device. Layers with a window are counted with their whole context: how the pools of both kinds
/// share it is decided by the engine.
pub(super) fn pool(model: &Model, ask: &Ask, ranks: &Ranks) -> Result<Bytes, String> {
    if let Some(why) = ranks.indivisible(model) {
        return Err(why);
    }
    if data_type(ask).is_none() {
        let (key, value) = (ask.key_type.name(), ask.value_type.name());
        return Err(format!("it keeps no {key} keys beside {value} values"));
    }
    let layers = match &model.state {
        State::Known { layers } => layers,
        State::Unknown { reason, .. } => return Err(reason.clone()),
    };
    let mut bytes = kept(model, layers, ask, ranks);
    match ask.speculation.as_ref().map(|speculation| (&speculation.draft, speculation.method)) {
        Some((Some(draft), _)) => {
            let layers = draft.layers().ok_or("what the draft's layers keep is unknown")?;
            bytes = bytes + kept(draft, layers, ask, ranks);
        }
        // Prediction layers keep rows as the model's last layer does.
        Some((None, SpeculationMethod::Mtp)) => {
            let last = layers.last().copied().into_iter().cycle().take(model.prediction_layers as usize);
            bytes = bytes + kept(model, &last.collect::<Vec<_>>(), ask, ranks);
        }
        _ => {}
    }
    Ok(bytes)
}

fn kept(model: &Model, layers: &[Layer], ask: &Ask, ranks: &Ranks) -> Bytes {
    /// States are kept in the model's type or in F32: the larger is taken.
    const F32: u64 = 4;
    let of_layer = |layer: &Layer| {
        let rows = layer.rows.map_or(0, |rows| ranks.row(model, &rows).elements);
        let index = layer.index.map_or(0, |index| index.elements.div_ceil(index.every.max(1)));
        let row = ask.key_type.bytes(rows.saturating_add(index));
        let tokens = row.0.saturating_mul(tokens(ask));
        let state = layer.recurrent.map_or(0, |state| state.convolution.saturating_add(state.state));
        let states =
            state.div_ceil(ranks.count()).saturating_mul(F32).saturating_mul(u64::from(ask.parallel));
        Bytes(tokens.saturating_add(states))
    };
    layers.iter().map(of_layer).sum()
}

fn cache(model: &Model, ask: &Ask, ranks: &Ranks) -> Vec<Charge> {
    match pool(model, ask, ranks) {
        Ok(bytes) => {
            let how = format!(
                "at most (kv_cache_config.max_gpu_total_bytes): {} tokens in blocks of {BLOCK}",
                tokens(ask)
            );
            ranks.each(Part::Pool, bytes, &how)
        }
        Err(why) => ranks.each_unknown(Part::Pool, None, &format!("unknown: {why}")),
    }
}
