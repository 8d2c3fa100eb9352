//! Sparse attention and compressed rows. Expected rows were worked out by hand from llama.cpp's caches
//! (src/llama-kv-cache-dsa.cpp, -msa.cpp, -dsv4.cpp, src/llama-memory-hybrid-idx.cpp).

use super::*;

const INDEXED: [(&str, u32); 2] = [("attention.indexer.key_length", 8), ("attention.indexer.top_k", 4)];
const LATENT: [(&str, u32); 4] = [
    ("attention.key_length", 40),
    ("attention.head_count_kv", 1),
    ("attention.key_length_mla", 24),
    ("attention.value_length_mla", 16),
];

const fn indexed(layer: Layer, elements: u64, value_elements: u64, every: u64) -> Layer {
    Layer { index: Some(Index { elements, value_elements, every }), ..layer }
}

fn latent(architecture: &str, blocks: u32) -> Gguf {
    with(architecture, blocks, &[&INDEXED[..], &LATENT].concat())
}

/// Which layers have an indexer of their own.
fn owners(file: &Gguf) -> String {
    layers(file).iter().map(|layer| if layer.index.is_some() { 'i' } else { '-' }).collect()
}

const KEYS: Layer = rows(40, 0, None);

#[test]
fn an_indexer_keeps_one_head_of_keys() {
    assert_eq!(layers(&latent("deepseek32", 2)), [indexed(KEYS, 8, 0, 1); 2]);
    let predicting = latent("deepseek32", 3).set("deepseek32.nextn_predict_layers", Field::U32(1));
    assert_eq!(owners(&predicting), "ii");
}

#[test]
fn an_indexer_beside_plain_attention_keeps_values_that_nothing_reads() {
    let minimax = with("minimax-m3", 3, &INDEXED).set("minimax-m3.leading_dense_block_count", Field::U32(1));
    assert_eq!(layers(&minimax), [FULL, indexed(FULL, 8, 16, 1), indexed(FULL, 8, 16, 1)]);
}

#[test]
fn the_file_lists_the_layers_that_own_an_indexer() {
    const KEY: &str = "attention.indexer.types";
    let glm = latent("glm-dsa", 4);
    let listed = |name: &str, file: Gguf, types| file.set(&format!("{name}.{KEY}"), Field::U32s(types));
    assert_eq!(owners(&listed("glm-dsa", glm.clone(), vec![1, 0, 0, 1])), "i--i");
    assert!(reason(&listed("glm-dsa", glm, vec![1, 0])).contains(KEY));
    assert_eq!(owners(&listed("hy_v4", latent("hy_v4", 2), vec![1, 0])), "i-");
    let without = latent("hy_v4", 2).set("hy_v4.attention.indexer.top_k", Field::U32(0));
    assert_eq!(layers(&without), [KEYS; 2]);
}

#[test]
fn an_unlisted_glm_owns_by_its_context() {
    let glm = latent("glm-dsa", 12);
    assert_eq!(owners(&glm), "i".repeat(12));
    let long = glm.set("glm-dsa.context_length", Field::U32(1 << 20));
    assert_eq!(owners(&long), "iii---i---i-");
}

#[test]
fn sliding_layers_have_latent_rows_of_their_own_size() {
    let dots = latent("dots3note", 2)
        .set("dots3note.attention.sliding_window", Field::U32(512))
        .set("dots3note.attention.sliding_window_pattern", Field::Bools(vec![true, false]))
        .set("dots3note.attention.key_length_swa", Field::U32(24))
        .set("dots3note.attention.indexer.types", Field::U32s(vec![0, 1]));
    assert_eq!(layers(&dots), [rows(24, 0, Some(512)), indexed(KEYS, 8, 0, 1)]);
    let unlisted = dots.without("dots3note.attention.indexer.types");
    assert!(reason(&unlisted).contains("indexer.types"));
}

#[test]
fn pooled_keys_are_kept_beside_the_others() {
    let delta = [("kda.head_dim", 8), ("ssm.conv_kernel", 4), ("attention.indexer.kpool", 4)];
    let glm = with("glm5-next", 2, &[&INDEXED[..], &LATENT, &delta].concat())
        .set("glm5-next.attention.head_count_kv", Field::U32s(vec![0, 1]));
    assert_eq!(layers(&glm), [keeps(3 * 3 * 4 * 8, 8 * 8 * 4), indexed(KEYS, 3 * 8, 0, 1)]);
    let ssm =
        [("ssm.conv_kernel", 4), ("ssm.inner_size", 128), ("ssm.state_size", 16), ("ssm.group_count", 2)];
    let qwen = with("qwen4exp", 4, &[&INDEXED[..], &ssm].concat());
    assert_eq!(layers(&qwen)[3], indexed(FULL, 8, 0, 1));
    let pooled = qwen.set("qwen4exp.attention.compress_ratios", Field::U32s(vec![0, 0, 0, 4]));
    assert_eq!(layers(&pooled)[3], indexed(FULL, 2 * 8, 0, 1));
}

#[test]
fn deepseek_4_keeps_a_window_and_compressed_rows() {
    const RATIOS: &str = "deepseek4.attention.compress_ratios";
    let bare =
        with("deepseek4", 3, &[&INDEXED[..], &LATENT[..2], &[("attention.sliding_window", 128)]].concat());
    let file = bare.clone().set(RATIOS, Field::U32s(vec![0, 4, 128]));
    let window = rows(40, 0, Some(128));
    let state = |layer, state| Layer { recurrent: Some(Recurrent { convolution: 0, state }), ..layer };
    // Keys and scores, of 8 tokens in two vectors each, of the rows and of the indexer; or of 128 tokens.
    let sparse = state(indexed(window, 40 + 8, 0, 4), 2 * 8 * 2 * (40 + 8));
    let heavy = state(indexed(window, 40, 0, 128), 2 * 128 * 40);
    assert_eq!(layers(&file), [window, sparse, heavy]);
    assert!(reason(&bare).contains("compress_ratios"));
    assert!(reason(&bare.set(RATIOS, Field::U32s(vec![4, 4]))).contains("compress_ratios"));
    // A predictor without weights is an ordinary layer.
    let predicting = file.set("deepseek4.nextn_predict_layers", Field::U32(1));
    assert_eq!(layers(&predicting), [window, sparse, heavy]);
}

#[test]
fn how_it_chooses_is_told_by_the_header() {
    let plain = latent("deepseek32", 2);
    assert_eq!(facts(&plain).unwrap().chooser, None, "the heads are missing");
    let told = latent("deepseek32", 2)
        .set("deepseek32.attention.indexer.head_count", Field::U32(3))
        .set("deepseek32.attention.q_lora_rank", Field::U32(24));
    assert_eq!(
        facts(&told).unwrap().chooser,
        Some(Chooser { heads: 3, size: 8, rank: 24, chosen: 4, pool: 1 })
    );
    let pooled = told.set("deepseek32.attention.indexer.kpool", Field::U32(2));
    assert_eq!(facts(&pooled).unwrap().chooser.map(|chooser| chooser.pool), Some(2));
}
