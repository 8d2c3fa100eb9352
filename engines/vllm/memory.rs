//! What vLLM takes. Weights and the pool of blocks are exact, because the pool is given in bytes; activations, graphs
//! and what CUDA keeps for itself were not measured and are bounds; docs/engines.md says what they rest on.

use crate::contract::{Ask, Bytes, Charge, Host, Model, Part, Place, SpeculationMethod, State, Task};
use crate::ranks::Ranks;
use crate::vllm::{disk, kinds, pool};

const F16: u64 = 2;
const F32: u64 = 4;

pub(super) fn charges(model: &Model, ask: &Ask, _host: &Host) -> Vec<Charge> {
    let ranks = Ranks::of(ask);
    let mut charges = ranks.weights(model, not_loaded(model, ask));
    charges.extend(cache(model, ask, &ranks));
    charges.extend(compute(model, ask, &ranks));
    charges.extend(driver(ask, &ranks));
    charges.extend(draft(ask, &ranks));
    charges.extend(adapters(model, ask, &ranks));
    if ask.prompt_cache > Bytes::ZERO {
        let how = "blocks of idle requests, pinned (--kv-offloading-size)";
        charges.push(Charge::new(Place::Host, Part::Prompts, ask.prompt_cache, how));
    }
    charges.extend(disk_buffers(model, ask, &ranks));
    charges.push(process(&ranks));
    charges
}

/// What prompts pass through on their way to the disk and back.
fn disk_buffers(model: &Model, ask: &Ask, ranks: &Ranks) -> Option<Charge> {
    if ask.disk_cache == Bytes::ZERO {
        return None;
    }
    let pool = model.layers().and_then(|layers| pool::of(model, layers, ask, ranks));
    Some(match pool {
        Some(pool) => {
            let how = "blocks on their way to the disk and back, pinned (disk_buffer_slots)";
            Charge::new(Place::Host, Part::Prompts, disk::buffers(&pool, ranks), how)
        }
        None => Charge::unknown(Place::Host, Part::Prompts, None, "unknown: a block's bytes are unknown"),
    })
}

/// Prediction layers are in the files and read only for speculation.
fn not_loaded(model: &Model, ask: &Ask) -> Bytes {
    if ask.speculation.as_ref().is_some_and(|speculation| speculation.method == SpeculationMethod::Mtp) {
        return Bytes::ZERO;
    }
    let last = model.weights.layers.iter().rev().take(model.prediction_layers as usize);
    last.map(|layer| layer.total()).sum()
}

fn cache(model: &Model, ask: &Ask, ranks: &Ranks) -> Vec<Charge> {
    if let Some(why) = ranks.indivisible(model) {
        return ranks.each_unknown(Part::Pool, None, &format!("unknown: {why}"));
    }
    if let Some(why) = kinds::unable(model, ask) {
        return ranks.each_unknown(Part::Pool, None, &format!("unknown: {why}"));
    }
    let layers = match &model.state {
        State::Known { layers } => layers,
        State::Unknown { reason, at_most } => {
            let bound = at_most.as_ref().and_then(|layers| pool::of(model, layers, ask, ranks));
            let bound = bound.map(|pool| pool.bytes());
            return ranks.each_unknown(Part::Pool, bound, &format!("unknown: {reason}"));
        }
    };
    match pool::of(model, layers, ask, ranks) {
        None => ranks.each_unknown(Part::Pool, None, "unknown: what the draft's layers keep is unknown"),
        Some(pool) => {
            let how = format!(
                "claimed whole (--kv-cache-memory-bytes): {} blocks of {} for {} × {} tokens",
                pool.blocks, pool.block, ask.parallel, ask.context_size
            );
            ranks.each(Part::Pool, pool.bytes(), &how)
        }
    }
}

/// The step that vLLM profiles itself by: as many tokens as it may schedule, then the sampling of one token for each
/// request.
fn compute(model: &Model, ask: &Ask, ranks: &Ranks) -> Vec<Charge> {
    let Some(bytes) = step(model, ask, ranks) else {
        return ranks.each_unknown(Part::Compute, None, "unknown: the model does not give its dimensions");
    };
    if ask.placement.on_host() {
        let how = format!("upper bound for a step of {} tokens", pool::chunk(ask));
        return ranks.each(Part::Compute, bytes, &how);
    }
    /// `VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE`, where that backend is chosen.
    const WORKSPACE: Bytes = Bytes::mib(394);
    let how = format!(
        "not measured; a step of {} tokens by its dimensions, and a workspace of {WORKSPACE}",
        pool::chunk(ask)
    );
    ranks.each_unknown(Part::Compute, Some(bytes + WORKSPACE), &how)
}

fn step(model: &Model, ask: &Ask, ranks: &Ranks) -> Option<Bytes> {
    let chunk = pool::chunk(ask);
    let embedding = model.embedding_length?;
    let queries = model.head_count?.saturating_mul(model.head_size?);
    let layers = model.layers().unwrap_or_default();
    let rows = layers.iter().filter_map(|layer| layer.rows);
    let cached = rows.map(|rows| rows.key_elements.saturating_add(rows.value_elements)).max().unwrap_or(0);
    // Gate and up, and their product.
    let dense = model.feed_forward_length.unwrap_or(0).saturating_mul(3);
    let experts = model.experts.map_or(0, |experts| {
        let width = experts.feed_forward_length.saturating_mul(3).saturating_add(embedding);
        experts.used.saturating_mul(width)
    });
    // Queries, keys and values, and the queries' shape again for what attention gives.
    let attention = queries.saturating_mul(2).saturating_add(cached);
    let widest = attention.max(dense).max(experts).div_ceil(ranks.count());
    // The residual, its norm, the sum and their like stay beside the widest step.
    let beside = embedding.saturating_mul(6).saturating_add(model.side_elements.saturating_mul(3));
    let tokens = chunk.saturating_mul(beside.saturating_add(widest)).saturating_mul(F16);
    Some(Bytes(tokens) + sampling(model, ask)?)
}

/// Logits as they come and in F32, their probabilities, and a sorted copy with 64-bit indexes.
fn sampling(model: &Model, ask: &Ask) -> Option<Bytes> {
    const SORTED: u64 = F32 + 8;
    let per_token = F16 + 2 * F32 + SORTED;
    let requests = match ask.task {
        Task::Embedding => 0,
        Task::Chat | Task::Code | Task::Reasoning => u64::from(ask.parallel),
    };
    // A speculation is checked with the logits of every guess.
    let guesses = ask.speculation.as_ref().map_or(0, |speculation| u64::from(speculation.max_tokens));
    let rows = requests.saturating_mul(guesses.saturating_add(1));
    Some(Bytes(model.vocabulary?.saturating_mul(rows).saturating_mul(per_token)))
}

/// The device's context, and a graph for each size of batch, whole and in pieces.
fn driver(ask: &Ask, ranks: &Ranks) -> Vec<Charge> {
    if ask.placement.on_host() {
        return Vec::new();
    }
    /// The larger of what others' calculators take for CUDA's context.
    const CONTEXT: Bytes = Bytes::mib(500);
    /// The largest that vLLM's own log gives for one size of batch (vllm pull request 22897).
    const GRAPH: u64 = 28 * Bytes::MIB;
    // 1, 2, 4 and every eighth up to the number of requests.
    let sizes = u64::from(ask.parallel).div_ceil(8).saturating_add(3);
    let how = format!(
        "not measured; a context of 250 to 500 MiB and {} graphs of 24 to 28 MiB as others saw them",
        sizes.saturating_mul(2)
    );
    let bound = CONTEXT + Bytes(sizes.saturating_mul(2).saturating_mul(GRAPH));
    ranks.each_unknown(Part::Driver, Some(bound), &how)
}

/// The draft's weights; its blocks are in the pool.
fn draft(ask: &Ask, ranks: &Ranks) -> Vec<Charge> {
    let draft = ask.speculation.as_ref().and_then(|speculation| speculation.draft.as_deref());
    let charges = draft.map(|draft| ranks.weights(draft, Bytes::ZERO)).unwrap_or_default();
    charges.into_iter().map(|charge| Charge { part: Part::Draft, ..charge }).collect()
}

/// Ranks that vLLM makes room for; it takes the next one that is large enough.
const RANKS: [u64; 9] = [1, 8, 16, 32, 64, 128, 256, 320, 512];

pub(super) fn adapter_rank(ask: &Ask) -> Option<u64> {
    let most = ask.adapters.iter().map(|adapter| adapter.rank).max()?;
    RANKS.into_iter().find(|rank| *rank >= most)
}

/// Room for every adapter at the largest rank beside **every** projection, whatever the adapter changes.
fn adapters(model: &Model, ask: &Ask, ranks: &Ranks) -> Vec<Charge> {
    if ask.adapters.is_empty() {
        return Vec::new();
    }
    let Some(rank) = adapter_rank(ask) else {
        let how = "unknown: vLLM makes room for ranks up to 512";
        return ranks.each_unknown(Part::Adapters, None, how);
    };
    let bound = adapter_elements(model).map(|elements| {
        let slots = ask.adapters.len() as u64;
        Bytes(elements.saturating_mul(rank).saturating_mul(slots).saturating_mul(F16))
    });
    let how = format!("not measured; {} of rank {rank} beside every projection", ask.adapters.len());
    ranks.each_unknown(Part::Adapters, bound, &how)
}

/// Inputs and outputs of all projections of all layers; nothing for experts, of which each may have its own.
fn adapter_elements(model: &Model) -> Option<u64> {
    if model.experts.is_some() {
        return None;
    }
    let (embedding, width) = (model.embedding_length?, model.feed_forward_length?);
    let queries = model.head_count?.saturating_mul(model.head_size?);
    let mut sum = 0_u64;
    for layer in model.layers()? {
        let rows = layer.rows?;
        let attention = [queries, queries, rows.key_elements, rows.value_elements];
        let all = attention.into_iter().chain([width; 3]).map(|other| other.saturating_add(embedding));
        sum = all.fold(sum, u64::saturating_add);
    }
    Some(sum)
}

/// Server, core and a worker for each device: Python with PyTorch, each its own. Measured with the CPU build on Linux,
/// as proportional set size less weights and pool: 2433 and 2441 MiB.
fn process(ranks: &Ranks) -> Charge {
    const CPU: Bytes = Bytes::mib(2448);
    if ranks.places() == [Place::Host] {
        return Charge::new(Place::Host, Part::Process, CPU, "a server, a core and a worker, as measured");
    }
    let how =
        format!("not measured with a GPU: a server, a core and {} workers ({CPU} on the CPU)", ranks.count());
    Charge::unknown(Place::Host, Part::Process, None, how)
}
