//! Golden cases: a plan in, the files out, each option checked against those that the source declares.

use std::path::Path;

use super::*;
use crate::contract::{Backend, Bytes, Files, Format, KvType, Layer, Part, Share, State, Task, Weights};
use crate::manifest::help::Help;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    ask: Ask,
}

fn model() -> Model {
    Model {
        head_count: Some(32),
        head_size: Some(128),
        weights: Weights { total: Bytes(1_000_000), ..Weights::default() },
        state: State::Known { layers: vec![Layer::attention(1024, 1024, None); 30] },
        ..Model::bare(Format::Safetensors, "llama")
    }
}

fn host() -> Host {
    serde_json::from_str(include_str!("../contract/host.example.json")).unwrap()
}

fn files() -> Files {
    Files { weights: "/models/$llama".into(), draft: Some("/models/draft".into()), ..Files::default() }
}

fn on(devices: usize) -> Ask {
    let share = |device| Share { device, backend: Backend::Cuda, layers: 1 };
    let mut ask = Ask { parallel: 2, ..Ask::new("m", Task::Chat, 1000) };
    ask.placement.shares = (0..devices).map(share).collect();
    ask
}

#[test]
fn each_case_gives_the_golden_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tensorrt_llm/cases");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        seen += 1;
        let case: Case = serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut model = model();
        // A draft that keeps what the model keeps.
        let mut ask = case.ask;
        if let Some(speculation) = &mut ask.speculation {
            speculation.draft = Some(Box::new(model.clone()));
        }
        model.name = Some("Llama".into());
        let order = Order {
            ask: &ask,
            model: &model,
            files: &files(),
            binary: None,
            host: &host(),
            port: 40001,
            user: None,
        };
        let deployment = TensorRtLlm.deploy(&order).unwrap();
        for file in deployment.files.iter().filter(|file| file.name.ends_with(".yaml")) {
            let read: Result<serde_json::Value, _> = serde_saphyr::from_str(&file.text);
            assert!(read.is_ok_and(|value| value.is_object()), "{}", file.text);
        }
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
fn every_option_that_is_written_or_denied_is_declared() {
    let help = Help::parse(deploy::NEWEST);
    for rule in &TensorRtLlm.manifest().flags {
        assert!(rule.flag.split('|').all(|flag| help.lists(flag)), "{}", rule.flag);
    }
    for flag in TensorRtLlm.manifest().denied.iter().flat_map(|denied| &denied.flags) {
        assert!(help.lists(flag), "{flag}");
    }
}

#[test]
fn the_pool_is_given_for_whole_blocks_on_each_device() {
    let pool = |ask: &Ask| {
        let charges = TensorRtLlm.memory(&model(), ask, &host());
        charges
            .iter()
            .filter(|charge| charge.part == Part::Pool)
            .map(|charge| charge.bytes)
            .collect::<Vec<_>>()
    };
    // 1000 tokens are 32 blocks of 32; a row of all layers has 30 × 2048 elements of two bytes.
    assert_eq!(pool(&on(1)), [Some(Bytes(2 * 1024 * 30 * 2048 * 2))]);
    assert_eq!(pool(&on(2)), [Some(Bytes(2 * 1024 * 30 * 1024 * 2)); 2]);
    let small = Ask { key_type: KvType::Q8_0, value_type: KvType::Q8_0, ..on(1) };
    assert_eq!(pool(&small), [None]);
    let eight = Ask { key_type: KvType::Fp8, value_type: KvType::Fp8, ..on(1) };
    assert_eq!(pool(&eight), [Some(Bytes(2 * 1024 * 30 * 2048))]);
}

#[test]
fn what_nobody_published_is_unknown() {
    let charges = TensorRtLlm.memory(&model(), &on(1), &host());
    for part in [Part::Compute, Part::Driver, Part::Process] {
        let charge = charges.iter().find(|charge| charge.part == part).unwrap();
        assert_eq!((charge.bytes, charge.at_most), (None, None), "{part:?}");
    }
    let none = TensorRtLlm.memory(&model(), &on(0), &host());
    assert!(none.iter().all(|charge| charge.bytes.is_none()), "it runs on no processor");
}
