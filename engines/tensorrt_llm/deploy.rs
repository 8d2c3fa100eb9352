//! Files that run TensorRT-LLM without edgeorch: its YAML, a start script, and a compose file for NVIDIA's image.

use std::path::Path;

use serde_json::{Value, json};

use super::{TensorRtLlm, memory};
use crate::contract::{
    Ask, Binary, Bytes, DeployFile, Deployment, Engine, Flag, Order, Refusal, SpeculationMethod,
};
use crate::manifest::expand::{self, Values};
use crate::ranks::Ranks;
use crate::script;

/// The options of the newest build whose source was read, for a machine on which there is none.
pub(super) const NEWEST: &str = include_str!("help/1.3.txt");
/// The newest release that is no candidate.
const IMAGE: &str = "nvcr.io/nvidia/tensorrt-llm/release:1.2.1";
const CONFIG: &str = "trtllm.yaml";

pub(super) fn files(engine: &TensorRtLlm, order: &Order<'_>) -> Result<Deployment, Refusal> {
    let unable = |why: String| Refusal::Unable { engine: engine.manifest().id.clone(), why };
    if order.ask.placement.on_host() {
        return Err(unable("it runs on NVIDIA GPUs only".into()));
    }
    let ranks = Ranks::of(order.ask);
    let pool = memory::pool(order.model, order.ask, &ranks).map_err(unable)?;
    let draft = order.files.draft.as_deref().map(text);
    let config = config(order.ask, &ranks, pool, draft.as_deref()).map_err(unable)?;
    let weights = text(&order.files.weights);
    let flags = flags(engine, order, "127.0.0.1", CONFIG)?;
    let program = order.binary.map_or(engine.manifest().program.clone(), |binary| text(&binary.program));
    let about = format!("TensorRT-LLM serves {}; start it in this folder", order.ask.id);
    let start = script::exec(&about, engine.manifest(), None, &[&program, "serve", &weights], &flags);
    let mut files = vec![DeployFile::new(CONFIG, config), DeployFile::script("trtllm.sh", start)];
    let mut notes = vec![
        "Written after TensorRT-LLM's source and never run here: it needs an NVIDIA GPU.".to_owned(),
        "It checks no key: keep its port on loopback, behind a gateway.".to_owned(),
        "Its health stays good when it hangs: ask for a token.".to_owned(),
    ];
    if order.ask.disk_cache > Bytes::ZERO {
        notes.push(format!(
            "Up to {} of prompts are written to the folder where it is started. What was asked can be told from it: keep \
             it where nobody else reads. It needs a build with kv_cache_config.disk_cache_size (pull request 14845, in \
             the candidates of 1.3); there is no compose file, for {IMAGE} has none.",
            order.ask.disk_cache
        ));
    } else {
        files.push(DeployFile::new("compose.yaml", compose(engine, order, &ranks)?));
    }
    // It names the model after its folder.
    let folder = order.files.weights.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Deployment { files, notes, asked_as: folder.unwrap_or_default() })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn flags(engine: &TensorRtLlm, order: &Order<'_>, host: &str, config: &str) -> Result<Vec<Flag>, Refusal> {
    let known = Binary {
        program: "trtllm-serve".into(),
        help: NEWEST.into(),
        version: None,
        library_path: None,
        devices: Vec::new(),
    };
    let ranks = Ranks::of(order.ask);
    let mut values = Values::default();
    values.set("host", host);
    values.set(
        "host_why",
        if host == "127.0.0.1" { "loopback only: it checks no key" } else { "within the container" },
    );
    values.set("port", order.port);
    values.set("context", order.ask.context_size);
    values.set("parallel", order.ask.parallel);
    values.set("chunk", order.ask.prefill_chunk.max(u64::from(order.ask.parallel)));
    values.set("ranks", ranks.count());
    values.set("config", config);
    values.hold("several_devices", ranks.count() > 1);
    // A container has a build of its own, whatever is installed here.
    let binary = order.binary.filter(|_| config == CONFIG).unwrap_or(&known);
    expand::flags(engine.manifest(), binary, &values, &order.ask.runtime_flags)
}

/// What `--config` reads.
fn config(ask: &Ask, ranks: &Ranks, pool: Bytes, draft: Option<&str>) -> Result<String, String> {
    let mut cache = json!({
        "enable_block_reuse": true,
        "max_tokens": memory::tokens(ask),
        "max_gpu_total_bytes": pool.0,
        "dtype": memory::data_type(ask).unwrap_or("auto"),
    });
    if ask.prompt_cache > Bytes::ZERO {
        cache["host_cache_size"] = json!(memory::share(ask.prompt_cache, ranks).0);
    }
    if ask.disk_cache > Bytes::ZERO {
        // The only one that has a tier on the disk; left to itself it also takes host memory.
        cache["use_kv_cache_manager_v2"] = json!(true);
        cache["host_cache_size"] = json!(memory::share(ask.prompt_cache, ranks).0);
        cache["disk_cache_size"] = json!(memory::share(ask.disk_cache, ranks).0);
        // It must be there already: the folder of these files is.
        cache["disk_cache_path"] = json!(".");
    }
    let mut config = json!({
        "kv_cache_config": cache,
        "cuda_graph_config": {"enable_padding": true, "max_batch_size": ask.parallel},
    });
    if let Some(speculation) = &ask.speculation {
        let tokens = speculation.max_tokens;
        let draft = || draft.ok_or_else(|| "no draft model is given".to_owned());
        config["speculative_config"] = match speculation.method {
            SpeculationMethod::Draft => {
                json!({"decoding_type": "DraftTarget", "max_draft_len": tokens, "speculative_model_dir": draft()?})
            }
            SpeculationMethod::Dflash => {
                json!({"decoding_type": "DFlash", "max_draft_len": tokens, "speculative_model_dir": draft()?})
            }
            SpeculationMethod::Mtp => {
                // Both must be the same.
                json!({"decoding_type": "MTP", "max_draft_len": tokens, "num_nextn_predict_layers": tokens})
            }
            SpeculationMethod::Ngram => json!({"decoding_type": "NGram", "max_draft_len": tokens}),
        };
        // These two draft outside of the model, one step behind it.
        let outside = matches!(speculation.method, SpeculationMethod::Draft | SpeculationMethod::Ngram);
        if outside {
            config["disable_overlap_scheduler"] = Value::Bool(true);
        }
    }
    Ok(script::yaml(&config))
}

fn compose(engine: &TensorRtLlm, order: &Order<'_>, ranks: &Ranks) -> Result<String, Refusal> {
    let bind = |source: String, target: &str| json!({"type": "bind", "source": source, "target": target, "read_only": true});
    let mut mounts = vec![
        bind(text(&order.files.weights), "/models/model"),
        bind(format!("./{CONFIG}"), &format!("/etc/{CONFIG}")),
    ];
    // The file names the draft where it lies here.
    mounts.extend(order.files.draft.as_deref().map(|path| bind(text(path), &text(path))));
    let flags = flags(engine, order, "0.0.0.0", &format!("/etc/{CONFIG}"))?;
    let words = flags.into_iter().flat_map(|flag| flag.words);
    let command: Vec<String> =
        ["trtllm-serve", "serve", "/models/model"].map(str::to_owned).into_iter().chain(words).collect();
    let accelerators = &order.host.accelerators;
    let named = ranks.devices().map(|device| {
        let accelerator = accelerators.get(device)?;
        accelerator.uuid.clone().or_else(|| accelerator.index.map(|index| index.to_string()))
    });
    let mut device = json!({"driver": "nvidia", "capabilities": ["gpu"]});
    match named.collect::<Option<Vec<String>>>() {
        Some(ids) => device["device_ids"] = json!(ids),
        None => device["count"] = json!(ranks.count()),
    }
    let file = json!({"services": {"tensorrt-llm": {
        "image": IMAGE,
        "command": command,
        "environment": engine.manifest().env,
        "ports": [format!("127.0.0.1:{0}:{0}", order.port)],
        "volumes": mounts,
        "deploy": {"resources": {"reservations": {"devices": [device]}}},
        "security_opt": ["no-new-privileges:true"],
        // As NVIDIA's instructions have it: ranks share memory, pinned.
        "ipc": "host",
        "ulimits": {"memlock": -1, "stack": 67_108_864},
        "restart": "unless-stopped",
    }}});
    Ok(script::compose(&file))
}
