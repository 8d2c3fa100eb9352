//! Model facts from a GGUF header: exact tensor bytes, shape, and what each layer adds to the key-value cache.
//!
//! Only what the header says. What it does not say is `None`, or [`State::Unknown`](edgeorch_engines::State) with the reason.

mod architectures;
mod blocks;
mod index;
mod keys;
mod layers;
mod recurrent;
mod rows;
#[cfg(test)]
mod tests;
mod weights;

use std::path::Path;

use edgeorch_engines::{Basis, Bytes, Experts, Format, Model, Tokenizer};

use super::gguf::{self, GgufError, Header, Metadata, Tensor, Value};

/// Reads the model file at `path`.
pub fn read(path: &Path) -> Result<Model, GgufError> {
    describe(&gguf::read(path)?)
}

pub fn describe(header: &Header) -> Result<Model, GgufError> {
    const ARCHITECTURE: &str = "general.architecture";
    let metadata = &header.metadata;
    // Adapters and vision projectors are GGUF files too. Old files do not say what they are.
    match metadata.text("general.type") {
        None | Some("model") => {}
        Some(other) => return Err(GgufError::NotAModel { found: other.to_owned() }),
    }
    let architecture = metadata.text(ARCHITECTURE).ok_or(GgufError::MissingKey { key: ARCHITECTURE })?;
    if header.tensors.is_empty() {
        return Err(GgufError::NoTensors);
    }
    let largest = |suffix: &str| largest(metadata, &format!("{architecture}.{suffix}"));
    let count = |suffix: &str| largest(suffix).unwrap_or(0);
    let mut weights = weights::of(&header.tensors, count("block_count"));
    let prediction_layers = weights::predictors(&header.tensors, &weights, count("nextn_predict_layers"));
    if architectures::find(architecture).is_some_and(|known| known.loads_predictors) {
        weights::unbind(&mut weights, prediction_layers);
    }
    Ok(Model {
        format: Format::Gguf,
        basis: Basis::Header,
        file_bytes: Bytes(header.file_bytes),
        architecture: printable(architecture),
        name: metadata.text("general.name").map(printable),
        parameters: header.tensors.iter().map(Tensor::elements).fold(0, u64::saturating_add),
        context_length: largest("context_length"),
        embedding_length: largest("embedding_length"),
        feed_forward_length: largest("feed_forward_length").max(largest("expert_shared_feed_forward_length")),
        experts: experts(largest),
        side_elements: count("embedding_length_per_layer_input")
            .saturating_mul(count("block_count"))
            .saturating_add(count("altup.num_inputs").saturating_mul(count("embedding_length"))),
        vocabulary: vocabulary(header, largest("vocab_size")),
        tokenizer: tokenizer(metadata),
        merges: metadata.array("tokenizer.ggml.merges").map_or(0, |merges| merges.len),
        head_count: largest("attention.head_count"),
        head_size: head_size(largest),
        state: layers::of(architecture, metadata, |name| tensor(&header.tensors, name).is_some()),
        chooser: index::chooser(largest),
        prediction_layers,
        chat_template: metadata.text("tokenizer.chat_template").is_some(),
        // enum llama_pooling_type in llama.cpp's include/llama.h: 0 is none, -1 unspecified.
        pooling: largest("pooling_type").is_some_and(|kind| (1..=4).contains(&kind)),
        weights,
    })
}

/// The file comes from a stranger and its names end on a terminal, where control characters are commands.
pub(in crate::model) fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).collect()
}

/// The number at `key`, or the largest where each layer has its own: buffers are made for the largest.
fn largest(metadata: &Metadata, key: &str) -> Option<u64> {
    match metadata.get(key)? {
        Value::Array(array) => array.values.iter().filter_map(Value::unsigned).max(),
        one => one.unsigned(),
    }
}

/// A mixture whose file names no width of its own has experts of the dense width.
fn experts(largest: impl Fn(&str) -> Option<u64>) -> Option<Experts> {
    let used = largest("expert_used_count").filter(|used| *used > 0)?;
    let own = largest("expert_feed_forward_length").filter(|width| *width > 0);
    let width = own.or_else(|| largest("feed_forward_length"))?;
    let count = largest("expert_count").unwrap_or(used).max(used);
    Some(Experts { count, used, feed_forward_length: width })
}

/// The key's size where the file says it, else an even share of the embedding.
fn head_size(largest: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let said = largest("attention.key_length").max(largest("attention.key_length_swa"));
    said.or_else(|| largest("embedding_length")?.checked_div(largest("attention.head_count")?))
}

/// In the order in which llama.cpp sizes its vocabulary: the tokens themselves, then the key; the embeddings' rows where
/// a file has neither.
fn vocabulary(header: &Header, key: Option<u64>) -> Option<u64> {
    let tokens = header.metadata.array("tokenizer.ggml.tokens").map(|tokens| tokens.len);
    let rows = || tensor(&header.tensors, "token_embd.weight").and_then(|tensor| tensor.dims.get(1).copied());
    tokens.or(key).or_else(rows)
}

fn tokenizer(metadata: &Metadata) -> Option<Tokenizer> {
    let key = |suffix: &str| format!("tokenizer.ggml.{suffix}");
    let number = |suffix: &str| metadata.unsigned(&key(suffix));
    let truth = |suffix: &str| metadata.get(&key(suffix)).and_then(Value::truth);
    Some(Tokenizer {
        kind: printable(metadata.text(&key("model"))?),
        begin: number("bos_token_id"),
        begins: truth("add_bos_token"),
        end: number("eos_token_id"),
        ends: truth("add_eos_token"),
        texts: metadata.array(&key("tokens")).and_then(|tokens| tokens.texts),
    })
}

fn tensor<'a>(tensors: &'a [Tensor], name: &str) -> Option<&'a Tensor> {
    tensors.iter().find(|tensor| tensor.name == name)
}
