//! Sparse attention against what llama-server b11434 printed for llama.cpp's own test models: graph and logits, in MiB, of
//! four slots of 4096 tokens with caches of their own in q8_0 and chunks of 128, and of one with 16384 in f16 and 512.

use super::*;
use crate::contract::{
    Chooser, Experts, Format, Index, KvType, Layer, LayerWeights, Recurrent, State, Weights,
};

struct Known {
    architecture: &'static str,
    embedding: u64,
    heads: u64,
    head_size: u64,
    side: u64,
    rank: u64,
    pool: u64,
    /// Layers that have experts are the last ones.
    mixtures: usize,
    layers: Vec<Layer>,
}

impl Known {
    /// `chosen` is 131072 in the test models, all there is; the same was loaded with 512 in the header.
    fn model(&self, chosen: u64) -> Model {
        let wide = match self.architecture {
            "deepseek4" => 1024,
            _ => self.embedding * 3 / 2,
        };
        let dense = self.layers.len() - self.mixtures;
        let weights = (0..self.layers.len()).map(|layer| LayerWeights {
            experts: if layer < dense { Bytes::ZERO } else { Bytes::mib(1) },
            ..LayerWeights::default()
        });
        Model {
            embedding_length: Some(self.embedding),
            feed_forward_length: Some(wide),
            experts: Some(Experts { count: 2, used: 2, feed_forward_length: wide }),
            side_elements: self.side,
            vocabulary: Some(128),
            head_count: Some(self.heads),
            head_size: Some(self.head_size),
            chooser: Some(Chooser { heads: 64, size: 128, rank: self.rank, chosen, pool: self.pool }),
            weights: Weights { layers: weights.collect(), ..Weights::default() },
            state: State::Known { layers: self.layers.clone() },
            ..Model::bare(Format::Gguf, self.architecture)
        }
    }
}

const fn index(elements: u64, every: u64) -> Option<Index> {
    Some(Index { elements, value_elements: 0, every })
}

fn latent(key: u64, index: Option<Index>) -> Layer {
    Layer { index, ..Layer::attention(key, 0, None) }
}

fn recurrent(convolution: u64, state: u64) -> Option<Recurrent> {
    Some(Recurrent { convolution, state })
}

fn deepseek32() -> Known {
    Known {
        architecture: "deepseek32",
        embedding: 128,
        heads: 1,
        head_size: 576,
        side: 0,
        rank: 512,
        pool: 1,
        mixtures: 1,
        layers: vec![latent(576, index(128, 1)); 2],
    }
}

fn glm5_next() -> Known {
    let recurrent = Layer { recurrent: recurrent(1152, 16384), ..Layer::default() };
    Known {
        architecture: "glm5-next",
        head_size: 512,
        pool: 4,
        layers: vec![latent(512, index(384, 1)), recurrent],
        ..deepseek32()
    }
}

fn qwen4exp() -> Known {
    let attention = Layer { index: index(256, 1), ..Layer::attention(256, 256, None) };
    let recurrent = Layer { recurrent: recurrent(11520, 32768), ..Layer::default() };
    Known {
        architecture: "qwen4exp",
        embedding: 256,
        heads: 2,
        head_size: 128,
        side: 128,
        rank: 0,
        pool: 4,
        mixtures: 2,
        layers: vec![recurrent, attention],
    }
}

fn deepseek4() -> Known {
    let window = Layer::attention(64, 0, Some(32));
    let chosen = Layer { index: index(192, 4), recurrent: recurrent(0, 6144), ..window };
    let heavy = Layer { index: index(64, 128), recurrent: recurrent(0, 16384), ..window };
    Known {
        architecture: "deepseek4",
        embedding: 512,
        heads: 8,
        head_size: 64,
        rank: 64,
        mixtures: 4,
        layers: vec![window, window, chosen, heavy],
        ..deepseek32()
    }
}

fn planned(model: &Model, long: bool) -> f64 {
    let (context_size, parallel, chunk, cache) =
        if long { (16384, 1, 512, KvType::F16) } else { (4096, 4, 128, KvType::Q8_0) };
    let ask = Ask {
        parallel,
        key_type: cache,
        value_type: cache,
        prefill_chunk: chunk,
        ..Ask::new("m", Task::Chat, context_size)
    };
    let bytes: Bytes = buffers::charges(model, &ask).into_iter().map(|charge| charge.bytes.unwrap()).sum();
    bytes.0 as f64 / Bytes::MIB as f64
}

/// Not under by more than 1 % of what was printed, nor over by 10 %.
fn agree(known: &Known, rows: [(u64, bool, f64); 4]) {
    for (chosen, long, printed) in rows {
        let ours = planned(&known.model(chosen), long);
        let row = format!("{}, {chosen} chosen, long: {long}: {ours:.2} for {printed}", known.architecture);
        assert!((0.99 * printed..1.1 * printed).contains(&ours), "{row}");
    }
}

const ALL: u64 = 131_072;

#[test]
fn rows_that_are_chosen_take_memory_by_the_chunk() {
    agree(&deepseek32(), [(ALL, false, 15.25), (ALL, true, 180.83), (512, false, 11.75), (512, true, 86.83)]);
}

#[test]
fn pools_take_memory_by_the_context() {
    agree(&glm5_next(), [(ALL, false, 43.02), (ALL, true, 137.61), (512, false, 35.08), (512, true, 56.30)]);
    agree(&qwen4exp(), [(ALL, false, 46.67), (ALL, true, 208.11), (512, false, 14.10), (512, true, 59.25)]);
}

#[test]
fn compressed_rows_are_listed_with_those_of_the_window() {
    agree(&deepseek4(), [(ALL, false, 12.62), (ALL, true, 60.09), (512, false, 12.49), (512, true, 56.59)]);
}

#[test]
fn each_layer_that_attends_has_zeros_of_its_own() {
    // `leaf_23` and `leaf_50` of the two layers lie in the buffer from the start: 512 tokens × 512 chosen × 4 bytes.
    let few = planned(&deepseek32().model(512), true);
    let layers = vec![latent(576, index(128, 1)); 10];
    let many = planned(&Known { layers, ..deepseek32() }.model(512), true);
    assert!((7.5..8.5).contains(&(many - few)), "{few} and {many}");
}
