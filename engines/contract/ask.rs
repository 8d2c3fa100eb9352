//! What is asked of an engine: the profile's wishes for one model, resolved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bytes, Model, Placement};

/// One model to be served. All numbers are final: nothing is left for the engine to choose by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The id that clients ask for.
    pub id: String,
    pub task: Task,
    /// Tokens that one request may use, prompt and answer together.
    pub context_size: u64,
    /// Requests served at once.
    pub parallel: u32,
    #[serde(default)]
    pub layout: Layout,
    pub key_type: KvType,
    pub value_type: KvType,
    /// Prompt tokens that are computed at once (chunked prefill); compute buffers grow with it.
    #[serde(default = "Ask::prefill_chunk")]
    pub prefill_chunk: u64,
    pub threads: u32,
    #[serde(default)]
    pub placement: Placement,
    /// Host memory in which the engine may park prompts of idle requests, for reuse.
    #[serde(default)]
    pub prompt_cache: Bytes,
    /// What the engine may write to the disk of them, for reuse.
    #[serde(default)]
    pub disk_cache: Bytes,
    /// Weights in host memory stay a mapped file, of which pages come and go, instead of being read into memory.
    #[serde(default)]
    pub mapped: bool,
    #[serde(default)]
    pub speculation: Option<Speculation>,
    #[serde(default)]
    pub adapters: Vec<Adapter>,
    #[serde(default)]
    pub projector: Option<Projector>,
    /// Extra arguments from the profile, after the generated ones.
    pub runtime_flags: Vec<String>,
}

impl Ask {
    /// llama.cpp's default (`--ubatch-size`), at which its figures are published.
    pub const PREFILL_CHUNK: u64 = 512;

    /// One request at a time, all in host memory, nothing extra.
    pub fn new(id: &str, task: Task, context_size: u64) -> Ask {
        Ask {
            id: id.to_owned(),
            task,
            context_size,
            parallel: 1,
            layout: Layout::PerSlot,
            key_type: KvType::F16,
            value_type: KvType::F16,
            prefill_chunk: Ask::PREFILL_CHUNK,
            threads: 1,
            placement: Placement::default(),
            prompt_cache: Bytes::ZERO,
            disk_cache: Bytes::ZERO,
            mapped: false,
            speculation: None,
            adapters: Vec::new(),
            projector: None,
            runtime_flags: Vec::new(),
        }
    }

    fn prefill_chunk() -> u64 {
        Ask::PREFILL_CHUNK
    }

    /// Tokens over all slots.
    pub fn total_context(&self) -> u64 {
        self.context_size.saturating_mul(u64::from(self.parallel))
    }
}

/// How much a model may lose by quantization.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Fidelity {
    /// Weights of 3 bits or more; the fastest of what is left.
    Fast,
    /// Weights of 4 bits or more.
    #[default]
    Balanced,
    /// Weights of 8 bits or more, and a cache of 8 bits or more whose loss is known.
    High,
}

impl Fidelity {
    pub fn name(self) -> &'static str {
        match self {
            Fidelity::Fast => "fast",
            Fidelity::Balanced => "balanced",
            Fidelity::High => "high",
        }
    }
}

/// How requests that are served at once share the key-value cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Each has `context_size` tokens of its own.
    #[default]
    PerSlot,
    /// One pool of `context_size` × `parallel` tokens, of which one request may use all.
    Unified,
}

/// Guessing tokens ahead and checking several in one step. It changes speed, never the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speculation {
    pub method: SpeculationMethod,
    /// Tokens guessed in one step.
    pub max_tokens: u32,
    /// The model that guesses, for the methods that have one of their own.
    #[serde(default)]
    pub draft: Option<Box<Model>>,
}

/// Who guesses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpeculationMethod {
    /// A smaller model of the same vocabulary.
    #[default]
    Draft,
    /// The model's own prediction layers.
    Mtp,
    /// What stood in the text before: no weights.
    Ngram,
    /// A block-diffusion draft made for this model.
    Dflash,
}

/// A LoRA adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Adapter {
    pub name: String,
    /// The architecture of the model that it was made for, where it says so.
    pub architecture: Option<String>,
    pub rank: u64,
    pub alpha: Option<f64>,
    /// Tensors that it changes, such as `blk.0.attn_q`.
    pub targets: Vec<String>,
    pub bytes: Bytes,
}

/// What turns images or sound into embeddings (mmproj).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Projector {
    pub bytes: Bytes,
    pub vision: bool,
    pub audio: bool,
    /// Patches of the largest image along one side, squared: tokens before merging.
    pub patches: Option<u64>,
    /// Width and feed-forward width of its layers.
    pub embedding_length: Option<u64>,
    pub feed_forward_length: Option<u64>,
    pub head_count: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    #[default]
    Chat,
    Code,
    Reasoning,
    Embedding,
}

/// The type of the key-value cache: by llama.cpp's names for them where it has them (they are the field's), and by those of
/// the engines that have the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KvType {
    F32,
    #[default]
    F16,
    Bf16,
    Q8_0,
    Q5_1,
    Q5_0,
    Q4_1,
    Q4_0,
    // E4M3: 3 bits of mantissa, and one scale for all keys or values of a layer.
    Fp8,
    // E5M2: 2 bits of mantissa, the range of 16-bit floats, and no scale.
    #[serde(rename = "fp8_e5m2")]
    Fp8E5m2,
    // TurboQuant: rotated, so many bits for a value.
    Turbo4,
    Turbo3,
}

impl KvType {
    /// (elements per block, bytes per block); ggml block sizes, facts of gguf-py/gguf/constants.py. TurboQuant's block is a
    /// head's vector with what scales it, here of 128 values with two numbers of 16 bits; an engine that has it counts
    /// by its own head size.
    pub fn block(self) -> (u64, u64) {
        match self {
            KvType::F32 => (1, 4),
            KvType::F16 | KvType::Bf16 => (1, 2),
            KvType::Q8_0 => (32, 34),
            KvType::Q5_1 => (32, 24),
            KvType::Q5_0 => (32, 22),
            KvType::Q4_1 => (32, 20),
            KvType::Q4_0 => (32, 18),
            KvType::Fp8 | KvType::Fp8E5m2 => (1, 1),
            KvType::Turbo4 => (128, 68),
            KvType::Turbo3 => (128, 52),
        }
    }

    /// Bytes of `elements`, rounded up to whole blocks.
    pub fn bytes(self, elements: u64) -> Bytes {
        let (per_block, block_bytes) = self.block();
        Bytes(elements.div_ceil(per_block).saturating_mul(block_bytes))
    }

    /// Whether a value takes less than 16 bits.
    pub fn is_quantized(self) -> bool {
        let (elements, bytes) = self.block();
        bytes < elements * 2
    }

    pub fn name(self) -> &'static str {
        match self {
            KvType::F32 => "f32",
            KvType::F16 => "f16",
            KvType::Bf16 => "bf16",
            KvType::Q8_0 => "q8_0",
            KvType::Q5_1 => "q5_1",
            KvType::Q5_0 => "q5_0",
            KvType::Q4_1 => "q4_1",
            KvType::Q4_0 => "q4_0",
            KvType::Fp8 => "fp8",
            KvType::Fp8E5m2 => "fp8_e5m2",
            KvType::Turbo4 => "turbo4",
            KvType::Turbo3 => "turbo3",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_cache_are_called_as_profiles_write_them_and_take_what_they_say() {
        use KvType::{Bf16, F16, F32, Fp8, Fp8E5m2, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Turbo3, Turbo4};
        let bytes_of_128 = [
            (F32, 512),
            (F16, 256),
            (Bf16, 256),
            (Q8_0, 136),
            (Q5_1, 96),
            (Q5_0, 88),
            (Q4_1, 80),
            (Q4_0, 72),
            (Fp8, 128),
            (Fp8E5m2, 128),
            (Turbo4, 68),
            (Turbo3, 52),
        ];
        for (kind, bytes) in bytes_of_128 {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(kind.bytes(128), Bytes(bytes), "{}", kind.name());
            assert_eq!(kind.is_quantized(), bytes < 256, "{}", kind.name());
        }
    }
}
