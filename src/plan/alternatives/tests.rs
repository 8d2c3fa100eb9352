use edgeorch_engines::{Fidelity, Format, Host, Layer, LayerWeights, Model, State, Task, Weights};

use super::*;
use crate::plan::Allowances;
use crate::plan::demands::usual;
use crate::plan::holdings::UNKNOWN;

const F16: Option<(KvType, KvType)> = Some((KvType::F16, KvType::F16));

/// Of 30 layers, each with so many MiB.
fn model(layer: u64) -> Model {
    let layers = vec![LayerWeights { dense: Bytes::mib(layer), experts: Bytes::ZERO }; 30];
    Model {
        parameters: 30 * layer * Bytes::MIB,
        weights: Weights { total: Bytes::mib(30 * layer), layers, ..Weights::default() },
        context_length: Some(8192),
        embedding_length: Some(576),
        feed_forward_length: Some(1536),
        vocabulary: Some(49152),
        merges: 48900,
        head_count: Some(9),
        head_size: Some(64),
        state: State::Known { layers: vec![Layer::attention(192, 192, None); 30] },
        ..Model::bare(Format::Gguf, "llama")
    }
}

fn subject(name: &str, quantization: &str, layer: u64) -> Subject {
    Subject {
        name: name.into(),
        source: Some(format!("hf:maker/{name}:{quantization}")),
        quantization: Some(quantization.into()),
        licence: None,
        grade: None,
        model: model(layer),
    }
}

fn ask() -> Ask {
    Ask { parallel: 4, threads: 2, ..Ask::new("chat", Task::Chat, 4096) }
}

fn engine(id: &str) -> &'static dyn Engine {
    edgeorch_engines::find(id).unwrap()
}

fn demands(fidelity: Fidelity, cache: Option<(KvType, KvType)>) -> Demands {
    Demands {
        fidelity,
        variants: Vec::new(),
        cache,
        backends: None,
        workload: usual(Task::Chat, 4096, 1),
        ttft_p95: None,
        decode_min: None,
        disk: None,
    }
}

fn host() -> Host {
    serde_json::from_str(include_str!("../../../engines/contract/host.example.json")).unwrap()
}

/// What is proposed within so much memory, where llama.cpp was asked.
fn within(allowed: Bytes, ask: &Ask, demands: &Demands, of: &Subject, shelf: &Shelf) -> Vec<Alternative> {
    let (host, allowances) = (host(), Allowances::host(allowed));
    let engines = [engine("llama.cpp")];
    let question = Question {
        ask,
        engines: &engines,
        demands,
        host: &host,
        allowances: &allowances,
        holdings: &UNKNOWN,
    };
    let found = alternatives_to(of, &question, shelf);
    assert!(found.iter().all(|one| one.total <= allowed), "{found:?} in {allowed}");
    found
}

fn changes(found: &[Alternative]) -> Vec<&str> {
    found.iter().map(|one| one.change.as_str()).collect()
}

/// Weights of 90 MiB, and nothing else to be had.
fn settings_within(mib: u64, ask: &Ask, cache: Option<(KvType, KvType)>) -> Vec<Alternative> {
    let of = subject("m", "Q4_0", 3);
    within(Bytes::mib(mib), ask, &demands(Fidelity::Balanced, cache), &of, &Shelf::default())
}

#[test]
fn less_of_what_was_asked_is_proposed_as_the_profile_writes_it() {
    let found = settings_within(380, &ask(), F16);
    let changes = changes(&found);
    assert_eq!(changes[..2], ["parallel: 2", "kv_cache: {key: q8_0, value: q8_0}"]);
    assert!(changes[2].starts_with("context_size: ") && changes.len() == 3, "{changes:?}");
}

#[test]
fn changes_are_combined_only_where_neither_alone_is_enough() {
    let two = Ask { parallel: 2, ..ask() };
    let found = settings_within(230, &two, F16);
    assert_eq!(changes(&found)[0], "parallel: 1, kv_cache: {key: q8_0, value: q8_0}");
}

#[test]
fn a_shorter_context_is_not_proposed_with_one_slot_where_fewer_slots_are_enough() {
    let many = Ask { parallel: 200, ..ask() };
    let found = settings_within(380, &many, None);
    assert!(matches!(changes(&found)[..], [one] if one.starts_with("parallel: ")), "{found:?}");
}

#[test]
fn a_smaller_cache_is_no_proposal_where_the_planner_has_tried_it_by_itself() {
    let found = settings_within(230, &Ask { parallel: 2, ..ask() }, None);
    assert!(!found.is_empty() && found.iter().all(|one| !one.change.contains("kv_cache")), "{found:?}");
}

#[test]
fn other_types_of_the_model_are_proposed_down_to_the_fidelity_and_no_further() {
    let of = subject("m", "Q8_0", 60);
    let forms = vec![
        subject("m", "F16", 110),
        subject("m", "Q6_K", 50),
        subject("m", "Q4_K_M", 20),
        subject("m", "Q3_K_S", 18),
    ];
    let shelf = Shelf { forms, ..Shelf::default() };
    let single = Ask { parallel: 1, ..ask() };
    let told = |fidelity| {
        let found = within(Bytes::mib(1000), &single, &demands(fidelity, None), &of, &shelf);
        changes(&found).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(told(Fidelity::Balanced), ["source: hf:maker/m:Q4_K_M"]);
    assert_eq!(told(Fidelity::Fast), ["source: hf:maker/m:Q4_K_M", "source: hf:maker/m:Q3_K_S"]);
    assert_eq!(told(Fidelity::High), ["weights: mapped"]);
}

#[test]
fn weights_are_left_on_the_disk_only_where_no_other_form_of_the_model_fits() {
    let of = subject("m", "Q8_0", 60);
    let single = Ask { parallel: 1, ..ask() };
    let all = demands(Fidelity::Balanced, None);
    let found = within(Bytes::mib(1000), &single, &all, &of, &Shelf::default());
    assert_eq!(changes(&found), ["weights: mapped"]);
    // The host's memory and storage were not measured.
    assert_eq!(found[0].decode, None);
    assert!(found[0].note.as_ref().unwrap().starts_with("how fast it would be is unknown"), "{found:?}");
    let shelf = Shelf { forms: vec![subject("m", "Q4_K_M", 20)], ..Shelf::default() };
    let found = within(Bytes::mib(1000), &single, &all, &of, &shelf);
    assert_eq!(changes(&found), ["source: hf:maker/m:Q4_K_M"]);
}

#[test]
fn two_smaller_models_are_proposed_each_once_and_none_that_is_larger() {
    let of = subject("m", "Q8_0", 60);
    let models = [("large", 70), ("c", 10), ("b", 15), ("a", 20), ("a", 20)];
    let models = models.map(|(name, layer)| subject(name, "Q4_K_M", layer)).to_vec();
    let shelf = Shelf { models, ..Shelf::default() };
    let single = Ask { parallel: 1, ..ask() };
    let all = demands(Fidelity::Balanced, None);
    let found = within(Bytes::mib(1000), &single, &all, &of, &shelf);
    assert_eq!(
        changes(&found),
        ["weights: mapped", "source: hf:maker/a:Q4_K_M", "source: hf:maker/b:Q4_K_M"]
    );
}

#[test]
fn what_is_made_for_the_model_rules_out_other_models() {
    let of = subject("m", "Q8_0", 60);
    let shelf = Shelf { models: vec![subject("a", "Q4_K_M", 10)], ..Shelf::default() };
    let guess = edgeorch_engines::Speculation { method: SpeculationMethod::Mtp, max_tokens: 2, draft: None };
    let guessing = Ask { parallel: 1, speculation: Some(guess), ..ask() };
    let all = demands(Fidelity::Balanced, None);
    let found = within(Bytes::mib(1000), &guessing, &all, &of, &shelf);
    assert!(found.iter().all(|one| !one.change.starts_with("source:")), "{found:?}");
}

#[test]
fn another_engine_is_proposed_where_its_own_sum_is_known_and_fits() {
    let of = subject("m", "Q4_0", 3);
    let (host, all) = (host(), demands(Fidelity::Balanced, None));
    let allowances = Allowances::host(Bytes::gib(4));
    let single = Ask { parallel: 1, ..ask() };
    // It does not run on this machine at all.
    let asked = [engine("mlx-lm")];
    let proposed = |id, ask: &Ask| {
        let question = Question {
            ask,
            engines: &asked,
            demands: &all,
            host: &host,
            allowances: &allowances,
            holdings: &UNKNOWN,
        };
        let shelf = Shelf { engines: vec![engine(id)], ..Shelf::default() };
        alternatives_to(&of, &question, &shelf)
    };
    let started = proposed("llama.cpp", &single);
    assert_eq!((changes(&started), &started[0].note), (vec!["engine: llama.cpp"], &None));
    let written = proposed("ollama", &single);
    assert_eq!(changes(&written), ["engine: ollama"]);
    assert!(written[0].note.as_ref().is_some_and(|note| note.contains("does not start it yet")));
    // What its own server takes with images was not measured.
    let projector = serde_json::json!({"bytes": 1, "vision": true, "audio": false});
    let images = Ask { projector: serde_json::from_value(projector).unwrap(), ..single.clone() };
    assert_eq!(proposed("ollama", &images), []);
}

#[test]
fn a_mebibyte_has_no_alternative() {
    let of = subject("m", "Q8_0", 60);
    let shelf = Shelf {
        forms: vec![subject("m", "Q4_K_M", 1)],
        models: vec![subject("a", "Q4_K_M", 1)],
        engines: edgeorch_engines::all().to_vec(),
        backends: None,
    };
    let all = demands(Fidelity::Fast, F16);
    assert_eq!(within(Bytes::mib(1), &ask(), &all, &of, &shelf), []);
}
