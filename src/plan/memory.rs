//! The memory sum: weights + key-value cache + compute buffers + overhead. One formula for all of edgeorch; what is
//! particular to an engine (cells, buffers, hidden caches) it says itself, through [`Engine`].

use edgeorch_engines::{Ask, Attention, Bytes, Engine, Model};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What one model takes, part by part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sum {
    pub parts: Vec<Part>,
}

/// One line of the sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    pub name: String,
    /// `None`: it can't be told from what the file says.
    pub bytes: Option<Bytes>,
    /// How the number comes about, for a person.
    pub how: String,
}

impl Sum {
    /// The whole, if every part is known.
    pub fn total(&self) -> Option<Bytes> {
        self.parts.iter().map(|part| part.bytes).sum::<Option<Bytes>>()
    }

    /// What is known of it: a lower bound where a part is unknown.
    pub fn at_least(&self) -> Bytes {
        self.parts.iter().filter_map(|part| part.bytes).sum()
    }
}

/// The sum of `model`, served as asked by `engine`.
pub fn sum(model: &Model, ask: &Ask, engine: &dyn Engine) -> Sum {
    let overhead = engine.memory(model, ask);
    let mut parts = vec![
        Part {
            name: "weights".into(),
            bytes: Some(model.tensors.total),
            how: format!("exact, from the tensor table ({})", types(model)),
        },
        cache(model, ask, engine),
        Part {
            name: "compute".into(),
            bytes: overhead.compute,
            how: match overhead.compute {
                Some(_) => "upper bound for the largest graph".into(),
                None => "unknown: the file does not give its dimensions".into(),
            },
        },
    ];
    if overhead.caches > Bytes::ZERO {
        parts.push(Part {
            name: "caches".into(),
            bytes: Some(overhead.caches),
            how: "the engine's own, in host memory".into(),
        });
    }
    parts.push(Part {
        name: "process".into(),
        bytes: Some(overhead.process),
        how: "code, tokenizer, threads".into(),
    });
    Sum { parts }
}

fn types(model: &Model) -> String {
    let mut types: Vec<_> = model.tensors.by_type.iter().collect();
    types.sort_by(|a, b| b.1.cmp(a.1));
    types.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn cache(model: &Model, ask: &Ask, engine: &dyn Engine) -> Part {
    let name = "KV cache".to_owned();
    let layers = match &model.attention {
        Attention::Layers { layers } => layers,
        Attention::Unknown { reason } => {
            return Part { name, bytes: None, how: format!("unknown: {reason}") };
        }
    };
    let bytes = layers
        .iter()
        .map(|layer| {
            let cells = engine.cache_cells(ask, layer.window);
            // Rows are stored cell by cell, so a row is what is rounded up to whole blocks.
            let row = ask.key_type.bytes(layer.key_elements) + ask.value_type.bytes(layer.value_elements);
            Bytes(row.0.saturating_mul(cells))
        })
        .sum();
    let windows = layers.iter().filter(|layer| layer.window.is_some()).count();
    let windows = if windows > 0 { format!(", {windows} with a sliding window") } else { String::new() };
    Part {
        name,
        bytes: Some(bytes),
        how: format!(
            "{} layers{windows}, {} × {} tokens, K {}, V {}",
            layers.len(),
            ask.parallel,
            ask.context_size,
            ask.key_type.name(),
            ask.value_type.name()
        ),
    }
}
