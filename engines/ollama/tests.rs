//! What Ollama's files say, and what is refused because they could not say it.

use super::*;
use crate::contract::{
    Binary, Bytes, DeployFile, Files, Format, KvType, Layer, Place, Placement, Seat, Share, Speculation,
    SpeculationMethod, State, Task,
};

fn host() -> Host {
    serde_json::from_str(include_str!("../contract/host.example.json")).unwrap()
}

fn model() -> Model {
    Model {
        state: State::Known { layers: vec![Layer::attention(64, 64, None); 4] },
        prediction_layers: 1,
        ..Model::bare(Format::Gguf, "llama")
    }
}

fn ask() -> Ask {
    Ask { parallel: 2, threads: 4, ..Ask::new("notes", Task::Chat, 8192) }
}

fn files(ask: &Ask, weights: &str) -> Result<Vec<DeployFile>, Refusal> {
    let files = Files { weights: weights.into(), ..Files::default() };
    let order =
        Order { ask, model: &model(), files: &files, binary: None, host: &host(), port: 40002, user: None };
    Ollama.deploy(&order).map(|deployment| deployment.files)
}

fn text<'a>(files: &'a [DeployFile], name: &str) -> &'a str {
    &files.iter().find(|file| file.name == name).unwrap().text
}

#[test]
fn the_files_say_what_was_planned() {
    let ask =
        Ask { key_type: KvType::Q8_0, value_type: KvType::Q8_0, prompt_cache: Bytes::mib(512), ..ask() };
    let files = files(&ask, "/models/my model.gguf").unwrap();
    assert_eq!(
        text(&files, "Modelfile"),
        "FROM /models/my model.gguf\nPARAMETER num_ctx 8192\nPARAMETER num_batch 512\nPARAMETER num_thread 4\n\
         PARAMETER num_gpu 0\nPARAMETER draft_num_predict 0\nPARAMETER use_mmap false\n"
    );
    let env = text(&files, "ollama.env");
    for line in [
        "OLLAMA_HOST=127.0.0.1:40002",
        "OLLAMA_NUM_PARALLEL=2",
        "OLLAMA_KV_CACHE_TYPE=q8_0",
        "OLLAMA_FLASH_ATTENTION=1",
        "OLLAMA_NO_CLOUD=1",
        "LLAMA_ARG_CACHE_RAM=512",
        "LLAMA_ARG_FIT=off",
        "LLAMA_ARG_DEVICE=none",
    ] {
        assert!(env.lines().any(|had| had == line), "{line} is missing in\n{env}");
    }
    let script = files.iter().find(|file| file.name == "start.sh").unwrap();
    assert!(script.executable && script.text.contains("ollama create notes -f Modelfile"));
}

#[test]
fn layers_are_counted_with_the_output_and_what_predicts() {
    let mut host = host();
    let mut gpu = crate::contract::host::Accelerator::new(
        crate::contract::host::AcceleratorKind::Gpu,
        crate::contract::host::Vendor::Nvidia,
    );
    gpu.apis = vec![crate::contract::host::Api::Cuda];
    gpu.uuid = Some("GPU-1".into());
    gpu.target = Some(crate::contract::host::Target::ComputeCapability("8.6".into()));
    host.accelerators = vec![gpu];
    let share = Share { device: 0, backend: crate::contract::Backend::Cuda, layers: 3 };
    let speculation = Some(Speculation { method: SpeculationMethod::Mtp, max_tokens: 2, draft: None });
    let ask =
        Ask { placement: Placement { shares: vec![share], ..Placement::default() }, speculation, ..ask() };
    let files = Files { weights: "/m.gguf".into(), ..Files::default() };
    let order =
        Order { ask: &ask, model: &model(), files: &files, binary: None, host: &host, port: 1, user: None };
    let files = Ollama.deploy(&order).unwrap().files;
    assert!(text(&files, "Modelfile").contains("num_gpu 5\n"));
    assert!(text(&files, "Modelfile").contains("draft_num_predict 2\n"));
    assert!(text(&files, "ollama.env").contains("CUDA_VISIBLE_DEVICES=GPU-1\n"));
    assert!(!text(&files, "ollama.env").contains("LLAMA_ARG_DEVICE"));
}

#[test]
fn what_a_modelfile_can_not_say_is_refused() {
    let refused = |ask: &Ask, weights: &str| files(ask, weights).unwrap_err().to_string();
    assert!(refused(&ask(), "/a\nPARAMETER num_ctx 1.gguf").contains("can't name the file"));
    assert!(refused(&ask(), "\"quoted\".gguf").contains("can't name the file"));
    let own = Ask { runtime_flags: vec!["--x".into()], ..ask() };
    assert!(refused(&own, "/m.gguf").contains("leave out runtime_flags"));
    let mixed = Ask { key_type: KvType::Q8_0, ..ask() };
    assert!(refused(&mixed, "/m.gguf").contains("keys and values of one type"));
}

#[test]
fn it_is_planned_for_and_not_started() {
    let binary = Binary {
        program: "/usr/bin/ollama".into(),
        help: String::new(),
        version: None,
        library_path: None,
        devices: Vec::new(),
    };
    let seat = Seat { port: 1, key: "k".into() };
    let refused = Ollama.launch(&ask(), &model(), &Files::default(), &binary, &seat).unwrap_err();
    assert!(refused.to_string().contains("plans for ollama and does not start it yet"), "{refused}");
    let ours = Ollama.memory(&model(), &ask(), &host());
    let child = LlamaCpp.memory(&model(), &ask(), &host());
    assert_eq!(ours[..child.len()], child, "it runs llama-server");
    assert!(ours.iter().skip(child.len()).all(|charge| charge.place == Place::Host));
    assert_eq!(crate::preferred().unwrap().manifest().id, "llama.cpp");
}
