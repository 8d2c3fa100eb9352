//! What a file of a known model would be like, before one was seen: facts counted from its published dimensions.
//!
//! Bytes are parameters × bits, spread over the layers; a real file's header is exact and is read before anything is
//! launched. Which of a hybrid's layers are which is spread evenly, as makers do; the counts are theirs.

use std::collections::BTreeMap;

use edgeorch_engines::{
    Basis, Bytes, Experts, Index, Layer, LayerWeights, Model, Recurrent as Kept, Rows, State, Weights,
};

use super::entry::{Entry, Recurrent, Shape};
use super::stored::Stored;

impl Entry {
    /// The text model, stored like this. `None` for models that write no text and make no vectors of it.
    pub fn predict(&self, stored: &Stored) -> Option<Model> {
        let shape = &self.shape;
        if shape.speech.is_some() || shape.layers == 0 {
            return None;
        }
        let architecture = self.architecture.clone().unwrap_or_default();
        Some(Model {
            basis: Basis::Dimensions,
            name: Some(self.name.clone()),
            parameters: shape.text_parameters(),
            weights: shape.weights(stored),
            file_bytes: shape.weights(stored).total,
            context_length: Some(self.context.native),
            embedding_length: Some(shape.embedding),
            feed_forward_length: Some(shape.widest_feed_forward()),
            experts: shape.experts.map(|experts| Experts {
                count: experts.count,
                used: experts.used,
                feed_forward_length: experts.feed_forward,
            }),
            side_elements: shape.per_layer.map_or(0, |side| side.embedding * shape.layers),
            vocabulary: Some(shape.vocabulary),
            // Of a byte-pair tokenizer, nearly every token comes from one merge.
            merges: shape.vocabulary,
            head_count: Some(shape.heads),
            head_size: Some(shape.head_size),
            state: State::Known { layers: shape.states() },
            prediction_layers: shape.prediction_layers,
            chat_template: true,
            pooling: shape.encoder.is_some(),
            ..Model::bare(stored.format, &architecture)
        })
    }
}

impl Shape {
    /// All elements but those of towers and of layers that guess further tokens: the latter stay unloaded.
    fn text_parameters(&self) -> u64 {
        let aside = self.vision.map_or(0, |vision| vision.parameters())
            + self.sound.map_or(0, |sound| sound.parameters())
            + self.prediction_layers * self.prediction_layer();
        self.parameters().saturating_sub(aside)
    }

    fn widest_feed_forward(&self) -> u64 {
        let shared = self.experts.map_or(0, |experts| experts.shared.max(experts.feed_forward));
        self.feed_forward.max(self.shared_kv.and_then(|last| last.feed_forward).unwrap_or(0)).max(shared)
    }

    fn weights(&self, stored: &Stored) -> Weights {
        let table = self.vocabulary * self.embedding;
        let side = self.per_layer.map_or(0, |side| side.vocabulary * side.embedding * self.layers);
        let output = if self.tied_embeddings { 0 } else { table };
        let mixtures = self.layer_counts().mixtures.min(self.layers);
        let (count, one) = self.experts.map_or((0, 0), |kind| {
            // The router stays with the dense part.
            (kind.count, self.mixture(&kind, 1).saturating_sub(self.mixture(&kind, 0)))
        });
        let text = self.text_parameters();
        let in_layers = text.saturating_sub(table + side + output);
        let dense = in_layers.saturating_sub(count * one * mixtures);
        let odd = self.in_odd_rows(dense) / self.layers;
        let dense = stored.dense.bytes(dense / self.layers, odd);
        let experts = stored.layers.bytes(count * one, count * self.of_expert_in_odd_rows(one));
        let layers: Vec<LayerWeights> = (0..self.layers)
            .map(|layer| LayerWeights {
                dense,
                // Dense layers come first where there are both.
                experts: if layer >= self.layers - mixtures { experts } else { Bytes::ZERO },
            })
            .collect();
        let of_table = if self.tied_embeddings { stored.output } else { stored.embeddings };
        let token_embedding = of_table.table(table, self.embedding);
        let output = stored.output.table(output, self.embedding);
        let layer_embeddings =
            stored.embeddings.table(side, self.per_layer.map_or(0, |side| side.embedding * self.layers));
        let total = layers.iter().map(LayerWeights::total).sum::<Bytes>()
            + token_embedding
            + output
            + layer_embeddings;
        let by_type = BTreeMap::from([(stored.name.to_owned(), total)]);
        Weights { total, token_embedding, layer_embeddings, output, layers, by_type }
    }

    /// What each layer keeps.
    fn states(&self) -> Vec<Layer> {
        if self.encoder.is_some() {
            return vec![Layer::default(); self.layers as usize];
        }
        let counts = self.layer_counts();
        let sharing = self.shared_kv.map_or(0, |shared| shared.layers);
        let recurrent = self.recurrent.map(|kind| self.kept(kind));
        let beside = counts.attention + counts.recurrent > self.layers;
        (0..self.layers)
            .map(|layer| {
                let attends = beside || is_spread(layer, counts.attention, self.layers);
                // Those that are neither are feed-forwards of their own (Nemotron-H).
                let keeps = beside || (!attends && is_spread_among_rest(layer, &counts, self.layers));
                let shares = layer >= self.layers - sharing.min(self.layers);
                Layer {
                    rows: (attends && !shares).then(|| self.rows(layer)),
                    index: attends.then(|| self.index()).flatten(),
                    recurrent: recurrent.filter(|_| keeps),
                }
            })
            .collect()
    }

    fn rows(&self, layer: u64) -> Rows {
        if let Some(latent) = self.latent {
            return Rows { key_elements: latent.kv_rank + latent.rope, value_elements: 0, window: None };
        }
        let slides = self.window.filter(|window| match window.full_every {
            Some(every) => !(layer + 1).is_multiple_of(every.max(1)),
            None => true,
        });
        let heads = self.window.filter(|_| slides.is_none()).and_then(|window| window.full_heads);
        let (kv_heads, head_size) =
            heads.map_or((self.kv_heads, self.head_size), |full| (full.kv_heads, full.head_size));
        let elements = kv_heads * head_size;
        Rows { key_elements: elements, value_elements: elements, window: slides.map(|window| window.size) }
    }

    fn index(&self) -> Option<Index> {
        let indexer = self.latent?.indexer?;
        Some(Index { elements: indexer.size, value_elements: 0, every: 1 })
    }

    /// One recurrent layer's state, by the sizes that llama.cpp gives it (src/llama-hparams.cpp, n_embd_r and n_embd_s).
    fn kept(&self, kind: Recurrent) -> Kept {
        let before = |convolution: u64| convolution.saturating_sub(1);
        match kind {
            Recurrent::DeltaNet { key_heads, value_heads, key_size, value_size, convolution, .. } => Kept {
                convolution: before(convolution) * (2 * key_heads * key_size + value_heads * value_size),
                state: key_size * value_heads * value_size,
            },
            Recurrent::Mamba2 { inner, state, groups, convolution, .. } => {
                Kept { convolution: before(convolution) * (inner + 2 * groups * state), state: state * inner }
            }
            Recurrent::Linear { inner, .. } => Kept { convolution: 0, state: inner * self.head_size },
            Recurrent::ShortConvolution { convolution, .. } => {
                Kept { convolution: before(convolution) * self.embedding, state: 0 }
            }
        }
    }
}

/// Whether `layer` is one of `some` that are spread evenly over `all`, the last of them at the end.
fn is_spread(layer: u64, some: u64, all: u64) -> bool {
    let until = |layer: u64| layer * some.min(all) / all.max(1);
    until(layer + 1) > until(layer)
}

fn is_spread_among_rest(layer: u64, counts: &super::split::Counts, all: u64) -> bool {
    let rest = all.saturating_sub(counts.attention);
    if counts.recurrent >= rest {
        return true;
    }
    let before = (0..layer).filter(|layer| !is_spread(*layer, counts.attention, all)).count() as u64;
    is_spread(before, counts.recurrent, rest)
}
