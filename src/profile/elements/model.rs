//! One entry of `models`: a model and how it is to be served.

use edgeorch_engines::{Fidelity, KvType, Layout, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Draft, EngineChoice, KvCache, Lora, ProjectorSpec, Size, Slo, SourceChoice, Variant, WorkloadSpec,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-not-built-in-yet" = ["keep_alive", "pinned", "preload", "runtime"]))]
pub struct ModelSpec {
    /// Where the weights come from: `auto` (the planner chooses from the catalogue), `hf:ORG/REPO[:QUANT]`,
    /// `pip:PACKAGE==VERSION#MEMBER`, `https://…#sha256=HEX` or `file:PATH`. A relative path is relative to the profile's
    /// folder.
    pub source: SourceChoice,
    /// What the model is for.
    #[serde(default)]
    #[schemars(extend("x-not-built-in-yet" = ["rerank", "vision", "speech"]))]
    pub task: Task,
    /// How much it may lose by quantization.
    #[serde(default)]
    pub fidelity: Fidelity,
    /// Quantizations to choose from, best first, where the source leaves the choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// Tokens that one request may use, prompt and answer together.
    #[serde(default = "default_context_size")]
    #[schemars(range(min = 128, max = 10_000_000))]
    pub context_size: u64,
    /// Requests served at once; each has `context_size` tokens of its own.
    #[serde(default = "default_parallel")]
    #[schemars(range(min = 1, max = 256))]
    pub parallel: u32,
    /// Whether requests served at once have their own part of the cache, or draw on one pool of which one may use all.
    #[serde(default)]
    pub layout: Layout,
    /// The engine that serves it, or `auto`.
    #[serde(default)]
    pub engine: EngineChoice,
    /// Where it may compute.
    #[serde(default)]
    pub devices: Devices,
    /// The types of the key-value cache; smaller types save memory and cost some quality. Without it, `f16`, and `q8_0`
    /// where only that fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "KvCache")]
    pub kv_cache: Option<KvCache>,
    /// Prompt tokens that are computed at once; memory for buffers grows with it.
    #[serde(default = "default_prefill_chunk")]
    #[schemars(range(min = 32, max = 65_536))]
    pub prefill_chunk: u64,
    /// Host memory in which prompts of idle requests are parked for reuse. Without it, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Size")]
    pub prompt_cache: Option<Size>,
    /// What may be written to the disk of prompts for reuse, up to this size; it counts against `budget.disk`. Without it,
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Size")]
    pub disk_cache: Option<Size>,
    /// Whether the weights are read into memory, or stay on the disk as a mapped file of which each token reads what
    /// memory has no room for again: a model that is larger than memory runs so, slowly.
    #[serde(default)]
    pub weights: WeightsIn,
    /// Guessing tokens ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Draft")]
    pub draft: Option<Draft>,
    /// LoRA adapters that are loaded with the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Lora")]
    pub lora: Option<Lora>,
    /// What turns images or sound into embeddings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ProjectorSpec")]
    pub projector: Option<ProjectorSpec>,
    /// What a usual request is like; plans are ranked by it. Without it, the task's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "WorkloadSpec")]
    pub workload: Option<WorkloadSpec>,
    /// What a plan must promise.
    #[serde(default)]
    pub slo: Slo,
    /// CPU threads of the engine. Without it, the cores that this process may use decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 1024))]
    pub threads: Option<u32>,
    /// Extra arguments for the engine, after the generated ones. Flags that would break supervision or privacy are
    /// refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runtime_flags: Vec<String>,
}

impl ModelSpec {
    /// The cache's types where the profile names them.
    pub fn cache_types(&self) -> Option<(KvType, KvType)> {
        self.kv_cache.map(|cache| (cache.key, cache.value))
    }
}

/// Where a model may compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Devices {
    /// Wherever it is fastest.
    #[default]
    Auto,
    /// On the processor alone.
    Cpu,
}

/// Where weights that no device holds are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum WeightsIn {
    /// All of them in memory.
    #[default]
    Memory,
    /// In the file, of which memory keeps what it has room for.
    Mapped,
}

fn default_prefill_chunk() -> u64 {
    edgeorch_engines::Ask::PREFILL_CHUNK
}

pub(in crate::profile) fn default_context_size() -> u64 {
    4096
}

fn default_parallel() -> u32 {
    1
}
