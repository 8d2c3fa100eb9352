//! llama.cpp's server: what engine.yaml can't say. The cells of its caches, its compute buffer, and how its answers
//! to the readiness probes are read.

use std::sync::OnceLock;
use std::time::Duration;

use crate::contract::{
    Ask, Attention, Binary, Bytes, Cause, Engine, HttpCall, LaunchSpec, Model, Overhead, Probe, ProbeAnswer,
    Refusal, Seat, StopRecipe, Task,
};
use crate::manifest::Manifest;
use crate::manifest::expand::{self, Values};

#[cfg(test)]
mod tests;

/// The adapter. It has no state: one serves every instance.
#[derive(Clone, Copy, Debug, Default)]
pub struct LlamaCpp;

/// Tokens per prefill chunk; llama.cpp's default.
const UBATCH: u64 = 512;
/// The cache's cells are padded to this (llama-kv-cache.cpp, `GGML_PAD(…, 256)`).
const CELL_PADDING: u64 = 256;
/// Snapshots of sliding-window state kept per slot, so that a conversation's prompt need not be read again.
const CHECKPOINTS: u64 = 4;
/// Code, tokenizer, HTTP threads and allocator slack beside the model's own buffers. Measured with builds b10434 and
/// b11434: 17-45 MiB over the sum of the printed buffers (docs/memory.md).
const PROCESS: Bytes = Bytes::mib(64);

impl Engine for LlamaCpp {
    fn manifest(&self) -> &Manifest {
        static MANIFEST: OnceLock<Manifest> = OnceLock::new();
        MANIFEST.get_or_init(|| Manifest::parse(include_str!("engine.yaml")))
    }

    /// The worst graph's buffer: masks of one window and of one full cache, activations of one chunk, logits.
    ///
    /// An upper bound for flash attention or an f16 mask on the CPU backend, checked against the printed
    /// `compute buffer size` (docs/memory.md); unknown where the header lacks a dimension.
    fn memory(&self, model: &Model, ask: &Ask) -> Overhead {
        let ubatch = ubatch(ask);
        let compute = compute(model, ask, ubatch);
        Overhead { compute, process: PROCESS, caches: checkpoints(model, ask) }
    }

    fn cache_cells(&self, ask: &Ask, window: Option<u64>) -> u64 {
        let slot = pad(ask.context_size);
        let cells = match window {
            // llama-kv-cache-iswa.cpp: the window of each sequence plus one chunk, never more than the full cache.
            Some(window) => slot.min(pad(window.saturating_add(ubatch(ask)))),
            None => slot,
        };
        cells.saturating_mul(u64::from(ask.parallel))
    }

    fn launch(&self, ask: &Ask, model: &Model, binary: &Binary, seat: &Seat) -> Result<LaunchSpec, Refusal> {
        let manifest = self.manifest();
        let mut values = Values::default();
        values.set("model", model.path.display());
        values.set("id", &ask.id);
        values.set("port", seat.port);
        values.set("total_context", ask.total_context());
        values.set("context", ask.context_size);
        values.set("parallel", ask.parallel);
        values.set("key_type", ask.key_type.name());
        values.set("value_type", ask.value_type.name());
        values.set("ubatch", ubatch(ask));
        values.set("threads", ask.threads);
        values.set("checkpoints", CHECKPOINTS);
        values.hold("several_slots", ask.parallel > 1);
        values.hold("quantized_value_cache", ask.value_type.is_quantized());
        values.hold("sliding_window", has_windows(model));
        values.hold("embedding", ask.task == Task::Embedding);
        let flags = expand::flags(manifest, binary, &values, &ask.runtime_flags)?;

        let mut env = manifest.env.clone();
        // Not on the command line: arguments are readable by every user of the machine, the environment is not.
        env.insert("LLAMA_API_KEY".into(), seat.key.clone());
        if let Some(path) = &binary.library_path {
            env.insert("LD_LIBRARY_PATH".into(), path.display().to_string());
        }
        Ok(LaunchSpec {
            program: binary.program.clone(),
            flags,
            env,
            scrub: manifest.scrub.clone(),
            port: seat.port,
            key: seat.key.clone(),
            readiness: readiness(ask.task),
            health: health(),
            stop: StopRecipe {
                term_grace: manifest.stop.term_grace(),
                second_term_grace: manifest.stop.second_term_grace(),
            },
        })
    }
}

fn ubatch(ask: &Ask) -> u64 {
    match ask.task {
        // An input longer than one chunk is refused by the embedding path, so the chunk is the whole context.
        Task::Embedding => ask.context_size.max(UBATCH),
        Task::Chat | Task::Code | Task::Reasoning => UBATCH.min(pad(ask.context_size)),
    }
}

fn pad(cells: u64) -> u64 {
    cells.div_ceil(CELL_PADDING).saturating_mul(CELL_PADDING)
}

fn has_windows(model: &Model) -> bool {
    matches!(&model.attention, Attention::Layers { layers } if layers.iter().any(|layer| layer.window.is_some()))
}

fn compute(model: &Model, ask: &Ask, ubatch: u64) -> Option<Bytes> {
    let (embedding, feed_forward) = (model.embedding_length?, model.feed_forward_length?);
    let vocabulary = model.vocabulary?;
    const F32: u64 = 4;
    const F16: u64 = 2;
    // The mask is made in f32 and cast to f16 for flash attention: both are alive at once.
    let masks = if has_windows(model) { 2 } else { 1 };
    let mask = pad(ask.context_size).checked_mul(ubatch)?.checked_mul(masks * (F32 + F16))?;
    let activations = ubatch
        .checked_mul(F32)?
        .checked_mul(feed_forward.checked_mul(2)?.checked_add(embedding.checked_mul(4)?)?)?;
    let outputs = match ask.task {
        Task::Embedding => 0,
        _ => u64::from(ask.parallel).checked_mul(vocabulary)?.checked_mul(2 * F32)?,
    };
    Some(Bytes(mask.checked_add(activations)?.checked_add(outputs)?))
}

/// Copies of the windowed layers' state that `--ctx-checkpoints` keeps.
fn checkpoints(model: &Model, ask: &Ask) -> Bytes {
    let Attention::Layers { layers } = &model.attention else { return Bytes::ZERO };
    layers
        .iter()
        .filter_map(|layer| {
            let rows = layer.window?.saturating_mul(CHECKPOINTS).saturating_mul(u64::from(ask.parallel));
            Some(
                ask.key_type.bytes(layer.key_elements.saturating_mul(rows))
                    + ask.value_type.bytes(layer.value_elements.saturating_mul(rows)),
            )
        })
        .sum()
}

/// Alive, ours, and able to produce a token: `/health` alone stays 200 when every request fails (llama.cpp #27309).
fn readiness(task: Task) -> Vec<Probe> {
    let first_token = match task {
        Task::Embedding => HttpCall::post("/v1/embeddings", r#"{"input":"a"}"#),
        _ => HttpCall::post("/completion", r#"{"prompt":"a","n_predict":1,"cache_prompt":false}"#),
    };
    vec![
        health(),
        Probe {
            name: "identity".into(),
            call: HttpCall::get("/props"),
            wrong_key: true,
            deadline: Duration::from_secs(5),
            read: refuses_wrong_key,
        },
        Probe {
            name: "first token".into(),
            call: first_token,
            wrong_key: false,
            deadline: Duration::from_secs(120),
            read: produced_a_token,
        },
    ]
}

fn health() -> Probe {
    Probe {
        name: "health".into(),
        call: HttpCall::get("/health"),
        // It is public, and asked first: whoever answers has not shown yet who it is, so it is not shown our key.
        wrong_key: true,
        deadline: Duration::from_secs(5),
        read: is_healthy,
    }
}

/// 503 `Loading model` while it loads, 200 after.
fn is_healthy(status: u16, _: &[u8]) -> ProbeAnswer {
    match status {
        200 => ProbeAnswer::Pass,
        503 => ProbeAnswer::NotYet,
        other => ProbeAnswer::Fail(
            Cause::Stranger,
            format!("its port answers /health with status {other}, which llama-server never does"),
        ),
    }
}

fn refuses_wrong_key(status: u16, _: &[u8]) -> ProbeAnswer {
    match status {
        401 => ProbeAnswer::Pass,
        503 => ProbeAnswer::NotYet,
        _ => ProbeAnswer::Fail(
            Cause::Stranger,
            "what answers on its port accepts a wrong key, so it is not the engine that was started".into(),
        ),
    }
}

fn produced_a_token(status: u16, body: &[u8]) -> ProbeAnswer {
    match status {
        200 if serde_json::from_slice::<serde_json::Value>(body).is_ok_and(|json| json.is_object()) => {
            ProbeAnswer::Pass
        }
        503 => ProbeAnswer::NotYet,
        401 => ProbeAnswer::Fail(
            Cause::Stranger,
            "what answers on its port refuses our key, so it is not the engine that was started".into(),
        ),
        other => {
            let text = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
            ProbeAnswer::Fail(Cause::Broken, format!("no token came out: status {other}, {text}"))
        }
    }
}
