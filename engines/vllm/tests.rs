//! Golden cases: a plan in, the files out, each flag checked against the captured help. And the pool, held against what
//! vLLM 0.32.0 (CPU) printed.

use std::path::Path;

use super::*;
use crate::contract::host::{Accelerator, AcceleratorKind, Vendor};
use crate::contract::{
    Backend, Binary, Bytes, Exit, Experts, Files, Format, KvType, Layer, Part, Place, Recurrent, Seat, Share,
    State, Task,
};
use crate::contract::{Cause, LayerWeights};
use crate::manifest::help::Help;
use crate::ranks::Ranks;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    ask: Ask,
    /// Another number of query heads than SmolLM2's nine, which two devices can't share.
    heads: Option<u64>,
}

/// SmolLM2 135M as transformers writes it: 30 layers, 3 KV heads of 64, BF16.
fn smollm2() -> Model {
    Model {
        parameters: 134_515_008,
        embedding_length: Some(576),
        feed_forward_length: Some(1536),
        vocabulary: Some(49_152),
        head_count: Some(9),
        head_size: Some(64),
        weights: crate::contract::Weights { total: Bytes(269_030_016), ..Default::default() },
        state: State::Known { layers: vec![Layer::attention(192, 192, None); 30] },
        ..Model::bare(Format::Safetensors, "llama")
    }
}

fn host() -> Host {
    let mut host: Host = serde_json::from_str(include_str!("../contract/host.example.json")).unwrap();
    let device = |index: u32| {
        let mut device = Accelerator::new(AcceleratorKind::Gpu, Vendor::Nvidia);
        device.index = Some(index);
        device.uuid = (index == 0).then(|| "GPU-0a".to_owned());
        device.memory.total = Some(Bytes::gib(24));
        device
    };
    host.accelerators = vec![device(0), device(1)];
    host
}

fn order<'a>(ask: &'a Ask, model: &'a Model, files: &'a Files, host: &'a Host) -> Order<'a> {
    Order { ask, model, files, binary: None, host, port: 40001, user: None }
}

fn files() -> Files {
    Files {
        weights: "/models/it's here".into(),
        draft: Some("/models/draft".into()),
        adapters: vec!["/models/law".into(), "/models/its".into()],
        ..Files::default()
    }
}

fn pool_of(model: &Model, ask: &Ask) -> pool::Pool {
    pool::of(model, model.layers().unwrap(), ask, &Ranks::of(ask)).unwrap()
}

#[test]
fn each_case_gives_the_golden_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vllm/cases");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        seen += 1;
        let case: Case = serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (mut model, files, host) = (smollm2(), files(), host());
        model.head_count = case.heads.or(model.head_count);
        let deployment = Vllm.deploy(&order(&case.ask, &model, &files, &host)).unwrap();
        let text: Vec<_> =
            deployment.files.iter().map(|file| format!("==> {}\n{}", file.name, file.text)).collect();
        let text = text.join("\n") + "\n==> notes\n" + &deployment.notes.join("\n");
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        insta::with_settings!({ snapshot_path => "cases", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text);
        });
    }
    assert!(seen >= 4, "the cases are read from the folder");
}

#[test]
fn every_flag_that_is_written_or_denied_stands_in_the_captured_help() {
    let help = Help::parse(deploy::NEWEST);
    for rule in &Vllm.manifest().flags {
        assert!(rule.flag.split('|').any(|flag| help.lists(flag)), "{}", rule.flag);
    }
    for flag in Vllm.manifest().denied.iter().flat_map(|denied| &denied.flags) {
        // A second spelling stands behind the first one's value.
        assert!(help.lists(flag) || deploy::NEWEST.contains(&format!(" {flag} ")), "{flag}");
    }
    assert!(help.lists("--lora-modules"));
}

#[test]
fn the_pool_of_one_kind_of_layers_is_what_vllm_made_of_it() {
    // Given 97,320,960 bytes, it printed: CPU KV cache size: 4,224 tokens.
    let ask = Ask { parallel: 2, ..Ask::new("m", Task::Chat, 2048) };
    let pool = pool_of(&smollm2(), &ask);
    assert_eq!((pool.blocks, pool.bytes()), (33, Bytes(97_320_960)));
    assert_eq!(pool.blocks * 128, 4224);
    // And given 757,923,840: 32,896 tokens.
    let pool = pool_of(&smollm2(), &Ask { parallel: 8, ..Ask::new("m", Task::Chat, 4096) });
    assert_eq!((pool.blocks * 128, pool.bytes()), (32_896, Bytes(757_923_840)));
}

#[test]
fn a_sliding_window_takes_the_window_and_what_is_computed_in_pages_of_a_group() {
    // Twelve layers with a window beside two without, one KV head of 64: groups of two. Given these bytes for a Gemma 3
    // of such dimensions, it printed: CPU KV cache size: 8,239 tokens, 2.01 requests of 4096.
    let layer = |index: usize| Layer::attention(64, 64, (index % 6 != 5).then_some(512));
    let model = Model {
        state: State::Known { layers: (0..14).map(layer).collect() },
        head_size: Some(64),
        ..Model::bare(Format::Safetensors, "gemma3_text")
    };
    let ask = Ask { parallel: 2, ..Ask::new("m", Task::Chat, 4096) };
    let pool = pool_of(&model, &ask);
    let page = 128 * 256;
    let each = 4096 / 128 + 6 * ((511_u64 + 512).div_ceil(128) + 1);
    assert_eq!((pool.block, pool.blocks), (Bytes(2 * page), 2 * each + 1));
    assert_eq!(pool.blocks * 4096 / each, 8239);
}

#[test]
fn a_state_lengthens_the_blocks_until_a_page_holds_it() {
    let state = Layer { recurrent: Some(Recurrent { convolution: 1000, state: 99_000 }), ..Layer::default() };
    let layers = [vec![state; 3], vec![Layer::attention(64, 64, None)]].concat();
    let model = Model {
        state: State::Known { layers },
        head_size: Some(64),
        ..Model::bare(Format::Safetensors, "qwen3_next")
    };
    let mut ask = Ask::new("m", Task::Chat, 4096);
    ask.placement.shares = vec![Share { device: 0, backend: Backend::Cuda, layers: 4 }];
    let pool = pool_of(&model, &ask);
    // 400,000 bytes in rows of 256 bytes: blocks of 98 × 16 tokens, and groups of one layer.
    let tokens = 98 * 16;
    assert_eq!(pool.block, Bytes(tokens * 256));
    assert_eq!(pool.blocks, 3 * 3 + 4096_u64.div_ceil(tokens) + 1);
}

#[test]
fn a_hybrid_gets_at_least_the_blocks_that_vllm_counts() {
    // Qwen3-Next with six linear layers and two with attention: vLLM printed blocks of 384 tokens, and 2.41 requests of
    // 4096 tokens in the bytes of 41 blocks, which are 17 for each.
    let state = Layer { recurrent: Some(Recurrent { convolution: 2304, state: 16_384 }), ..Layer::default() };
    let model = Model {
        state: State::Known { layers: [vec![state; 6], vec![Layer::attention(64, 64, None); 2]].concat() },
        head_size: Some(64),
        ..Model::bare(Format::Safetensors, "qwen3_next")
    };
    let pool = pool_of(&model, &Ask { parallel: 2, ..Ask::new("m", Task::Chat, 4096) });
    assert_eq!((pool.block, pool.bytes()), (Bytes(2 * 384 * 256), Bytes(8_060_928)));
    assert_eq!(pool.blocks, 2 * 20 + 1);
}

#[test]
fn each_type_of_cache_has_vllms_bytes() {
    let of = |kind| {
        let ask = Ask { key_type: kind, value_type: kind, ..Ask::new("m", Task::Chat, 2048) };
        pool::of(&smollm2(), smollm2().layers().unwrap(), &ask, &Ranks::of(&ask)).map(|pool| pool.block)
    };
    assert_eq!(of(KvType::Bf16), Some(Bytes(128 * 30 * 768)));
    // Integers and two scales for each of three heads.
    assert_eq!(of(KvType::Q8_0), Some(Bytes(128 * 30 * (384 + 24))));
    assert_eq!(of(KvType::Q4_0), Some(Bytes(128 * 30 * (192 + 24))));
    assert_eq!(of(KvType::Q5_1), None);
    // A byte for each of 384 elements, and no scales.
    assert_eq!(of(KvType::Fp8), Some(Bytes(128 * 30 * 384)));
    assert_eq!(of(KvType::Fp8E5m2), of(KvType::Fp8));
}

#[test]
fn turboquant_packs_heads_and_leaves_four_layers_as_they_are() {
    let of = |key_type, value_type| {
        let ask = Ask { key_type, value_type, ..Ask::new("m", Task::Chat, 2048) };
        pool_of(&smollm2(), &ask).block.0 / 128
    };
    use KvType::{Fp8, Turbo3, Turbo4};
    // Three heads of 64: keys of 64, 34 or 26 bytes, values of 36 or 28. Four layers keep 768 bytes.
    let packed = |head: u64| 26 * 3 * head + 4 * 768;
    assert_eq!(of(Fp8, Turbo4), packed(64 + 36));
    assert_eq!(of(Turbo4, Turbo4), packed(34 + 36));
    assert_eq!(of(Turbo3, Turbo4), packed(26 + 36));
    assert_eq!(of(Turbo3, Turbo3), packed(26 + 28));
    // vLLM's study of 2026-05-11 gives Llama 3.3 70B 2.4 times the tokens with k8v4, and 3.4 times with 4bit_nc.
    let llama = Model {
        state: State::Known { layers: vec![Layer::attention(1024, 1024, None); 80] },
        head_size: Some(128),
        ..smollm2()
    };
    let times = |key_type, value_type| {
        let ask = Ask { key_type, value_type, ..Ask::new("m", Task::Chat, 2048) };
        let whole = pool_of(&llama, &Ask::new("m", Task::Chat, 2048)).block.0;
        whole as f64 / pool_of(&llama, &ask).block.0 as f64
    };
    assert!((times(Fp8, Turbo4) - 2.4).abs() < 0.05 && (times(Turbo4, Turbo4) - 3.4).abs() < 0.06);
}

#[test]
fn what_vllm_calls_a_type_stands_in_the_captured_help() {
    let line = deploy::NEWEST.lines().find(|line| line.contains("--kv-cache-dtype {")).unwrap();
    let choices: Vec<&str> = line.split(['{', '}']).nth(1).unwrap().split(',').collect();
    let rules = &Vllm.manifest().admission.backends;
    let mut seen = 0;
    for rule in rules {
        let same = rule.cache.types.iter().map(|kind| (*kind, *kind));
        for (key_type, value_type) in same.chain(rule.cache.pairs.iter().copied()) {
            let ask = Ask { key_type, value_type, ..Ask::new("m", Task::Chat, 2048) };
            let kinds = kinds::of(&ask).unwrap();
            assert!(choices.contains(&kinds.name), "{}", kinds.name);
            seen += 1;
        }
    }
    assert!(seen >= 20);
}

#[test]
fn a_model_whose_cache_can_not_be_kept_or_counted_so_is_refused_and_its_sum_unknown() {
    let host = host();
    let told = |model: &Model, key_type, value_type| {
        let ask = Ask { key_type, value_type, ..Ask::new("m", Task::Chat, 2048) };
        let pool =
            Vllm.memory(model, &ask, &host).into_iter().find(|charge| charge.part == Part::Pool).unwrap();
        let refused = Vllm.deploy(&order(&ask, model, &files(), &host)).unwrap_err().to_string();
        assert_eq!(pool.bytes, None);
        assert!(
            pool.how.starts_with("unknown: ") && refused.ends_with(&pool.how[9..]),
            "{refused} / {}",
            pool.how
        );
        refused
    };
    use KvType::{Fp8, Fp8E5m2, Q8_0, Turbo4};
    let with = |layer: Layer| Model { state: State::Known { layers: vec![layer; 4] }, ..smollm2() };
    let latent = with(Layer::attention(576, 0, None));
    assert!(told(&latent, Fp8E5m2, Fp8E5m2).contains("latent keys"));
    assert!(told(&latent, Q8_0, Q8_0).contains("latent keys"));
    let window = with(Layer::attention(192, 192, Some(512)));
    assert!(told(&window, Turbo4, Turbo4).contains("sliding window"));
    let index = Some(crate::contract::Index { elements: 64, value_elements: 0, every: 1 });
    let sparse = with(Layer { index, ..Layer::attention(576, 0, None) });
    assert!(told(&sparse, Fp8, Fp8).contains("layout of its own"));
    let mut eight = smollm2();
    eight.weights.by_type.insert("FP8".into(), Bytes(1));
    assert!(told(&eight, Fp8E5m2, Fp8E5m2).contains("beside weights in FP8"));
    assert!(told(&smollm2(), Turbo4, Fp8).contains("no turbo4 keys beside fp8 values"));
}

#[test]
fn what_can_not_be_told_is_unknown_and_no_number() {
    let host = host();
    let ask = Ask { key_type: KvType::Q5_1, value_type: KvType::Q5_1, ..Ask::new("m", Task::Chat, 2048) };
    let charges = Vllm.memory(&smollm2(), &ask, &host);
    let pool = charges.iter().find(|charge| charge.part == Part::Pool).unwrap();
    assert_eq!(pool.bytes, None);
    assert!(pool.how.contains("q5_1"), "{}", pool.how);
    let refused = Vllm.deploy(&order(&ask, &smollm2(), &files(), &host)).unwrap_err();
    assert!(matches!(refused, Refusal::Unable { .. }), "{refused}");

    let mut ask = Ask::new("m", Task::Chat, 2048);
    ask.placement.shares = vec![Share { device: 0, backend: Backend::Cuda, layers: 30 }];
    let charges = Vllm.memory(&smollm2(), &ask, &host);
    let of = |part| charges.iter().find(|charge| charge.part == part).unwrap();
    assert_eq!(of(Part::Weights).place, Place::Device(0));
    assert_eq!(of(Part::Weights).bytes, Some(Bytes(269_030_016)));
    for part in [Part::Compute, Part::Driver, Part::Process] {
        assert_eq!(of(part).bytes, None, "{part:?} was not measured");
    }
    assert!(of(Part::Compute).at_most.is_some());
}

#[test]
fn prompts_on_the_disk_take_their_buffers_in_host_memory() {
    let mut ask = Ask { disk_cache: Bytes::gib(20), ..Ask::new("m", Task::Chat, 2048) };
    let share = |device| Share { device, backend: Backend::Cuda, layers: 30 };
    ask.placement.shares = vec![share(0)];
    let buffers = |ask: &Ask| {
        let charges = Vllm.memory(&smollm2(), ask, &host());
        let buffers: Vec<_> = charges.into_iter().filter(|charge| charge.part == Part::Prompts).collect();
        assert!(buffers.iter().all(|charge| charge.place == Place::Host));
        buffers.iter().map(|charge| charge.bytes).collect::<Vec<_>>()
    };
    // Two blocks of 16 tokens in either direction.
    assert_eq!(buffers(&ask), [Some(Bytes(4 * 16 * 30 * 768))]);
    assert_eq!(buffers(&Ask { disk_cache: Bytes::ZERO, ..ask.clone() }), []);
    let embedding = Ask { task: Task::Embedding, ..ask.clone() };
    let refused = Vllm.deploy(&order(&embedding, &smollm2(), &files(), &host())).unwrap_err();
    assert!(refused.to_string().contains("which embeddings don't"), "{refused}");
    let windows = Model {
        state: State::Known { layers: vec![Layer::attention(192, 192, Some(512)); 30] },
        ..smollm2()
    };
    let refused = Vllm.deploy(&order(&ask, &windows, &files(), &host())).unwrap_err();
    assert!(refused.to_string().contains("the whole context"), "{refused}");
}

#[test]
fn heads_that_two_devices_can_not_share_are_refused() {
    let share = |device| Share { device, backend: Backend::Cuda, layers: 15 };
    let mut ask = Ask::new("m", Task::Chat, 2048);
    ask.placement.shares = vec![share(0), share(1)];
    let refused = Vllm.deploy(&order(&ask, &smollm2(), &files(), &host())).unwrap_err();
    assert!(refused.to_string().contains("9 attention heads"), "{refused}");
    let charges = Vllm.memory(&smollm2(), &ask, &host());
    assert!(charges.iter().filter(|charge| charge.part == Part::Pool).all(|charge| charge.bytes.is_none()));
}

#[test]
fn prediction_layers_count_only_where_they_guess() {
    let mut model = smollm2();
    model.prediction_layers = 1;
    model.weights.layers = vec![LayerWeights { dense: Bytes(1000), experts: Bytes::ZERO }; 31];
    let weights = |ask: &Ask| {
        let charges = Vllm.memory(&model, ask, &host());
        charges.iter().find(|charge| charge.part == Part::Weights).unwrap().bytes.unwrap()
    };
    let ask = Ask::new("m", Task::Chat, 2048);
    let mtp = Ask {
        speculation: Some(serde_json::from_str(r#"{"method": "mtp", "max_tokens": 1}"#).unwrap()),
        ..ask.clone()
    };
    assert_eq!(weights(&mtp), weights(&ask) + Bytes(1000));
    let (without, with) = (pool_of(&model, &ask), pool_of(&model, &mtp));
    assert_eq!(with.block.0 * 30, without.block.0 * 31);
}

#[test]
fn hostile_numbers_saturate() {
    let huge = u64::MAX;
    let layers = vec![
        Layer::attention(huge, huge, Some(huge)),
        Layer {
            recurrent: Some(Recurrent { convolution: huge, state: huge }),
            ..Layer::attention(1, 0, None)
        },
    ];
    let model = Model {
        embedding_length: Some(huge),
        feed_forward_length: Some(huge),
        vocabulary: Some(huge),
        head_count: Some(huge),
        head_size: Some(1),
        experts: Some(Experts { count: huge, used: huge, feed_forward_length: huge }),
        state: State::Known { layers },
        ..Model::bare(Format::Safetensors, "x")
    };
    let ask = Ask { parallel: u32::MAX, prefill_chunk: huge, ..Ask::new("m", Task::Chat, huge) };
    let charges = Vllm.memory(&model, &ask, &host());
    assert!(charges.iter().any(|charge| charge.bytes == Some(Bytes(huge))));
}

#[test]
fn the_last_lines_of_failures_tell_their_cause() {
    let told =
        |line: &str| Vllm.classify(Exit::Code(1), &[line.to_owned(), "EngineCore failed to start.".into()]);
    assert_eq!(told("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate"), Cause::OutOfMemory);
    assert_eq!(told("vllm: error: unrecognized arguments: --swap-space 4"), Cause::Config);
    assert_eq!(told("something new"), Cause::Crash);
}

#[test]
fn it_is_not_started_by_edgeorch() {
    let (ask, seat) = (Ask::new("m", Task::Chat, 2048), Seat { port: 1, key: String::new() });
    let binary = Binary {
        program: "vllm".into(),
        help: String::new(),
        version: None,
        library_path: None,
        devices: Vec::new(),
    };
    let refused = Vllm.launch(&ask, &smollm2(), &files(), &binary, &seat).unwrap_err();
    assert!(refused.to_string().contains("edgeorch plan"), "{refused}");
}
