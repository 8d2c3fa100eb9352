//! A Modelfile, the variables that Ollama is configured by, and a script that starts it with both.

use std::fmt::Write as _;
use std::path::Path;

use crate::contract::{Ask, Backend, DeployFile, Deployment, Order, Refusal, Task};
use crate::manifest::Manifest;
use crate::quote;

/// Of llama.cpp's adapter: so many are in its sum.
const CHECKPOINTS: u64 = 1;

pub(super) fn files(manifest: &Manifest, order: &Order<'_>) -> Result<Deployment, Refusal> {
    check(manifest, order)?;
    let model_name = name(&order.ask.id);
    let mut notes = vec![
        "start.sh imports the model into Ollama's own store, a copy beside the file".to_owned(),
        "LLAMA_ARG_* reach the llama-server that Ollama starts; Ollama's documents don't speak of all of them"
            .to_owned(),
    ];
    if model_name != order.ask.id {
        notes.push(format!("Ollama knows the model as {model_name}"));
    }
    let modelfile = modelfile(order)?;
    let env = environment(order, &mut notes);
    Ok(Deployment {
        files: vec![
            DeployFile::new("Modelfile", modelfile),
            DeployFile::new("ollama.env", env),
            DeployFile::script("start.sh", script(order, &model_name)),
        ],
        notes,
        asked_as: model_name,
    })
}

/// What Ollama has no setting for is refused: the files would not give what was planned.
fn check(manifest: &Manifest, order: &Order<'_>) -> Result<(), Refusal> {
    let unable = |why: String| Refusal::Unable { engine: manifest.id.clone(), why };
    manifest
        .admits(order.model, order.ask, order.host, backend(order.ask))
        .map_err(|obstacle| unable(obstacle.to_string()))?;
    match order.ask.runtime_flags.is_empty() {
        true => Ok(()),
        false => Err(unable("it takes no arguments for a model; leave out runtime_flags".into())),
    }
}

fn backend(ask: &Ask) -> Backend {
    let share = ask.placement.shares.iter().find(|share| share.layers > 0);
    share.map_or(Backend::Cpu, |share| share.backend)
}

fn modelfile(order: &Order<'_>) -> Result<String, Refusal> {
    let (ask, files) = (order.ask, order.files);
    let mut text = String::new();
    let mut line = |instruction: &str, value: &str| {
        let _ = writeln!(text, "{instruction} {value}");
    };
    line("FROM", &path(&files.weights)?);
    if let Some(projector) = &files.projector {
        line("FROM", &path(projector)?);
    }
    if let Some(draft) = &files.draft {
        line("DRAFT", &path(draft)?);
    }
    let mut parameter = |name: &str, value: u64| line("PARAMETER", &format!("{name} {value}"));
    parameter("num_ctx", ask.context_size);
    parameter("num_batch", batch(ask));
    parameter("num_thread", u64::from(ask.threads));
    parameter("num_gpu", layers(order));
    let guesses = ask.speculation.as_ref().map_or(0, |speculation| u64::from(speculation.max_tokens));
    // Prediction layers are used unless this is 0.
    parameter("draft_num_predict", guesses);
    // Mapped weights would stay resident beside their repacked copies.
    line("PARAMETER", "use_mmap false");
    Ok(text)
}

/// Tokens that are computed at once; an embedding's whole input goes through in one batch.
fn batch(ask: &Ask) -> u64 {
    match ask.task {
        Task::Embedding => ask.context_size.max(ask.prefill_chunk),
        Task::Chat | Task::Code | Task::Reasoning => ask.prefill_chunk.min(ask.context_size),
    }
}

/// As llama-server counts: prediction layers and the output stand behind the layers.
fn layers(order: &Order<'_>) -> u64 {
    match order.ask.placement.device_layers() {
        0 => 0,
        layers => u64::from(layers).saturating_add(order.model.prediction_layers).saturating_add(1),
    }
}

fn environment(order: &Order<'_>, notes: &mut Vec<String>) -> String {
    let ask = order.ask;
    let mut lines: Vec<(&str, String, &str)> = vec![
        ("OLLAMA_HOST", format!("127.0.0.1:{}", order.port), "loopback only: Ollama checks no key"),
        (
            "OLLAMA_NUM_PARALLEL",
            ask.parallel.to_string(),
            "requests served at once, each with its own context",
        ),
        ("OLLAMA_CONTEXT_LENGTH", ask.context_size.to_string(), "for requests that name no num_ctx"),
        ("OLLAMA_MAX_LOADED_MODELS", "1".into(), "only what was summed"),
        ("OLLAMA_KEEP_ALIVE", "-1".into(), "it stays loaded"),
        ("OLLAMA_NO_CLOUD", "1".into(), "no models and no searches elsewhere"),
        ("OLLAMA_KV_CACHE_TYPE", ask.key_type.name().into(), "as summed, for keys and values"),
        (
            "LLAMA_ARG_CACHE_RAM",
            (ask.prompt_cache.0 >> 20).to_string(),
            "MiB for parked prompts; else up to 8 GiB",
        ),
        ("LLAMA_ARG_CTX_CHECKPOINTS", CHECKPOINTS.to_string(), "for each request served at once, as summed"),
        ("LLAMA_ARG_FIT", "off".into(), "the engine may not shrink what was summed"),
    ];
    if ask.value_type.is_quantized() {
        lines.push(("OLLAMA_FLASH_ATTENTION", "1".into(), "a quantized cache needs it"));
    }
    match ask.placement.shares.iter().find(|share| share.layers > 0) {
        None => lines.push(("LLAMA_ARG_DEVICE", "none".into(), "placed in host memory, as summed")),
        Some(share) => {
            let device = order.host.accelerators.get(share.device);
            match (share.backend, device.and_then(|device| device.uuid.clone())) {
                (Backend::Cuda, Some(uuid)) => {
                    lines.push(("CUDA_VISIBLE_DEVICES", uuid, "the device of the plan, and no other"));
                }
                _ if order.host.accelerators.len() > 1 => {
                    notes.push(format!(
                        "Ollama chooses the device by itself: hide all but accelerator {} from it",
                        share.device
                    ));
                }
                _ => {}
            }
        }
    }
    lines.iter().map(|(name, value, why)| format!("# {why}\n{name}={}\n", quote::shell(value))).collect()
}

fn script(order: &Order<'_>, model: &str) -> String {
    let program = order.binary.map_or("ollama".into(), |binary| binary.program.display().to_string());
    let (program, model) = (quote::shell(&program), quote::shell(model));
    format!(
        "#!/bin/sh\n\
         # Starts Ollama as planned and loads the model; Ctrl-C ends both.\n\
         set -eu\n\
         cd \"$(dirname \"$0\")\"\n\
         for name in $(env | sed -n -E 's/^((OLLAMA_|LLAMA_|GGML_)[A-Za-z0-9_]*)=.*/\\1/p'); do\n  \
           [ \"$name\" = OLLAMA_MODELS ] || unset \"$name\"\n\
         done\n\
         set -a\n\
         . ./ollama.env\n\
         set +a\n\n\
         {program} serve &\n\
         server=$!\n\
         trap 'kill \"$server\" 2>/dev/null' EXIT\n\
         trap 'exit 130' INT TERM\n\
         tries=0\n\
         until {program} list >/dev/null 2>&1; do\n  \
           tries=$((tries + 1))\n  \
           [ \"$tries\" -lt 150 ] && kill -0 \"$server\" || {{ echo 'Ollama does not answer' >&2; exit 1; }}\n  \
           sleep 0.2\n\
         done\n\
         {program} create {model} -f Modelfile\n\
         {load}\
         wait \"$server\"\n",
        load = match order.ask.task {
            Task::Embedding => String::new(),
            // An empty prompt loads the model and answers nothing.
            Task::Chat | Task::Code | Task::Reasoning => format!("{program} run {model} ''\n"),
        }
    )
}

/// The rest of a Modelfile's line; it is read up to the line's end, and a quote at its beginning has a meaning.
fn path(path: &Path) -> Result<String, Refusal> {
    let text = path.display().to_string();
    let is_readable =
        !text.starts_with(['"', ' ']) && !text.ends_with(' ') && !text.contains(char::is_control);
    match is_readable {
        true => Ok(text),
        false => Err(Refusal::Unable {
            engine: "ollama".into(),
            why: format!("a Modelfile can't name the file {text:?}; rename it"),
        }),
    }
}

/// Letters, digits, `_`, `-` and `.`, and none of the last two in front (types/model/name.go).
fn name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '-' };
    let name: String = id.chars().map(plain).collect();
    let name = name.trim_start_matches(['-', '.']);
    if name.is_empty() { "model".to_owned() } else { name.to_owned() }
}
