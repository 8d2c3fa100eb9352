//! The admission matrix of every engine, held against machines and asks; names of devices from listings.

use super::*;
use crate::contract::host::{
    Accelerator, AcceleratorKind, Api, EngineFound, EngineOrigin, Slice, Target, Vendor,
};
use crate::contract::{
    Ask, Backend, Bytes, DeviceName, Feature, Format, Host, KvType, Layer, Layout, Model, Obstacle,
    Placement, Share, Speculation, SpeculationMethod, State, Task,
};

fn llama() -> &'static Manifest {
    crate::find("llama.cpp").unwrap().manifest()
}

/// Any machine with these accelerators.
fn host(accelerators: Vec<Accelerator>) -> Host {
    let mut host: Host = serde_json::from_str(include_str!("../contract/host.example.json")).unwrap();
    host.accelerators = accelerators;
    host.os.family = OsFamily::Linux;
    host
}

fn gpu(vendor: Vendor, name: &str, api: Api) -> Accelerator {
    Accelerator {
        name: Some(name.into()),
        apis: vec![api, Api::Vulkan],
        ..Accelerator::new(AcceleratorKind::Gpu, vendor)
    }
}

fn geforce(name: &str) -> Accelerator {
    let target = Some(Target::ComputeCapability("8.9".into()));
    Accelerator { target, ..gpu(Vendor::Nvidia, name, Api::Cuda) }
}

fn model(types: &[&str]) -> Model {
    let mut model = Model {
        state: State::Known { layers: vec![Layer::attention(64, 64, None); 4] },
        ..Model::bare(Format::Gguf, "llama")
    };
    model.weights.by_type = types.iter().map(|kind| ((*kind).to_owned(), Bytes(1))).collect();
    model
}

fn ask() -> Ask {
    Ask::new("a", Task::Chat, 4096)
}

fn on(backend: Backend, layers: &[u32]) -> Ask {
    let share = |(device, layers): (usize, &u32)| Share { device, backend, layers: *layers };
    let placement =
        Placement { shares: layers.iter().enumerate().map(share).collect(), ..Placement::default() };
    Ask { placement, ..ask() }
}

fn admits(types: &[&str], ask: &Ask, host: &Host, backend: Backend) -> Result<(), String> {
    llama().admits(&model(types), ask, host, backend).map_err(|obstacle| obstacle.to_string())
}

#[test]
fn every_feature_is_promised_or_refused_with_a_reason_by_every_engine() {
    for engine in crate::all() {
        let manifest = engine.manifest();
        let admission = &manifest.admission;
        for feature in Feature::ALL {
            let told = [admission.can.contains(&feature), admission.cannot.contains_key(&feature)];
            assert_eq!(told.iter().filter(|told| **told).count(), 1, "{}: {feature:?}", manifest.id);
        }
        assert!(manifest.formats.iter().all(|format| !format.is_empty()), "{}", manifest.id);
        for rule in &admission.backends {
            assert_eq!(
                rule.api.is_none(),
                rule.backend == Backend::Cpu,
                "{}: {:?}",
                manifest.id,
                rule.backend
            );
            assert!(!rule.os.is_empty() && !rule.source.is_empty(), "{}: {:?}", manifest.id, rule.backend);
            let kept = |kind: &KvType| rule.cache.types.contains(kind);
            assert!(rule.cache.alone.iter().all(kept) && rule.cache.device.keys().all(kept));
            assert!(rule.cache.pairs.iter().all(|(key, value)| kept(key) && kept(value) && key != value));
            for name in rule.weights.iter().flat_map(|rule| &rule.types) {
                let list = name.strip_prefix('@');
                assert!(list.is_none_or(|list| admission.lists.contains_key(list)), "no list {name}");
            }
        }
    }
}

#[test]
fn a_type_is_run_where_the_backend_has_a_kernel_and_nowhere_else() {
    let host = host(vec![geforce("NVIDIA GeForce RTX 4090")]);
    for (kind, cpu, cuda, vulkan) in [
        ("Q4_K", true, true, true),
        ("Q4_K_M", true, true, true),
        ("TQ1_0", true, false, true),
        ("TQ2_0", true, false, true),
        ("NVFP4", true, true, true),
        ("Q2_0", true, true, true),
        ("AWQ-int4", false, false, false),
    ] {
        let types = [kind, "F32"];
        assert_eq!(admits(&types, &ask(), &host, Backend::Cpu).is_ok(), cpu, "{kind} cpu");
        assert_eq!(
            admits(&types, &on(Backend::Cuda, &[4]), &host, Backend::Cuda).is_ok(),
            cuda,
            "{kind} cuda"
        );
        assert_eq!(
            admits(&types, &on(Backend::Vulkan, &[4]), &host, Backend::Vulkan).is_ok(),
            vulkan,
            "{kind} vulkan"
        );
    }
    let why = admits(&["TQ2_0"], &on(Backend::Cuda, &[4]), &host, Backend::Cuda).unwrap_err();
    assert_eq!(
        why,
        "llama.cpp's cuda backend does not run weights of type TQ2_0: it has no kernel for them, the CPU has"
    );
}

#[test]
fn a_build_that_is_too_old_for_a_type_is_named_and_one_without_a_number_is_not_judged() {
    let with = |build: &str| {
        let mut host = host(vec![geforce("RTX")]);
        host.software.engines = vec![EngineFound {
            engine: "llama.cpp".into(),
            origin: EngineOrigin::Program,
            path: "/usr/bin/llama-server".into(),
            version: Some("0.1.0".into()),
            build: Some(build.into()),
            backends: Vec::new(),
        }];
        admits(&["TQ1_0"], &on(Backend::Vulkan, &[4]), &host, Backend::Vulkan)
    };
    let why = with("10434").unwrap_err();
    assert!(why.contains("llama.cpp 10434 runs no TQ1_0 on vulkan: it is since b11434"), "{why}");
    assert_eq!(with("11434"), Ok(()));
    assert_eq!(with("b12000"), Ok(()));
    assert_eq!(with("1"), Ok(()), "builds of shallow clones call themselves 1");
    assert_eq!(with("unknown"), Ok(()));
}

#[test]
fn caches_that_the_backend_would_copy_or_not_keep_are_refused() {
    let host = host(vec![geforce("RTX")]);
    let cache = |backend, key_type, value_type| {
        let base = if backend == Backend::Cpu { ask() } else { on(backend, &[4]) };
        admits(&["Q4_0"], &Ask { key_type, value_type, ..base }, &host, backend)
    };
    use KvType::{Bf16, F16, Q4_0, Q5_1, Q8_0};
    assert_eq!(cache(Backend::Cpu, Q8_0, Q4_0), Ok(()));
    assert_eq!(cache(Backend::Cuda, Q8_0, Q8_0), Ok(()));
    assert!(cache(Backend::Cuda, Q8_0, Q4_0).unwrap_err().contains("of one type, not q8_0 and q4_0"));
    assert!(cache(Backend::Cuda, Q5_1, Q5_1).unwrap_err().contains("it keeps f16, bf16, q8_0, q4_0"));
    assert_eq!(cache(Backend::Vulkan, Q8_0, F16), Ok(()));
    assert!(cache(Backend::Vulkan, Bf16, F16).is_err(), "bf16 goes with itself only");
}

#[test]
fn caches_of_eight_bit_floats_are_for_engines_and_devices_that_have_them() {
    use KvType::{Fp8, Fp8E5m2, Turbo3, Turbo4};
    let cache = |engine: &str, (key_type, value_type), capability: &str| {
        let target = Some(Target::ComputeCapability(capability.into()));
        let host = host(vec![Accelerator { target, ..geforce("RTX") }]);
        let ask = Ask { key_type, value_type, ..on(Backend::Cuda, &[4]) };
        let format = if engine == "llama.cpp" { Format::Gguf } else { Format::Safetensors };
        let model = Model { format, ..model(&["F16"]) };
        let manifest = crate::find(engine).unwrap().manifest();
        manifest.admits(&model, &ask, &host, Backend::Cuda).map_err(|why| why.to_string())
    };
    assert_eq!(
        cache("llama.cpp", (Fp8, Fp8), "8.9").unwrap_err(),
        "llama.cpp's cuda backend keeps no cache of type fp8; it keeps f16, bf16, q8_0, q4_0"
    );
    assert_eq!(cache("vllm", (Fp8, Fp8), "8.9"), Ok(()));
    let old = cache("vllm", (Fp8, Fp8), "8.6").unwrap_err();
    assert!(old.contains("keeps no cache of type fp8 here: RTX has compute capability 8.6"), "{old}");
    assert_eq!(cache("vllm", (Fp8E5m2, Fp8E5m2), "8.6"), Ok(()));
    assert_eq!(cache("vllm", (Turbo3, Turbo4), "8.6"), Ok(()));
    assert_eq!(cache("vllm", (Fp8, Turbo4), "8.9"), Ok(()));
    assert!(cache("vllm", (Turbo4, Turbo3), "8.9").unwrap_err().contains("of one type"));
    assert_eq!(cache("tensorrt-llm", (Fp8, Fp8), "8.6"), Ok(()));
    assert!(cache("tensorrt-llm", (Turbo4, Turbo4), "8.9").unwrap_err().contains("it keeps f16, bf16, fp8"));
}

#[test]
fn machines_and_devices_that_a_backend_can_not_use_are_told_apart() {
    let host = host(vec![geforce("RTX 4090"), gpu(Vendor::Amd, "Radeon", Api::Rocm)]);
    assert_eq!(
        llama().backends(&host),
        [(0, Backend::Cuda), (0, Backend::Vulkan), (1, Backend::Rocm), (1, Backend::Vulkan)]
    );
    let told = |ask: &Ask, backend| admits(&["Q4_0"], ask, &host, backend).unwrap_err();
    assert!(
        told(&on(Backend::Cuda, &[2, 2]), Backend::Cuda).contains("Radeon can't be reached through cuda")
    );
    assert!(told(&on(Backend::Cuda, &[1, 1, 1]), Backend::Cuda).contains("accelerator 1"));
    assert!(told(&on(Backend::Vulkan, &[4]), Backend::Cuda).contains("placed through vulkan, not cuda"));
    assert!(told(&ask(), Backend::Metal).contains("does not run on linux"));
    let bare = self::host(Vec::new());
    let why = admits(&["Q4_0"], &ask(), &bare, Backend::Cuda).unwrap_err();
    assert!(why.contains("there is none"), "{why}");
    let mut missing = on(Backend::Cuda, &[4]);
    missing.placement.shares[0].device = 7;
    assert!(admits(&["Q4_0"], &missing, &host, Backend::Cuda).unwrap_err().contains("none of this number"));
}

#[test]
fn what_an_engine_has_no_setting_for_is_an_obstacle() {
    let ollama = crate::find("ollama").unwrap().manifest();
    let host = host(vec![geforce("a"), geforce("b")]);
    let told = |ask: Ask, backend| ollama.admits(&model(&["Q4_0"]), &ask, &host, backend);
    assert_eq!(told(on(Backend::Cuda, &[4]), Backend::Cuda), Ok(()));
    assert_eq!(told(on(Backend::Cuda, &[2]), Backend::Cuda), Ok(()));
    let split = told(on(Backend::Cuda, &[2, 2]), Backend::Cuda).unwrap_err();
    assert_eq!(split.to_string(), "ollama spreads layers over devices by itself and can't be told how");
    let pool = Ask { layout: Layout::Unified, parallel: 2, ..ask() };
    assert!(matches!(told(pool, Backend::Cpu), Err(Obstacle::Cannot { .. })));
    let guess = |method| Some(Speculation { method, max_tokens: 4, draft: None });
    let ngram = Ask { speculation: guess(SpeculationMethod::Ngram), ..ask() };
    assert!(matches!(told(ngram, Backend::Cpu), Err(Obstacle::Cannot { .. })));
    let mtp = Ask { speculation: guess(SpeculationMethod::Mtp), ..ask() };
    assert_eq!(told(mtp, Backend::Cpu), Ok(()));
    let folder = Model::bare(Format::Safetensors, "llama");
    assert!(matches!(ollama.admits(&folder, &ask(), &host, Backend::Cpu), Err(Obstacle::Format { .. })));
}

#[test]
fn prompts_go_to_the_disk_only_where_an_engine_holds_a_limit() {
    let host = host(vec![geforce("a")]);
    let on_disk = Ask { disk_cache: Bytes::gib(1), ..on(Backend::Cuda, &[4]) };
    let both = Ask { prompt_cache: Bytes::gib(1), ..on_disk.clone() };
    let told = |engine: &str, format, ask: &Ask| {
        let model = Model { format, ..model(&["F16"]) };
        let manifest = crate::find(engine).unwrap().manifest();
        manifest.admits(&model, ask, &host, Backend::Cuda).map_err(|why| why.to_string())
    };
    let slots = told("llama.cpp", Format::Gguf, &on_disk).unwrap_err();
    assert!(slots.starts_with("llama.cpp has no tier on the disk: --slot-save-path"), "{slots}");
    assert!(
        told("ollama", Format::Gguf, &on_disk).unwrap_err().contains("no setting for a cache on the disk")
    );
    assert_eq!(told("vllm", Format::Safetensors, &on_disk), Ok(()));
    assert!(told("vllm", Format::Safetensors, &both).unwrap_err().contains("without a limit"));
    assert_eq!(told("tensorrt-llm", Format::Safetensors, &on_disk), Ok(()));
    assert_eq!(told("tensorrt-llm", Format::Safetensors, &both), Ok(()));
}

fn names(printed: &str, host: &Host) -> Vec<(usize, String)> {
    let names = llama().name_devices(printed, host);
    names.into_iter().map(|DeviceName { accelerator, name, .. }| (accelerator, name)).collect()
}

#[test]
fn devices_are_known_by_their_descriptions_whatever_their_numbers() {
    let two = host(vec![geforce("NVIDIA GeForce RTX 3060"), geforce("NVIDIA GeForce RTX 3060 Ti")]);
    let printed = "Available devices:\n  CUDA0: NVIDIA GeForce RTX 3060 Ti (8192 MiB, 8000 MiB free)\n  \
                   CUDA1: NVIDIA GeForce RTX 3060 (12288 MiB, 12000 MiB free)\n";
    assert_eq!(names(printed, &two), [(0, "CUDA1".to_owned()), (1, "CUDA0".to_owned())]);
}

#[test]
fn devices_that_are_alike_go_by_their_order_and_a_single_one_by_being_single() {
    let card = || geforce("NVIDIA L4");
    let printed = "  CUDA1: NVIDIA L4 (1 MiB, 1 MiB free)\n  CUDA0: NVIDIA L4 (1 MiB, 1 MiB free)\n";
    assert_eq!(names(printed, &host(vec![card(), card()])), [(0, "CUDA0".into()), (1, "CUDA1".into())]);
    let radeon = host(vec![gpu(Vendor::Amd, "Navi 31", Api::Rocm)]);
    let printed = "  Vulkan0: AMD Radeon RX 7900 XTX (RADV NAVI31) (24560 MiB, 24000 MiB free)\n";
    assert_eq!(names(printed, &radeon), [(0, "Vulkan0".into())]);
}

#[test]
fn a_device_that_could_be_another_stays_without_a_name() {
    let card = || geforce("NVIDIA L4");
    let one_listed = "  CUDA0: NVIDIA L4 (1 MiB, 1 MiB free)\n";
    assert_eq!(names(one_listed, &host(vec![card(), card()])), [], "one of two is hidden: which?");
    let sliced = Accelerator {
        slices: vec![Slice {
            uuid: None,
            profile: None,
            memory_total: None,
            memory_free: None,
            multiprocessors: None,
        }],
        ..card()
    };
    assert_eq!(names(one_listed, &host(vec![sliced])), []);
    let no_cuda = host(vec![gpu(Vendor::Amd, "NVIDIA L4", Api::Rocm)]);
    assert_eq!(names(one_listed, &no_cuda), [], "not reachable through CUDA by the audit's word");
    for printed in
        ["", "Available devices:\n  (none)\n", "CUDA", ": : :", "CUDA99999999999: a", "  CUDA0x: a (b"]
    {
        assert_eq!(names(printed, &host(vec![card()])), [], "{printed:?}");
    }
}
