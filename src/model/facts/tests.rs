//! Facts of built headers, by architecture, and of a real file where there is one.

mod attention;
mod hostile;
mod real;
mod recurrent;
mod sparse;
mod weights;

use std::path::Path;

use edgeorch_engines::{Bytes, Chooser, Index, Layer, Model, Recurrent, Rows, State};

use super::*;
use crate::model::gguf::build::{F32, Field, Gguf, text};

fn facts(file: &Gguf) -> Result<Model, GgufError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    read(&path)
}

#[test]
fn a_model_tells_its_shape_and_its_bytes() {
    let model = facts(&Gguf::model("llama")).unwrap();
    assert_eq!(model.architecture, "llama");
    assert_eq!(model.name.as_deref(), Some("Tiny"));
    assert_eq!(model.parameters, 512 + 4096 + 64 + 512);
    assert_eq!(model.weights.total, Bytes(544 + 8192 + 256 + 544));
    assert_eq!(model.weights.token_embedding, Bytes(544));
    assert_eq!(model.weights.output, Bytes(544));
    let mix: Vec<_> = model.weights.by_type.iter().map(|(name, bytes)| (name.as_str(), bytes.0)).collect();
    assert_eq!(mix, [("F16", 8192), ("F32", 256), ("Q8_0", 1088)]);
    assert_eq!(model.context_length, Some(512));
    assert_eq!(model.embedding_length, Some(64));
    assert_eq!(model.feed_forward_length, Some(128));
    assert_eq!((model.head_count, model.head_size), (Some(4), Some(16)));
    assert_eq!((model.experts, model.side_elements), (None, 0));
    assert_eq!(model.vocabulary, Some(8));
    assert!(model.chat_template);
}

#[test]
fn a_tied_output_takes_no_bytes() {
    let model = facts(&Gguf::model("llama").without_tensor("output.weight")).unwrap();
    assert_eq!(model.weights.output, Bytes::ZERO);
}

#[test]
fn what_the_header_does_not_say_is_unknown() {
    let file = Gguf::model("llama")
        .without("general.name")
        .without("llama.context_length")
        .without("tokenizer.chat_template")
        .set("llama.feed_forward_length", text("wide"));
    let model = facts(&file).unwrap();
    assert_eq!((model.name, model.context_length, model.feed_forward_length), (None, None, None));
    assert!(!model.chat_template);
}

#[test]
fn a_kind_of_pooling_that_is_none_is_no_pooling() {
    for (kind, pools) in [(0, false), (1, true), (4, true), (u32::MAX, false)] {
        assert_eq!(facts(&with("bert", 2, &[("pooling_type", kind)])).unwrap().pooling, pools, "{kind}");
    }
}

#[test]
fn names_can_not_command_a_terminal() {
    let file = Gguf::model("llama").set("general.name", text("\u{1b}[2JT\nin\u{9b}y"));
    assert_eq!(facts(&file).unwrap().name.as_deref(), Some("[2JTiny"));
}

#[test]
fn the_vocabulary_is_counted_from_the_next_best_source() {
    let without_tokens = Gguf::model("llama").without("tokenizer.ggml.tokens");
    assert_eq!(facts(&without_tokens).unwrap().vocabulary, Some(8), "the embeddings' rows");
    let keyed = without_tokens.set("llama.vocab_size", Field::U32(9));
    assert_eq!(facts(&keyed).unwrap().vocabulary, Some(9));
}

#[test]
fn numbers_of_each_layer_count_by_their_largest() {
    let file = Gguf::model("llama")
        .set("llama.feed_forward_length", Field::U32s(vec![128, 512]))
        .set("llama.attention.head_count", Field::U32s(vec![4, 8]));
    let model = facts(&file).unwrap();
    assert_eq!((model.feed_forward_length, model.head_count), (Some(512), Some(8)));
}

#[test]
fn files_that_are_no_models_are_refused() {
    let refusal = |file: &Gguf| facts(file).expect_err("no model").to_string();
    let adapter = Gguf::model("llama").set("general.type", text("adapter"));
    assert!(refusal(&adapter).contains("\"adapter\""));
    assert!(refusal(&Gguf::model("llama").without("general.architecture")).contains("general.architecture"));
    let vocabulary = Gguf { tensors: Vec::new(), ..Gguf::model("llama") };
    assert!(refusal(&vocabulary).contains("vocabulary only"));
    assert!(facts(&Gguf::model("llama").set("general.type", text("model"))).is_ok());
}

#[test]
fn sums_beyond_every_machine_do_not_wrap() {
    // A table alone: such a tensor could not pass the check of the file's end.
    let huge = |name: &str| Tensor {
        name: name.to_owned(),
        dims: vec![1 << 61],
        tensor_type: gguf::TensorType::all().iter().find(|known| known.id == F32).unwrap(),
        offset: 0,
        bytes: 1 << 63,
    };
    assert_eq!(super::weights::of(&[huge("a"), huge("b")], 1).total, Bytes(u64::MAX));
}

/// A file of `blocks` layers, width 64, 4 heads, 2 KV heads of 16 elements.
fn file(architecture: &str, blocks: u32) -> Gguf {
    Gguf::model(architecture).set(&format!("{architecture}.block_count"), Field::U32(blocks))
}

/// The same with numbers of its architecture.
fn with(architecture: &str, blocks: u32, numbers: &[(&str, u32)]) -> Gguf {
    numbers.iter().fold(file(architecture, blocks), |file, (suffix, number)| {
        file.set(&format!("{architecture}.{suffix}"), Field::U32(*number))
    })
}

fn state(file: &Gguf) -> State {
    facts(file).unwrap().state
}

fn layers(file: &Gguf) -> Vec<Layer> {
    match state(file) {
        State::Known { layers } => layers,
        State::Unknown { reason, .. } => panic!("unknown: {reason}"),
    }
}

fn reason(file: &Gguf) -> String {
    match state(file) {
        State::Unknown { reason, .. } => reason,
        State::Known { layers } => panic!("known: {layers:?}"),
    }
}

const FULL: Layer = rows(32, 32, None);
const EMPTY: Layer = Layer { rows: None, index: None, recurrent: None };

const fn rows(key_elements: u64, value_elements: u64, window: Option<u64>) -> Layer {
    Layer { rows: Some(Rows { key_elements, value_elements, window }), index: None, recurrent: None }
}

const fn keeps(convolution: u64, state: u64) -> Layer {
    Layer { rows: None, index: None, recurrent: Some(Recurrent { convolution, state }) }
}
