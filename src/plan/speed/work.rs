//! What one step of decoding reads and computes in each memory of a placement.

use std::collections::BTreeMap;

use edgeorch_engines::contract::{Backend, Experts, Layer, State};
use edgeorch_engines::{Ask, Host, Model, Place};

use super::kinds::Kinds;
use super::steps::{Kind, Steps};
use super::{Unknown, Workload};

/// One memory's share of a step, for all requests that take part in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Bytes of weights, each read once whatever the number of requests.
    pub weights: f64,
    /// Bytes of rows and states of all requests.
    pub cache: f64,
    /// Of these, weights of three bits and less.
    pub few_bits: f64,
    /// Operations, launched one after the other.
    pub steps: f64,
    /// 10⁹ weights that each request is multiplied with.
    pub billions: f64,
    /// The same, each counted by what unpacking it takes.
    pub unpacked: f64,
    /// Bytes of all weights that lie here, read or not.
    pub resident: f64,
}

pub struct Parts {
    pub places: BTreeMap<Place, Part>,
    /// How often a step goes from one memory to another, and back for the next token.
    pub hops: u32,
    /// Whether rows of the context are a bound, because how the model keeps them is unknown.
    pub bounded: Option<String>,
}

/// The interface through which a place is computed on.
pub fn backend(ask: &Ask, place: Place) -> Backend {
    let Place::Device(index) = place else { return Backend::Cpu };
    let share = ask.placement.shares.iter().find(|share| share.device == index);
    share.map_or(Backend::Cpu, |share| share.backend)
}

pub fn parts(
    model: &Model,
    ask: &Ask,
    host: &Host,
    workload: &Workload,
    slots: u32,
) -> Result<Parts, Unknown> {
    if let Some(absent) =
        ask.placement.shares.iter().find(|share| share.layers > 0 && share.device >= host.accelerators.len())
    {
        return Err(Unknown::NoDevice(absent.device));
    }
    let (layers, bounded) = match &model.state {
        State::Known { layers } => (layers, None),
        State::Unknown { reason, at_most: Some(layers) } => (layers, Some(reason.clone())),
        State::Unknown { reason, at_most: None } => return Err(Unknown::State(reason.clone())),
    };
    if layers.is_empty() || model.weights.total.0 == 0 {
        return Err(Unknown::NoWeights);
    }
    let mut parts = Parts { places: BTreeMap::new(), hops: 0, bounded };
    weights(model, ask, layers, slots, &mut parts)?;
    for (index, layer) in layers.iter().enumerate() {
        let place = ask.placement.of_layer(index, layers.len());
        let kept = if ask.placement.cache_on_host { Place::Host } else { place };
        let bytes = context(layer, ask, workload.mean_depth());
        parts.places.entry(kept).or_default().cache += bytes * f64::from(slots);
    }
    let kinds = Kinds::of(model);
    for part in parts.places.values_mut() {
        part.few_bits = part.weights * kinds.few_bits;
        part.unpacked = part.billions * kinds.computing();
    }
    parts.places.retain(|_, part| part.weights > 0.0 || part.cache > 0.0);
    parts.hops = hops(ask, model, layers.len());
    Ok(parts)
}

/// Weights layer by layer. Prediction layers stand behind the others, and are read by guessing ahead alone.
fn weights(model: &Model, ask: &Ask, layers: &[Layer], slots: u32, parts: &mut Parts) -> Result<(), Unknown> {
    let (placement, count) = (&ask.placement, layers.len());
    let steps = Steps::of(&model.architecture);
    let side = model.side_elements > 0;
    let step = |index: usize| steps.layer(layers.get(index).map_or(Kind::Attention, Kind::of), side);
    let per_byte = model.parameters as f64 / model.weights.total.0 as f64 / 1e9;
    let output = placement.of_output();
    if model.weights.layers.is_empty() {
        let whole = placement.on_host() || (placement.shares.len() == 1 && hops(ask, model, count) == 0);
        if !whole {
            return Err(Unknown::NoLayers);
        }
        let part = parts.places.entry(output).or_default();
        part.weights = model.read_per_token().0 as f64;
        part.billions = part.weights * per_byte;
        part.resident = model.weights.total.0 as f64;
        let experts = if model.experts.is_some() { steps.experts() } else { 0.0 };
        part.steps = (0..count).map(|index| step(index) + experts).sum();
        return Ok(());
    }
    let used = model.experts.as_ref().map_or(1.0, Experts::share);
    let touched = distinct(used, slots);
    let mut add = |place, bytes: f64, read: f64, computed: f64, steps: f64| {
        let part = parts.places.entry(place).or_default();
        part.weights += bytes * read;
        part.billions += bytes * computed * per_byte;
        part.steps += steps;
        part.resident += bytes;
    };
    for (index, layer) in model.weights.layers.iter().take(count).enumerate() {
        add(placement.of_layer(index, count), layer.dense.0 as f64, 1.0, 1.0, step(index));
        let more = if layer.experts.0 > 0 { steps.experts() } else { 0.0 };
        add(placement.of_experts(index, count), layer.experts.0 as f64, touched, used, more);
    }
    let tied = model.weights.output.0 == 0;
    let projection = if tied { model.weights.token_embedding } else { model.weights.output };
    add(output, (projection + model.weights.rest()).0 as f64, 1.0, 1.0, 0.0);
    Ok(())
}

/// The share of the experts that so many tokens touch together, if each chooses by itself.
pub fn distinct(share: f64, tokens: u32) -> f64 {
    1.0 - (1.0 - share).powf(f64::from(tokens.max(1)))
}

/// Bytes that one request reads of what a layer keeps, at this depth.
fn context(layer: &Layer, ask: &Ask, depth: u64) -> f64 {
    const F32: f64 = 4.0;
    let rows = layer.rows.map_or(0.0, |rows| {
        let row = ask.key_type.bytes(rows.key_elements) + ask.value_type.bytes(rows.value_elements);
        row.0 as f64 * depth.min(rows.window.unwrap_or(u64::MAX)) as f64
    });
    let index = layer.index.map_or(0.0, |index| {
        ask.key_type.bytes(index.elements).0 as f64 * (depth / index.every.max(1)) as f64
    });
    // A state is read and written.
    let state =
        layer.recurrent.map_or(0.0, |state| 2.0 * F32 * state.convolution.saturating_add(state.state) as f64);
    rows + index + state
}

fn hops(ask: &Ask, model: &Model, count: usize) -> u32 {
    let split = |index: usize| {
        model.weights.layers.get(index).is_some_and(|layer| layer.experts.0 > 0)
            && ask.placement.of_experts(index, count) != ask.placement.of_layer(index, count)
    };
    let place = |index| ask.placement.of_layer(index, count);
    let between = (1..count).filter(|index| place(*index) != place(index - 1)).count();
    let within = (0..count).filter(|index| split(*index)).count();
    u32::try_from(between.saturating_add(2 * within)).unwrap_or(u32::MAX)
}
