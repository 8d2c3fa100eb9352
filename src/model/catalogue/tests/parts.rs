//! Parts that few models have, counted by hand on a tiny shape or held against a sibling that lacks them.

use super::*;

fn shape(name: &str) -> Shape {
    find(name).unwrap().1.shape.clone()
}

#[test]
fn what_guesses_ahead_is_a_parameter_and_never_active() {
    let with = tiny(", prediction_layers: 1");
    // A layer of its own, 2 × 4 × 4 to join, and three norms beside the layer's two.
    assert_eq!(with.parameters(), tiny("").parameters() + ATTENTION + FEED_FORWARD + 32 + 5 * 4);

    let glm = shape("GLM-4.6");
    let without = Shape { prediction_layers: 0, ..glm.clone() };
    assert!(glm.parameters() > without.parameters());
    assert_eq!(glm.active_parameters(), without.active_parameters());
}

#[test]
fn what_guesses_ahead_can_have_embeddings_of_its_own() {
    let shared = tiny(", prediction_layers: 1");
    let own = tiny(", prediction_layers: 1, predictors: {own_embeddings: true}");
    assert_eq!(own.parameters() - shared.parameters(), 2 * 10 * 4);
    // GLM 4.6 differs from 4.5 in nothing else.
    assert_eq!(shape("GLM-4.5").parameters() - shape("GLM-4.6").parameters(), 2 * 151552 * 5120);
}

#[test]
fn what_guesses_ahead_can_be_dense_behind_a_mixture() {
    let mixture = ", experts: {count: 3, used: 1, feed_forward: 2}, prediction_layers: 1";
    let dense = format!("{mixture}, predictors: {{dense: true}}");
    assert_eq!(tiny(mixture).parameters() - (12 + 3 * 24), tiny(&dense).parameters() - FEED_FORWARD);
}

#[test]
fn layers_that_are_one_thing_each_add_up_to_all() {
    let mut seen = 0;
    for (_, entry) in models() {
        let Some(split) = entry.shape.split else { continue };
        let recurrent = entry.shape.recurrent.map_or(0, Recurrent::layers);
        let all = split.attention + split.dense + split.mixtures + recurrent;
        assert_eq!(all, entry.shape.layers, "{}", entry.name);
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn a_state_beside_attention_takes_no_attention_away() {
    let state =
        ", recurrent: {kind: mamba2, layers: 1, inner: 2, heads: 1, state: 1, groups: 1, convolution: 2";
    let beside = format!("{state}, beside_attention: true}}");
    assert_eq!(tiny(&beside).parameters() - tiny(&format!("{state}}}")).parameters(), ATTENTION);
}

#[test]
fn experts_in_a_latent_space_are_narrower_than_the_model() {
    let wide = tiny(", experts: {count: 3, used: 1, feed_forward: 2}");
    let narrow = tiny(", experts: {count: 3, used: 1, feed_forward: 2, latent: 2}");
    // Three matrices of 2 × 2 instead of 4 × 2 in each, and one of 4 × 2 in and one out.
    assert_eq!(wide.parameters() - narrow.parameters(), 3 * 12 - 16);
}

#[test]
fn a_reranker_is_its_encoder_and_a_score() {
    let scores = shape("bge-reranker-v2-m3").parameters() - shape("bge-m3").parameters();
    assert_eq!(scores, 1024 + 1);
}

#[test]
fn a_decoder_that_hears_looks_at_the_sound_in_each_layer() {
    // Turbo is the large model with 4 of 32 layers to speak with; all that is dropped is of the decoder.
    let dropped = shape("whisper-large-v3").parameters() - shape("whisper-large-v3-turbo").parameters();
    let width: u64 = 1280;
    let attention = 4 * width * width + 4 * width;
    let feed_forward = 8 * width * width + 5 * width;
    assert_eq!(dropped, 28 * (2 * attention + feed_forward + 3 * 2 * width));
}

#[test]
fn sparse_attention_pays_for_its_indexer() {
    let latent = "query_rank: 3, kv_rank: 2, rope: 1, nope: 2, value: 2";
    let plain = tiny(&format!(", latent: {{{latent}}}"));
    let sparse = tiny(&format!(", latent: {{{latent}, indexer: {{heads: 2, size: 3}}}}"));
    // Queries 3 × 6, a key 4 × 3 with its norm, weights 4 × 2.
    assert_eq!(sparse.parameters() - plain.parameters(), 18 + 12 + 6 + 8);
}
