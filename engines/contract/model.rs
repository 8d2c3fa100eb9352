//! Facts about a model file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Bytes;

/// What a model file's own header says. Nothing here is inferred from a file's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    pub path: PathBuf,
    pub file_bytes: Bytes,
    /// `general.architecture`, such as `llama` or `gemma3`.
    pub architecture: String,
    pub name: Option<String>,
    /// Elements over all tensors.
    pub parameters: u64,
    pub tensors: TensorBytes,
    /// The longest context that the model was trained for, in tokens.
    pub context_length: Option<u64>,
    pub embedding_length: Option<u64>,
    pub feed_forward_length: Option<u64>,
    /// For a mixture of experts; `None` where every token passes through the same weights.
    pub experts: Option<Experts>,
    /// Elements per token that run beside the embedding: per-layer inputs, parallel streams (Gemma 3n and 4).
    pub side_elements: u64,
    pub vocabulary: Option<u64>,
    /// Merge rules of the tokenizer; none in tokenizers of another kind.
    pub merges: u64,
    /// Attention heads of the queries.
    pub head_count: Option<u64>,
    /// Elements of one head's key, the largest of all layers.
    pub head_size: Option<u64>,
    pub attention: Attention,
    /// Whether the file carries a chat template of its own.
    pub chat_template: bool,
    /// Whether the file says how the vectors of a text's tokens become one, as embedding models do.
    #[serde(default)]
    pub pooling: bool,
}

/// What one token passes through in a mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Experts {
    /// Experts that one token uses.
    pub used: u64,
    /// Inner width of one expert.
    pub feed_forward_length: u64,
}

/// Exact bytes of the tensors, from their shapes and types.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TensorBytes {
    pub total: Bytes,
    /// Input embeddings: of these one row a token is read, and they stay in host memory.
    pub token_embedding: Bytes,
    /// The output projection; zero where it is tied to the input embeddings.
    pub output: Bytes,
    /// Bytes by tensor type (`Q4_1`, `F32`), so that the mix can be shown.
    pub by_type: BTreeMap<String, Bytes>,
}

/// How the model keeps what it has read, layer by layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Attention {
    /// Every layer's key and value rows are known.
    Layers { layers: Vec<Layer> },
    /// The architecture keeps its state in a way that this version can't add up.
    Unknown { reason: String },
}

/// One layer's key-value rows, in elements per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// Elements of K per token: head size × number of KV heads.
    pub key_elements: u64,
    /// Elements of V per token.
    pub value_elements: u64,
    /// Tokens that a sliding window keeps; `None` for full attention.
    pub window: Option<u64>,
}
