//! The projection against sums worked out by hand, and the constants against their fit.

use edgeorch_engines::contract::host::{
    Accelerator, AcceleratorKind, Bandwidth, Nominal, ReadMethod, ReadSpeed, Target, Vendor,
};
use edgeorch_engines::contract::{
    Backend, Basis, Experts, Format, Layer, LayerWeights, Share, Speculation, SpeculationMethod, State, Task,
    Weights,
};
use edgeorch_engines::{Ask, Bytes, Host, Model, Placement};

use super::rows::ROWS;
use super::tables::CONSTANTS;
use super::*;

const GB: u64 = 1_000_000_000;

fn host() -> Host {
    let mut host: Host =
        serde_json::from_str(include_str!("../../../engines/contract/host.example.json")).unwrap();
    host.memory.bandwidth = Some(Bandwidth {
        bytes_per_second: 60 * GB,
        threads: 8,
        one_thread_bytes_per_second: 20 * GB,
        working_set: Bytes::gib(1),
        milliseconds: 100,
    });
    host.storage.read = Some(ReadSpeed {
        bytes_per_second: GB,
        method: ReadMethod::Direct,
        bytes: Bytes::gib(1),
        milliseconds: 1000,
    });
    host.memory.available = Some(Bytes::gib(64));
    host.memory.limit = None;
    host.accelerators = vec![card(1008.0)];
    host
}

fn card(bandwidth: f64) -> Accelerator {
    let mut card = Accelerator::new(AcceleratorKind::Gpu, Vendor::Nvidia);
    card.name = Some("test card".into());
    card.target = Some(Target::ComputeCapability("8.9".into()));
    card.nominal = Some(Nominal {
        device: "test card".into(),
        laptop: Some(false),
        bandwidth_gbs: Some(bandwidth),
        fp16_tflops: Some(82.6),
        fp16_tensor_tflops: None,
        int8_tops: None,
        tdp_watts: None,
        source: "test".into(),
    });
    card
}

/// 32 layers of 128 MB and an output of 256 MB; 8 KiB of context per token and layer.
fn model() -> Model {
    let mut model = Model::bare(Format::Gguf, "llama");
    model.basis = Basis::Header;
    let layers = vec![LayerWeights { dense: Bytes(128_000_000), experts: Bytes::ZERO }; 32];
    model.weights = Weights {
        total: Bytes(32 * 128_000_000 + 512_000_000),
        token_embedding: Bytes(256_000_000),
        output: Bytes(256_000_000),
        layers,
        ..Weights::default()
    };
    model.parameters = 8_000_000_000;
    model.embedding_length = Some(4096);
    model.head_count = Some(32);
    model.head_size = Some(128);
    model.state = State::Known { layers: vec![Layer::attention(1024, 1024, None); 32] };
    model
}

fn mixture() -> Model {
    let mut model = model();
    let layers = vec![LayerWeights { dense: Bytes(28_000_000), experts: Bytes(400_000_000) }; 32];
    model.weights.total = Bytes(32 * 428_000_000 + 512_000_000);
    model.weights.layers = layers;
    model.experts = Some(Experts { count: 32, used: 4, feed_forward_length: 2048 });
    model
}

fn ask(layers: u32) -> Ask {
    let mut ask = Ask::new("m", Task::Chat, 16384);
    ask.threads = 8;
    ask.parallel = 8;
    if layers > 0 {
        ask.placement = Placement {
            shares: vec![Share { device: 0, backend: Backend::Cuda, layers }],
            ..Placement::default()
        };
    }
    ask
}

fn turn() -> Workload {
    Workload { prompt: 2048, cached: 0, output: 256, depth: 0, concurrent: 1 }
}

fn of(model: &Model, ask: &Ask, workload: &Workload) -> Projection {
    project(model, ask, "llama.cpp b9000", &host(), workload).unwrap()
}

fn constants(backend: Backend, era: tables::Era) -> &'static tables::Constants {
    let plain =
        |c: &&tables::Constants| c.backend == Some(backend) && c.class.is_plain() && c.era == Some(era);
    CONSTANTS.decode.iter().find(plain).unwrap()
}

#[test]
fn a_token_costs_its_weights_its_context_and_its_layers() {
    let cuda = constants(Backend::Cuda, tables::Era::New);
    // 32 × 128 MB and the output, of 1008 GB/s; 2176 tokens of 128 KiB; 32 layers of 18 operations.
    let weights = 4.352 / 1008.0 * cuda.stream;
    let context = 2176.0 * 32.0 * 4096.0 / 1008e9 * cuda.cache;
    let seconds = weights + context + 32.0 * 18e-6 * cuda.step_us;
    let decode = of(&model(), &ask(32), &turn()).decode;
    assert!((decode.p50 * seconds - 1.0).abs() < 1e-6, "{decode:?} is not 1/{seconds}");
    assert!(decode.p10 < decode.p50 && decode.p50 < decode.p90);
}

#[test]
fn nothing_is_faster_than_reading_the_weights() {
    let mut host = host();
    host.accelerators = vec![card(10.0)];
    let decode = project(&model(), &ask(32), "llama.cpp b9000", &host, &turn()).unwrap().decode;
    let bound = 10.0 / 4.352;
    assert!(decode.p90 <= bound + 1e-9 && decode.p50 < bound, "{decode:?} with a bound of {bound}");
}

#[test]
fn layers_in_two_memories_take_the_time_of_both() {
    let time = |layers| 1.0 / of(&model(), &ask(layers), &turn()).decode.p50;
    let (host, half, device) = (time(0), time(16), time(32));
    assert!(device < half && half < host);
    // The output goes with the last layer, so a half is faster than the middle.
    assert!(half < (host + device) / 2.0 && half > host * 0.4, "{host} {half} {device}");
}

#[test]
fn experts_in_host_memory_cost_more_than_on_the_device_and_less_than_the_whole_layer() {
    let on_device = ask(32);
    let mut experts_on_host = ask(32);
    experts_on_host.placement.experts_on_host = 32;
    let time = |ask: &Ask| 1.0 / of(&mixture(), ask, &turn()).decode.p50;
    assert!(time(&on_device) < time(&experts_on_host));
    assert!(time(&experts_on_host) < time(&ask(0)));
}

#[test]
fn a_mixture_reads_the_experts_that_it_uses() {
    let parts = work::parts(&mixture(), &ask(32), &host(), &turn(), 1).unwrap();
    let device = &parts.places[&edgeorch_engines::Place::Device(0)];
    let expected = 32.0 * (28e6 + 400e6 / 8.0) + 256e6;
    assert!((device.weights - expected).abs() < 1.0, "{} is not {expected}", device.weights);
    // A layer of llama's 18 operations, and nine of its experts.
    assert_eq!(device.steps, 32.0 * 27.0);
}

#[test]
fn many_requests_read_the_weights_once_until_computing_takes_longer() {
    let many =
        |concurrent| of(&model(), &ask(32), &Workload { concurrent, prompt: 64, output: 64, ..turn() });
    let (one, eight) = (many(1), many(8));
    assert!(eight.decode_all.p50 > 4.0 * one.decode_all.p50, "{:?} {:?}", one.decode_all, eight.decode_all);
    assert!(eight.decode.p50 <= one.decode.p50);
    // A ninth finds no slot: it is not answered at once, and the turn gets longer.
    let nine = many(9);
    assert_eq!(nine.decode_all, eight.decode_all);
    assert!(nine.turn_ms.unwrap().p50 > eight.turn_ms.unwrap().p50);
}

#[test]
fn many_requests_on_a_processor_take_the_longer_of_unpacking_and_computing() {
    // Memory that holds nothing up, one thread, and a model whose bytes are all weights to unpack.
    let mut host = host();
    host.memory.bandwidth.as_mut().unwrap().one_thread_bytes_per_second = 2000 * GB;
    host.memory.bandwidth.as_mut().unwrap().bytes_per_second = 2000 * GB;
    let mut ask = ask(0);
    (ask.threads, ask.parallel) = (1, 32);
    let step = |concurrent| {
        let workload = Workload { concurrent, prompt: 1, output: 1, ..turn() };
        1.0 / project(&model(), &ask, "llama.cpp b9000", &host, &workload).unwrap().decode.p50
    };
    // Bound by computing, twice the requests take twice as long: nothing else but the launches is in the sum.
    let (one, some, twice) = (step(1), step(16), step(32));
    assert!(some > 2.0 * one, "{some} {one}");
    assert!((2.0 * some - twice).abs() < 0.1 * one, "{some} {twice} {one}");
}

#[test]
fn together_requests_touch_more_experts_but_not_more_than_there_are() {
    assert!((work::distinct(0.125, 1) - 0.125).abs() < 1e-12);
    assert!(work::distinct(0.125, 8) > 0.6 && work::distinct(0.125, 8) < 1.0);
    assert!(work::distinct(0.125, u32::MAX) <= 1.0);
    assert_eq!(work::distinct(1.0, 4), 1.0);
}

#[test]
fn a_window_bounds_what_the_context_costs() {
    let mut windowed = model();
    windowed.state = State::Known { layers: vec![Layer::attention(1024, 1024, Some(512)); 32] };
    let deep = Workload { depth: 8192, ..turn() };
    let speed = |model: &Model, workload: &Workload| of(model, &ask(32), workload).decode.p50;
    assert!(speed(&model(), &deep) < speed(&model(), &turn()));
    assert_eq!(speed(&windowed, &deep), speed(&windowed, &turn()));
}

#[test]
fn cached_tokens_of_the_prompt_cost_nothing_but_their_attention() {
    let cached = of(&model(), &ask(32), &Workload { cached: 1920, ..turn() });
    let fresh = of(&model(), &ask(32), &turn());
    assert!(cached.ttft_ms.unwrap().p50 < fresh.ttft_ms.unwrap().p50 / 4.0);
    assert_eq!(cached.tpot_ms, fresh.tpot_ms);
    let (first, each) = (fresh.ttft_ms.unwrap().p50, fresh.tpot_ms.p50);
    assert!((fresh.turn_ms.unwrap().p50 - (first + 255.0 * each)).abs() < 1e-6);
}

#[test]
fn an_unknown_bandwidth_is_unknown() {
    let mut host = host();
    host.accelerators[0].nominal.as_mut().unwrap().bandwidth_gbs = None;
    let unknown = project(&model(), &ask(32), "llama.cpp", &host, &turn()).unwrap_err();
    assert_eq!(unknown, Unknown::DeviceBandwidth("test card".into()));
    host.memory.bandwidth = None;
    assert_eq!(project(&model(), &ask(0), "llama.cpp", &host, &turn()).unwrap_err(), Unknown::HostBandwidth);
    let far = Placement {
        shares: vec![Share { device: 7, backend: Backend::Cuda, layers: 4 }],
        ..Placement::default()
    };
    let asked = Ask { placement: far, ..ask(0) };
    assert_eq!(project(&model(), &asked, "llama.cpp", &host, &turn()).unwrap_err(), Unknown::NoDevice(7));
}

#[test]
fn an_unknown_computing_rate_leaves_decode_known() {
    let mut host = host();
    host.accelerators[0].nominal.as_mut().unwrap().fp16_tflops = None;
    let projection = project(&model(), &ask(32), "llama.cpp", &host, &turn()).unwrap();
    assert_eq!(projection.prefill, None);
    assert_eq!(projection.turn_ms, None);
    assert!(projection.decode.p50 > 0.0);
    assert!(projection.limits.iter().any(|limit| limit.contains("prefill")), "{:?}", projection.limits);
}

#[test]
fn an_unknown_way_of_keeping_the_context_is_unknown_or_a_bound_that_is_told() {
    let mut odd = model();
    odd.state = State::Unknown { reason: "odd".into(), at_most: None };
    assert_eq!(
        project(&odd, &ask(32), "llama.cpp", &host(), &turn()).unwrap_err(),
        Unknown::State("odd".into())
    );
    odd.state = State::Unknown { reason: "odd".into(), at_most: Some(model().layers().unwrap().to_vec()) };
    let projection = project(&odd, &ask(32), "llama.cpp", &host(), &turn()).unwrap();
    assert!(projection.limits.iter().any(|limit| limit.contains("bound")), "{:?}", projection.limits);
}

#[test]
fn weights_beyond_free_memory_come_from_storage_every_time() {
    let mut host = host();
    host.memory.available = Some(Bytes(2 * GB));
    let slow = project(&model(), &ask(0), "llama.cpp", &host, &turn()).unwrap();
    // More than half of 4.35 GB at 1 GB/s: over two seconds a token.
    assert!(slow.tpot_ms.p50 > 2000.0, "{:?}", slow.tpot_ms);
    host.storage.read = None;
    assert_eq!(project(&model(), &ask(0), "llama.cpp", &host, &turn()).unwrap_err(), Unknown::StorageSpeed);
}

#[test]
fn mapped_weights_give_way_to_the_context_and_each_chunk_of_a_prompt_reads_what_is_missing() {
    let mut host = host();
    host.memory.available = Some(Bytes(5 * GB));
    let of = |mapped, host: &Host| {
        let ask = Ask { mapped, ..ask(0) };
        project(&model(), &ask, "llama.cpp", host, &turn()).unwrap()
    };
    let roomy = of(true, &host);
    host.memory.available = Some(Bytes(2 * GB));
    let (mapped, read) = (of(true, &host), of(false, &host));
    assert!(mapped.tpot_ms.p50 > read.tpot_ms.p50, "{:?} and {:?}", mapped.tpot_ms, read.tpot_ms);
    assert!(mapped.tpot_ms.p50 > roomy.tpot_ms.p50 + 2000.0);
    // Four chunks of 512 tokens.
    let first = |one: &Projection| one.ttft_ms.unwrap().p50 - one.tpot_ms.p50;
    assert!(first(&mapped) > first(&roomy) + 4.0 * 2000.0, "{mapped:?} and {roomy:?}");
}

#[test]
fn what_was_never_measured_has_a_wider_band() {
    let width = |engine: &str, backend| {
        let mut ask = ask(32);
        ask.placement.shares[0].backend = backend;
        let decode = project(&model(), &ask, engine, &host(), &turn()).unwrap().decode;
        decode.p50 / decode.p10
    };
    let measured = width("llama.cpp b9000", Backend::Cuda);
    assert!(width("another", Backend::Cuda) > measured);
    assert!(width("llama.cpp b9000", Backend::OpenCl) > measured);
}

#[test]
fn a_build_number_chooses_the_era() {
    assert_eq!(class::Setting::of("llama.cpp b2800").era, tables::Era::Old);
    assert_eq!(class::Setting::of("llama.cpp 9000").era, tables::Era::New);
    assert!(!class::Setting::of("llama.cpp").told);
    // Another engine counts its builds otherwise.
    assert_eq!(class::Setting::of("ollama 12").era, tables::Era::New);
}

#[test]
fn guessing_ahead_pays_where_guesses_are_taken_and_costs_where_not() {
    // (1 - 0.5^4) / (0.5 × (0.1 × 3 + 1))
    assert!((speculation::speedup(0.5, 3, 0.1, 1.0) - 1.875 / 1.3).abs() < 1e-12);
    assert!(speculation::speedup(0.05, 8, 0.2, 1.0) < 1.0);
    let mut ask = ask(32);
    ask.speculation = Some(Speculation { method: SpeculationMethod::Draft, max_tokens: 4, draft: None });
    let without = of(&model(), &ask, &turn());
    assert_eq!(without.speculation, None);
    assert!(without.limits.iter().any(|limit| limit.contains("draft model")), "{:?}", without.limits);
    let mut draft = model();
    draft.weights.layers.truncate(2);
    draft.weights.total = Bytes(2 * 128_000_000 + 512_000_000);
    ask.speculation =
        Some(Speculation { method: SpeculationMethod::Draft, max_tokens: 4, draft: Some(Box::new(draft)) });
    let with = of(&model(), &ask, &turn());
    let speedup = with.speculation.unwrap().speedup;
    assert!(speedup.p10 < speedup.p50 && speedup.p50 < speedup.p90);
    assert_eq!(with.decode, without.decode, "an expectation is in no figure");
}

#[test]
fn every_row_names_a_device_a_file_and_a_model_that_are_there() {
    let mut used = std::collections::BTreeSet::new();
    for source in &ROWS.sources {
        assert!(source.source.len() > 10);
        for row in &source.rows {
            assert!(ROWS.devices.contains_key(&row.on), "{}", row.on);
            assert!(ROWS.models.contains_key(&ROWS.files[&row.file].model), "{}", row.file);
            assert!(row.tg.is_some() || row.pp.is_some(), "{} {}", row.on, row.file);
            used.insert(row.on.as_str());
        }
    }
    let unused: Vec<_> = ROWS.devices.keys().filter(|name| !used.contains(name.as_str())).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn the_constants_are_what_the_fit_gives_and_hold_on_hardware_that_it_did_not_see() {
    let report = self_check();
    for group in report.groups.iter().chain([&report.all, &report.yardstick]) {
        println!(
            "{:16} {:3} rows {:2} families  mean error {:5.1} %  median {:5.1} %  in band {:3.0} %",
            group.name,
            group.rows,
            group.families,
            100.0 * group.error,
            100.0 * group.median,
            100.0 * group.holds
        );
    }
    println!("rejected: {:?}", report.rejected);
    assert!(report.stale.is_empty(), "constants.yaml lacks:\n{}", report.stale.join("\n"));
    assert!(report.rows.len() >= 400, "{} rows", report.rows.len());
    assert!(report.yardstick.error <= 0.12, "mean error {}", report.yardstick.error);
    assert!(report.all.error <= 0.2, "mean error {}", report.all.error);
    assert!(report.all.holds >= 0.75, "{} in the band", report.all.holds);
    assert!(
        report.rows.iter().all(|row| row.figures.p90 >= row.figures.p10 && row.figures.predicted.is_finite())
    );
}
