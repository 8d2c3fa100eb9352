//! `Ask` → the arguments of `vllm serve`, behind the model's folder.

use serde_json::json;

use super::{Vllm, disk, kinds, memory, pool};
use crate::contract::{
    Adapter, Ask, Binary, Bytes, Engine, Flag, Order, Refusal, Speculation, SpeculationMethod, Task,
};
use crate::manifest::expand::{self, Values};
use crate::ranks::Ranks;

/// Where the server runs, which decides how files and devices are called there.
pub(super) struct Site<'a> {
    pub binary: &'a Binary,
    pub host: &'a str,
    pub host_why: &'a str,
    pub draft: Option<String>,
    pub adapters: Vec<String>,
    /// Folder for blocks of prompts.
    pub disk: &'a str,
    /// Lasting names of the devices; none where the program sees no others.
    pub devices: Option<String>,
}

pub(super) fn of(engine: &Vllm, order: &Order<'_>, site: &Site<'_>) -> Result<Vec<Flag>, Refusal> {
    let (ask, model) = (order.ask, order.model);
    let ranks = Ranks::of(ask);
    let unable = |why: String| Refusal::Unable { engine: engine.manifest().id.clone(), why };
    if let Some(why) = ranks.indivisible(model) {
        return Err(unable(why));
    }
    if let Some(why) = kinds::unable(model, ask) {
        return Err(unable(why));
    }
    let layers = model.layers().ok_or_else(|| unable("what its layers keep is unknown".into()))?;
    let pool = pool::of(model, layers, ask, &ranks)
        .ok_or_else(|| unable("what the draft's layers keep is unknown".into()))?;
    if let Some(why) = disk::unable(layers, ask) {
        return Err(unable(why));
    }
    let rank = match memory::adapter_rank(ask) {
        None if !ask.adapters.is_empty() => {
            return Err(unable("it makes room for LoRA ranks up to 512".into()));
        }
        rank => rank.unwrap_or(0),
    };

    let mut values = Values::default();
    values.set("host", site.host);
    values.set("host_why", site.host_why);
    values.set("port", order.port);
    values.set("id", &ask.id);
    values.set("context", ask.context_size);
    values.set("parallel", ask.parallel);
    values.set("chunk", pool::chunk(ask));
    values.set("pool", pool.bytes().0);
    values.set("cache_type", kinds::of(ask).map_or("auto", |kinds| kinds.name));
    values.set("ranks", ranks.count());
    values.set("offload", gib(ask.prompt_cache));
    values.set("adapters", ask.adapters.len());
    values.set("adapter_rank", rank);
    let utilization = utilization(order, &ranks, pool.bytes());
    values.hold("on_device", utilization.is_some());
    values.set("utilization", utilization.unwrap_or_default());
    values.hold("on_host", ask.placement.on_host());
    values.hold("named_devices", site.devices.is_some());
    values.set("devices", site.devices.clone().unwrap_or_default());
    values.hold("several_devices", ranks.count() > 1);
    values.hold("prompt_cache", ask.prompt_cache > Bytes::ZERO);
    values.hold("disk_cache", ask.disk_cache > Bytes::ZERO);
    values.set("transfer", disk::connector(ask, &ranks, &pool, site.disk));
    values.hold("adapters", !ask.adapters.is_empty());
    values.hold("embedding", ask.task == Task::Embedding);
    values.hold("generation", ask.task != Task::Embedding);
    if let Some(speculation) = &ask.speculation {
        values.set("speculation", speculation_json(speculation, site).map_err(unable)?);
        values.hold("speculation", true);
    }
    let mut flags = expand::flags(engine.manifest(), site.binary, &values, &ask.runtime_flags)?;
    flags.extend(modules(ask, site));
    Ok(flags)
}

/// With the pool given in bytes this is only what must be free at the start: weights and pool, rounded down.
fn utilization(order: &Order<'_>, ranks: &Ranks, pool: Bytes) -> Option<String> {
    let least = ranks
        .devices()
        .map(|device| order.host.accelerators.get(device)?.memory.total)
        .min_by_key(|total| *total)??;
    let weights = ranks.weights(order.model, Bytes::ZERO).first()?.bytes?;
    let hundredths = ((weights + pool).0.saturating_mul(100) / least.0.max(1)).clamp(1, 100);
    Some(format!("{}.{:02}", hundredths / 100, hundredths % 100))
}

/// A number of GiB without an exponent, rounded down.
fn gib(bytes: Bytes) -> String {
    let hundredths = bytes.0.saturating_mul(100) / Bytes::GIB;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn speculation_json(speculation: &Speculation, site: &Site<'_>) -> Result<String, String> {
    let tokens = speculation.max_tokens;
    let draft = || site.draft.clone().ok_or_else(|| "no draft model is given".to_owned());
    let value = match speculation.method {
        SpeculationMethod::Draft => {
            json!({"method": "draft_model", "model": draft()?, "num_speculative_tokens": tokens})
        }
        SpeculationMethod::Dflash => {
            json!({"method": "dflash", "model": draft()?, "num_speculative_tokens": tokens})
        }
        SpeculationMethod::Mtp => json!({"method": "mtp", "num_speculative_tokens": tokens}),
        SpeculationMethod::Ngram => json!({"method": "ngram", "num_speculative_tokens": tokens}),
    };
    Ok(value.to_string())
}

/// One flag with a word for each adapter, which a rule of the manifest can't say.
fn modules(ask: &Ask, site: &Site<'_>) -> Option<Flag> {
    if ask.adapters.is_empty() {
        return None;
    }
    let module = |(adapter, path): (&Adapter, &String)| format!("{}={path}", adapter.name);
    let mut words = vec!["--lora-modules".to_owned()];
    words.extend(ask.adapters.iter().zip(&site.adapters).map(module));
    Some(Flag { words, why: "each is a model name that clients can ask for".into() })
}
