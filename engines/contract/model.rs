//! Facts about a model: what its own headers say, or what its published dimensions give.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Bytes;

/// Nothing here is inferred from a file's name. Where the files lie is not a fact about the model: see
/// [`Files`](super::Files).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    pub format: Format,
    pub basis: Basis,
    /// All files of it together.
    pub file_bytes: Bytes,
    /// By llama.cpp's names for them, such as `llama` or `gemma3`; of other formats the `model_type` of config.json.
    pub architecture: String,
    pub name: Option<String>,
    /// Elements over all tensors.
    pub parameters: u64,
    pub weights: Weights,
    /// The longest context that the model was trained for, in tokens.
    pub context_length: Option<u64>,
    pub embedding_length: Option<u64>,
    /// The widest feed-forward network of all layers.
    pub feed_forward_length: Option<u64>,
    /// For a mixture of experts; `None` where every token passes through the same weights.
    pub experts: Option<Experts>,
    /// Elements per token that run beside the embedding: per-layer inputs, parallel streams (Gemma 3n and 4).
    pub side_elements: u64,
    pub vocabulary: Option<u64>,
    /// Whether two models share it is what drafting for one another rests on.
    #[serde(default)]
    pub tokenizer: Option<Tokenizer>,
    /// Merge rules of the tokenizer; none in tokenizers of another kind.
    pub merges: u64,
    /// Attention heads of the queries.
    pub head_count: Option<u64>,
    /// Elements of one head's key, the largest of all layers.
    pub head_size: Option<u64>,
    pub state: State,
    /// Of sparse attention; its rows are those of the layers' `index`.
    #[serde(default)]
    pub chooser: Option<Chooser>,
    /// Layers behind the last that guess further tokens (MTP); they are in the files and off unless asked for.
    #[serde(default)]
    pub prediction_layers: u64,
    /// Whether the file carries a chat template of its own.
    pub chat_template: bool,
    /// Whether the file says how the vectors of a text's tokens become one, as embedding models do.
    #[serde(default)]
    pub pooling: bool,
}

impl Model {
    /// A model of which nothing else is known yet.
    pub fn bare(format: Format, architecture: &str) -> Model {
        Model {
            format,
            basis: Basis::Header,
            file_bytes: Bytes::ZERO,
            architecture: architecture.to_owned(),
            name: None,
            parameters: 0,
            weights: Weights::default(),
            context_length: None,
            embedding_length: None,
            feed_forward_length: None,
            experts: None,
            side_elements: 0,
            vocabulary: None,
            tokenizer: None,
            merges: 0,
            head_count: None,
            head_size: None,
            state: State::Known { layers: Vec::new() },
            chooser: None,
            prediction_layers: 0,
            chat_template: false,
            pooling: false,
        }
    }

    /// The layers' state, where it can be added up.
    pub fn layers(&self) -> Option<&[Layer]> {
        match &self.state {
            State::Known { layers } => Some(layers),
            State::Unknown { .. } => None,
        }
    }

    /// Bytes of the weights that one token passes through: one row of the input embeddings, all of the output
    /// projection, the experts that it uses. Bytes of tied embeddings are read as the output projection.
    pub fn read_per_token(&self) -> Bytes {
        let share = self.experts.as_ref().map_or(1.0, Experts::share);
        let experts: Bytes = self.weights.layers.iter().map(|layer| layer.experts).sum();
        let looked_up = self.weights.looked_up();
        self.weights.total.saturating_sub(looked_up).saturating_sub(experts) + experts.fraction(share)
    }
}

/// How the weights are stored, which decides what can read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    Gguf,
    /// A Hugging Face folder: config.json and safetensors.
    Safetensors,
    /// A Hugging Face folder in MLX's own quantization.
    Mlx,
    Exl2,
    Exl3,
}

impl Format {
    /// As engines' manifests write it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Gguf => "gguf",
            Format::Safetensors => "safetensors",
            Format::Mlx => "mlx",
            Format::Exl2 => "exl2",
            Format::Exl3 => "exl3",
        }
    }
}

/// How text becomes tokens, as far as two models have to agree on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokenizer {
    /// The algorithm, by its name in GGUF headers: `llama`, `gpt2`, `bert`.
    pub kind: String,
    /// The token that begins a text, and whether it is put there; `None` where the header leaves it to the engine.
    pub begin: Option<u64>,
    pub begins: Option<bool>,
    /// The token that ends a text, and whether it is put there.
    pub end: Option<u64>,
    pub ends: Option<bool>,
    /// A hash of the tokens' texts, in their order, but for the first five.
    pub texts: Option<u64>,
}

/// What the figures of a model rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Read in the headers of its files: bytes are exact.
    Header,
    /// Counted from published dimensions and the bits of a type: no file of it was seen.
    Dimensions,
}

/// What one token passes through in a mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Experts {
    /// Routed experts of a layer.
    pub count: u64,
    /// Those that one token uses.
    pub used: u64,
    /// Inner width of one expert.
    pub feed_forward_length: u64,
}

impl Experts {
    /// The share of the routed experts that one token reads.
    pub fn share(&self) -> f64 {
        if self.count == 0 { 1.0 } else { (self.used as f64 / self.count as f64).min(1.0) }
    }
}

/// Bytes of the tensors, from their shapes and types.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Weights {
    pub total: Bytes,
    /// Input embeddings: of these one row a token is read, and they stay in host memory.
    pub token_embedding: Bytes,
    /// Other embeddings of which one row a token is looked up: of positions, of token types, of each layer (Gemma 3n and
    /// 4); in host memory as well.
    #[serde(default)]
    pub layer_embeddings: Bytes,
    /// The output projection; zero where it is tied to the input embeddings.
    pub output: Bytes,
    /// The layers' own, first to last; prediction layers come last.
    #[serde(default)]
    pub layers: Vec<LayerWeights>,
    /// Bytes by tensor type (`Q4_1`, `F32`), so that the mix can be shown.
    pub by_type: BTreeMap<String, Bytes>,
}

impl Weights {
    /// Bytes of which only rows are looked up.
    pub fn looked_up(&self) -> Bytes {
        // Tied embeddings are multiplied with as a whole, at the output.
        let input = if self.output == Bytes::ZERO { Bytes::ZERO } else { self.token_embedding };
        input + self.layer_embeddings
    }

    /// What belongs to no layer and is none of the embeddings and projections named: norms, ropes, towers.
    pub fn rest(&self) -> Bytes {
        let layers: Bytes = self.layers.iter().map(LayerWeights::total).sum();
        let named = self.token_embedding + self.layer_embeddings + self.output + layers;
        self.total.saturating_sub(named)
    }
}

/// One layer's weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayerWeights {
    /// All but the routed experts: attention, norms, dense and shared feed-forward.
    pub dense: Bytes,
    /// Routed experts, of which a token uses few.
    pub experts: Bytes,
}

impl LayerWeights {
    pub fn total(&self) -> Bytes {
        self.dense + self.experts
    }
}

/// How the model keeps what it has read, layer by layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum State {
    /// What every layer keeps is known; prediction layers are among them only where they keep rows unasked.
    Known { layers: Vec<Layer> },
    /// The architecture keeps its state in a way that this version can't add up.
    Unknown {
        reason: String,
        /// What it would keep with plain attention in every layer: for most ways of saving memory, the most.
        at_most: Option<Vec<Layer>>,
    },
}

/// What one layer keeps. A layer can keep rows and a state (Falcon-H1), or nothing (encoders, feed-forward layers).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Layer {
    /// Keys and values of each token.
    pub rows: Option<Rows>,
    /// Rows of another kind beside them, over the whole context.
    #[serde(default)]
    pub index: Option<Index>,
    /// A state of one size, whatever the context.
    #[serde(default)]
    pub recurrent: Option<Recurrent>,
}

impl Layer {
    /// Attention that keeps so many elements of K and V per token.
    pub fn attention(key_elements: u64, value_elements: u64, window: Option<u64>) -> Layer {
        Layer { rows: Some(Rows { key_elements, value_elements, window }), ..Layer::default() }
    }
}

/// Key-value rows, in elements per token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rows {
    /// Elements of K per token: head size × number of KV heads; of latent attention, the shared vector.
    pub key_elements: u64,
    /// Elements of V per token; 0 where values are made of the keys (MLA).
    pub value_elements: u64,
    /// Tokens that a sliding window keeps; `None` for full attention.
    pub window: Option<u64>,
}

/// An indexer's keys, by which sparse attention chooses its rows, and rows that stand for several tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Index {
    /// Elements per row, in the type of the key cache.
    pub elements: u64,
    /// Elements per row, in the type of the value cache.
    #[serde(default)]
    pub value_elements: u64,
    /// Tokens that share a row. From 2 on, each sequence has rows of its own, also where the cache is unified.
    pub every: u64,
}

/// How sparse attention chooses the tokens that it looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Chooser {
    /// Heads that score the tokens before, and elements of one.
    pub heads: u64,
    pub size: u64,
    /// Elements of the short query that all heads' queries are made of; 0 where they are made of the token itself.
    #[serde(default)]
    pub rank: u64,
    /// The most tokens that are chosen.
    pub chosen: u64,
    /// Tokens that are scored as one, by a key of their own.
    pub pool: u64,
}

/// A recurrent layer's state, in elements per sequence, kept in F32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recurrent {
    /// Of the convolution, or the shifted token.
    pub convolution: u64,
    pub state: u64,
}
