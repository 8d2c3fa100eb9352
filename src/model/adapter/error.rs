//! Why an adapter can't be used, and what to do about it. Names come from a file, so they are shown escaped.

use std::io;
use std::path::PathBuf;

use crate::model::gguf::GgufError;
use crate::model::safetensors::SafetensorsError;
use edgeorch_engines::listed;

/// Targets that an error lists.
const MOST_LISTED: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    #[error("read the adapter: failed to")]
    Gguf(#[from] GgufError),
    #[error("read the adapter: failed to")]
    Safetensors(#[from] SafetensorsError),
    #[error("read {}; give the folder of a LoRA adapter", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("use the file as an adapter: its {key} is {}, not \"{expected}\"; give a LoRA adapter", text_of(.found))]
    Kind { key: &'static str, expected: &'static str, found: Option<String> },
    #[error("use adapter.lora.alpha: it must be a finite number, as f32; convert the adapter again")]
    Alpha,
    #[error("read adapter_config.json: it is not what PEFT writes; give the folder of a LoRA adapter")]
    Config {
        #[source]
        source: serde_json::Error,
    },
    #[error("use an adapter of PEFT type {0:?}; only LORA can be loaded")]
    PeftType(String),
    #[error(
        "use an adapter with {0}, which engines can't add to a model while it runs; merge it into the model instead"
    )]
    Variant(&'static str),
    #[error("place the tensor {tensor:?}: it is no half of a pair (lora_a, lora_b); give a LoRA adapter")]
    Stranger { tensor: String },
    #[error("pair the halves of {target:?}: one of them is missing; convert the adapter again")]
    Half { target: String },
    #[error("pair the halves of {target:?}: A has rank {a} and B has {b}; convert the adapter again")]
    Torn { target: String, a: u64, b: u64 },
    #[error("find anything that the adapter changes: it holds no pair; convert it again")]
    Empty,
    #[error(
        "use an adapter of ranks {least} to {most}: only one rank for all its pairs is planned for; train it with one (no rank_pattern)"
    )]
    MixedRanks { least: u64, most: u64 },
    #[error(
        "use an adapter of rank {asked}, as adapter_config.json says, whose matrices have rank {found}; one of them belongs to another adapter"
    )]
    OtherRank { asked: u64, found: u64 },
    #[error("use an adapter for {adapter:?} with a model of {base:?}; give the model that it was trained on")]
    Architecture { adapter: String, base: String },
    #[error("use a PEFT adapter with a GGUF model; convert it with convert_lora_to_gguf.py")]
    NotConverted,
    #[error("use a GGUF adapter with a model of safetensors; give the PEFT folder that it was made of")]
    Converted,
    #[error("find what the adapter changes: the model has no {}; give the model that it was trained on", list(.targets))]
    Missing { targets: Vec<String> },
    #[error(
        "change {target:?}: the adapter's is {adapter_in} × {adapter_out} and the model's {base_in} × {base_out}; give the model that it was trained on"
    )]
    Shape { target: String, adapter_in: u64, adapter_out: u64, base_in: u64, base_out: u64 },
}

fn text_of(found: &Option<String>) -> String {
    found.as_ref().map_or_else(|| "missing".to_owned(), |text| format!("{text:?}"))
}

fn list(targets: &[String]) -> String {
    let quoted: Vec<String> = targets.iter().map(|target| format!("{target:?}")).collect();
    listed(&quoted, MOST_LISTED)
}
