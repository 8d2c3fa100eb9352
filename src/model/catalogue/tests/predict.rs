//! Models predicted from dimensions, against what is known of real files of them.

use edgeorch_engines::{Bytes, Format, Model};

use crate::model::catalogue::{self, Bits, Stored};

/// Everything at so many bits.
fn plain(name: &str, bits: f64) -> Stored<'_> {
    let all = Bits::all(bits);
    Stored { format: Format::Gguf, name, layers: all, dense: all, embeddings: all, output: all }
}

fn predicted(name: &str, bits: f64) -> Model {
    let (_, entry) = catalogue::find(name).unwrap();
    entry.predict(&plain("Q", bits)).unwrap()
}

/// Bytes that one token adds to a cache of f16.
fn cache_per_token(model: &Model) -> u64 {
    let rows = model.layers().unwrap().iter().filter_map(|layer| layer.rows);
    rows.map(|rows| 2 * (rows.key_elements + rows.value_elements)).sum()
}

#[test]
fn caches_are_those_of_the_worked_examples() {
    // Worked examples for f16: Qwen3-8B at 32k takes 4.50 GiB, Qwen3-30B-A3B 3.00 GiB, DeepSeek-V3 2.14 GiB.
    let at_32k = |name| cache_per_token(&predicted(name, 4.5)) * 32768;
    assert_eq!(Bytes(at_32k("Qwen3-8B")), Bytes::mib(4608));
    assert_eq!(Bytes(at_32k("Qwen3-30B-A3B")), Bytes::gib(3));
    assert_eq!(cache_per_token(&predicted("DeepSeek-V3", 4.5)), 61 * 576 * 2);
}

#[test]
fn a_window_keeps_five_layers_in_six_short() {
    let model = predicted("Gemma-3-27B-it", 4.5);
    let full = model.layers().unwrap().iter().filter(|layer| layer.rows.unwrap().window.is_none()).count();
    assert_eq!((model.layers().unwrap().len(), full), (62, 10));
}

#[test]
fn layers_and_embeddings_add_up_to_the_whole_for_every_model() {
    let mut seen = 0;
    for (_, entry) in catalogue::models() {
        let stored = plain("Q8_0", 8.5);
        let Some(model) = entry.predict(&stored) else { continue };
        seen += 1;
        let expected = model.parameters as f64 * 8.5 / 8.0;
        let off = (model.weights.total.0 as f64 - expected).abs() / expected;
        assert!(off < 0.01, "{}: {} for {expected}", entry.name, model.weights.total.0);
        assert_eq!(model.layers().unwrap().len() as u64, entry.shape.layers, "{}", entry.name);
        assert!(model.read_per_token() <= model.weights.total, "{}", entry.name);
        let recurrent =
            model.layers().unwrap().iter().filter(|layer| layer.recurrent.is_some()).count() as u64;
        assert_eq!(recurrent, entry.shape.recurrent.map_or(0, |kind| kind.layers()), "{}", entry.name);
    }
    assert!(seen > 200, "{seen}");
}

#[test]
fn of_a_model_trained_in_four_bits_what_is_no_expert_stays_at_sixteen() {
    let (_, entry) = catalogue::find("gpt-oss-20b").unwrap();
    let with = |dense_bits| {
        let dense = Bits::all(dense_bits);
        let stored = Stored { dense, embeddings: dense, output: dense, ..plain("MXFP4", 4.25) };
        entry.predict(&stored).unwrap()
    };
    let experts = |model: &Model| model.weights.layers.iter().map(|layer| layer.experts.0).sum::<u64>();
    let (sixteen, four) = (with(16.0), with(4.25));
    assert_eq!(experts(&sixteen), experts(&four));
    let rest = |model: &Model| (model.weights.total.0 - experts(model)) as f64;
    assert!((rest(&sixteen) / rest(&four) - 16.0 / 4.25).abs() < 0.01);
}

#[test]
fn of_a_mixture_a_token_reads_the_experts_that_it_uses() {
    let model = predicted("Qwen3-30B-A3B", 8.0);
    let read = model.read_per_token().0 as f64 / 1e9;
    // 3.3e9 active parameters, less the input embeddings.
    assert!((2.8..3.4).contains(&read), "{read}");
}
