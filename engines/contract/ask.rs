//! What is asked of an engine: the profile's wishes for one model, resolved.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Bytes;

/// One model to be served. All numbers are final: nothing is left for the engine to choose by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The id that clients ask for.
    pub id: String,
    pub task: Task,
    /// Tokens that one request may use, prompt and answer together.
    pub context_size: u64,
    /// Requests served at once; each has `context_size` tokens of its own.
    pub parallel: u32,
    pub key_type: KvType,
    pub value_type: KvType,
    pub threads: u32,
    /// Extra arguments from the profile, after the generated ones.
    pub runtime_flags: Vec<String>,
}

impl Ask {
    /// Tokens over all slots.
    pub fn total_context(&self) -> u64 {
        self.context_size.saturating_mul(u64::from(self.parallel))
    }
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

/// The type of the key-value cache, by llama.cpp's names for them (they are the field's).
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
}

impl KvType {
    /// (elements per block, bytes per block); ggml block sizes, facts of gguf-py/gguf/constants.py.
    pub fn block(self) -> (u64, u64) {
        match self {
            KvType::F32 => (1, 4),
            KvType::F16 | KvType::Bf16 => (1, 2),
            KvType::Q8_0 => (32, 34),
            KvType::Q5_1 => (32, 24),
            KvType::Q5_0 => (32, 22),
            KvType::Q4_1 => (32, 20),
            KvType::Q4_0 => (32, 18),
        }
    }

    /// Bytes of `elements`, rounded up to whole blocks.
    pub fn bytes(self, elements: u64) -> Bytes {
        let (per_block, block_bytes) = self.block();
        Bytes(elements.div_ceil(per_block).saturating_mul(block_bytes))
    }

    pub fn is_quantized(self) -> bool {
        self.block().0 > 1
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
        }
    }
}
