//! A quantized cache keeps its rows turned by a Hadamard matrix, so that no element is far larger than the others: keys,
//! queries with them, values, and what attention makes of those (the constructor of `llama_kv_cache` in
//! `src/llama-kv-cache.cpp`, `build_attn` in `src/llama-graph.cpp`). The matrices are inputs of the graph, and every turn
//! is a step of it.

use crate::contract::Ask;

use super::shape::{Kind, Shape};

/// Elements of the matrices that turn the rows of a quantized cache, each for every kind of layer that attends.
pub(super) fn matrices(shape: &Shape, ask: &Ask) -> u64 {
    let turned = |windowed: bool| {
        let kinds = shape.kinds.iter().filter(move |kind| kind.windowed == windowed);
        let each = kinds.map(|kind| {
            let turns = Turns::of(shape, ask, kind);
            let square = |size: Option<u64>| size.map_or(0, |size| size.saturating_mul(size));
            square(turns.keys).saturating_add(square(turns.values))
        });
        each.max().unwrap_or(0)
    };
    turned(false).saturating_add(turned(true))
}

/// Where a head doesn't come in pieces of 64, nothing is turned, nor in latent attention (`build_attn_inp_k`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Turns {
    /// Rows of the matrix.
    pub keys: Option<u64>,
    pub values: Option<u64>,
}

impl Turns {
    pub(super) fn of(shape: &Shape, ask: &Ask, kind: &Kind) -> Turns {
        const PIECE: u64 = 64;
        let none = Turns { keys: None, values: None };
        let Some((key, value)) = kind.rows.filter(|(key, value)| *key > 0 && *value > 0) else { return none };
        let head = shape.head;
        // As many heads of values as of keys.
        let value_head = head.saturating_mul(value) / key;
        let pieces = |head: u64| head > 0 && head.is_multiple_of(PIECE);
        Turns {
            // A whole head at a time, if that is a power of two; else the largest one in it.
            keys: (ask.key_type.is_quantized() && pieces(head)).then(|| 1 << head.trailing_zeros()),
            values: (ask.value_type.is_quantized() && pieces(value_head)).then_some(PIECE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Format, KvType, Layer, Model, State, Task};

    fn turned(head: u64, key: u64, value: u64, cache: KvType) -> (Option<u64>, Option<u64>, u64) {
        let model = Model {
            embedding_length: Some(256),
            feed_forward_length: Some(384),
            vocabulary: Some(128),
            head_count: Some(2),
            head_size: Some(head),
            state: State::Known { layers: vec![Layer::attention(key, value, None)] },
            ..Model::bare(Format::Gguf, "llama")
        };
        let shape = Shape::of(&model).unwrap();
        let ask = Ask { key_type: cache, value_type: cache, ..Ask::new("m", Task::Chat, 512) };
        let turns = Turns::of(&shape, &ask, &shape.kinds[0]);
        (turns.keys, turns.values, matrices(&shape, &ask))
    }

    #[test]
    fn keys_are_turned_by_the_largest_matrix_that_a_head_divides_into_and_values_in_pieces() {
        // The server prints n_rot_k and n_rot_v: 64 and 64 of SmolLM2, 128 and 64 of test models, 256 and 64 of Gemma 3.
        assert_eq!(turned(64, 192, 192, KvType::Q8_0), (Some(64), Some(64), 2 * 64 * 64));
        assert_eq!(turned(128, 256, 256, KvType::Q8_0), (Some(128), Some(64), 128 * 128 + 64 * 64));
        assert_eq!(turned(256, 256, 256, KvType::Q8_0), (Some(256), Some(64), 256 * 256 + 64 * 64));
        assert_eq!(turned(192, 384, 256, KvType::Q8_0).0, Some(64));
    }

    #[test]
    fn nothing_is_turned_that_is_not_quantized_or_does_not_come_in_pieces_or_is_latent() {
        assert_eq!(turned(64, 192, 192, KvType::F16), (None, None, 0));
        assert_eq!(turned(80, 160, 160, KvType::Q8_0), (None, None, 0));
        assert_eq!(turned(576, 576, 0, KvType::Q8_0), (None, None, 0));
    }
}
