//! Golden cases: a plan in, the script out, each flag checked against the captured help. And the sum, held against what
//! the real server (mlx-cpu 0.32.4 on Linux) took.

use std::path::Path;

use super::*;
use crate::contract::{Backend, Files, KvType, Place};
use crate::contract::{Bytes, Format, Layer, Part, Share, State, Task, Weights};
use crate::manifest::help::Help;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    ask: Ask,
}

/// SmolLM2 135M as transformers writes it: 30 layers, 3 KV heads of 64, BF16.
fn smollm2() -> Model {
    Model {
        embedding_length: Some(576),
        feed_forward_length: Some(1536),
        vocabulary: Some(49_152),
        head_count: Some(9),
        head_size: Some(64),
        weights: Weights { total: Bytes(269_030_016), ..Weights::default() },
        state: State::Known { layers: vec![Layer::attention(192, 192, None); 30] },
        ..Model::bare(Format::Safetensors, "llama")
    }
}

fn host() -> Host {
    serde_json::from_str(include_str!("../contract/host.example.json")).unwrap()
}

fn files() -> Files {
    Files {
        weights: "/models/smol".into(),
        draft: Some("/models/draft".into()),
        adapters: vec!["/models/law".into()],
        ..Files::default()
    }
}

fn deploy(ask: &Ask, model: &Model, files: &Files) -> Result<Deployment, Refusal> {
    Mlx.deploy(&Order { ask, model, files, binary: None, host: &host(), port: 40001, user: None })
}

fn part(ask: &Ask, model: &Model, part: Part) -> Option<Charge> {
    Mlx.memory(model, ask, &host()).into_iter().find(|charge| charge.part == part)
}

#[test]
fn each_case_gives_the_golden_script() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mlx/cases");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        seen += 1;
        let case: Case = serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let files = Files {
            adapters: files().adapters.into_iter().take(case.ask.adapters.len()).collect(),
            ..files()
        };
        let deployment = deploy(&case.ask, &smollm2(), &files).unwrap();
        let text: Vec<_> =
            deployment.files.iter().map(|file| format!("==> {}\n{}", file.name, file.text)).collect();
        let text = text.join("\n") + "\n==> notes\n" + &deployment.notes.join("\n");
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        insta::with_settings!({ snapshot_path => "cases", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text);
        });
    }
    assert!(seen >= 2, "the cases are read from the folder");
}

#[test]
fn every_flag_that_is_written_or_denied_stands_in_the_captured_help() {
    let help = Help::parse(deploy::NEWEST);
    for rule in &Mlx.manifest().flags {
        assert!(help.lists(&rule.flag), "{}", rule.flag);
    }
    for flag in Mlx.manifest().denied.iter().flat_map(|denied| &denied.flags) {
        assert!(help.lists(flag), "{flag}");
    }
}

#[test]
fn the_sum_is_above_what_the_real_server_took_and_not_by_much() {
    // Resident memory at its highest, in tenths of MiB; steps of 256 tokens.
    let ask = |parallel, tokens| Ask { parallel, prefill_chunk: 256, ..Ask::new("m", Task::Chat, tokens) };
    for (ask, seen) in [(ask(1, 1100), 4300_u64), (ask(4, 300), 4738)] {
        let sum: Option<Bytes> =
            Mlx.memory(&smollm2(), &ask, &host()).iter().map(|charge| charge.bytes).sum();
        let (sum, seen) = (sum.unwrap(), Bytes(seen * Bytes::MIB / 10));
        assert!(sum >= seen, "{sum} for {} × {}, where {seen} were seen", ask.parallel, ask.context_size);
        assert!(
            sum.0 < seen.0 * 5 / 4,
            "{sum} for {} × {}, where {seen} were seen",
            ask.parallel,
            ask.context_size
        );
    }
}

#[test]
fn a_quantized_cache_has_the_bits_of_its_type_and_serves_one_request_at_a_time() {
    let wide = Ask { parallel: 4, ..Ask::new("m", Task::Chat, 4096) };
    let small = Ask { key_type: KvType::Q8_0, value_type: KvType::Q8_0, ..wide.clone() };
    let bytes = |ask| part(ask, &smollm2(), Part::Cache).unwrap().bytes.unwrap();
    // 8 bits, and 16 of scale and bias for each 64 values: 8.5 instead of 16, for one request instead of four.
    assert_eq!(bytes(&small).0 * 4 * 32, bytes(&wide).0 * 17);
    let notes = deploy(&small, &smollm2(), &Files { adapters: vec![], ..files() }).unwrap().notes;
    assert!(notes.iter().any(|note| note.contains("one after the other")), "{notes:?}");
}

#[test]
fn the_cache_of_a_window_holds_the_window_and_a_step_and_is_never_quantized() {
    let mut model = smollm2();
    model.state = State::Known { layers: vec![Layer::attention(64, 64, Some(512))] };
    let ask = Ask { prefill_chunk: 1024, ..Ask::new("m", Task::Chat, 32_768) };
    assert_eq!(part(&ask, &model, Part::Cache).unwrap().bytes, Some(Bytes((512 + 1024) * 256)));
    let small = Ask { key_type: KvType::Q8_0, value_type: KvType::Q8_0, ..ask };
    assert_eq!(part(&small, &model, Part::Cache).unwrap().bytes, None);
    let refused = deploy(&small, &model, &Files::default()).unwrap_err();
    assert!(refused.to_string().contains("sliding window"), "{refused}");
}

#[test]
fn as_many_prompts_are_kept_as_whole_contexts_fit() {
    let ask = |bytes| Ask { prompt_cache: bytes, ..Ask::new("m", Task::Chat, 4096 - 256) };
    let one = 4096 * 30 * 768;
    assert_eq!(part(&ask(Bytes(one - 1)), &smollm2(), Part::Prompts), None);
    assert_eq!(
        part(&ask(Bytes(3 * one + 1)), &smollm2(), Part::Prompts).unwrap().bytes,
        Some(Bytes(3 * one))
    );
}

#[test]
fn everything_but_the_process_is_in_the_chips_memory() {
    let mut ask = Ask::new("m", Task::Chat, 4096);
    ask.placement.shares = vec![Share { device: 0, backend: Backend::Metal, layers: 30 }];
    for charge in Mlx.memory(&smollm2(), &ask, &host()) {
        let place = if charge.part == Part::Process { Place::Host } else { Place::Device(0) };
        assert_eq!(charge.place, place, "{:?}", charge.part);
    }
}
