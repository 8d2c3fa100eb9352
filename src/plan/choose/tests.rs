//! Choices on built machines: what is taken, what is passed over and why.

use edgeorch_engines::contract::host::{
    Accelerator, AcceleratorKind, Api, Bandwidth, DeviceMemory, MemoryKind, Nominal, Target, Vendor,
};
use edgeorch_engines::{
    Backend, Experts, Fidelity, Format, Layer, LayerWeights, Model, Placement, State, Task, Weights,
    llama_cpp::LlamaCpp,
};

use super::*;
use crate::plan::Usage;
use crate::plan::demands::usual;
use crate::plan::fitness::{Class, Grade};
use crate::plan::holdings::UNKNOWN;
use crate::plan::subject::Licence;

/// 16 GiB of memory at 50 GB/s, and these cards.
fn host(cards: Vec<Accelerator>) -> Host {
    let mut host: Host =
        serde_json::from_str(include_str!("../../../engines/contract/host.example.json")).unwrap();
    host.memory.total = Some(Bytes::gib(16));
    host.memory.available = Some(Bytes::gib(16));
    host.memory.limit = None;
    host.memory.bandwidth = Some(Bandwidth {
        bytes_per_second: 50_000_000_000,
        threads: 8,
        one_thread_bytes_per_second: 20_000_000_000,
        working_set: Bytes::gib(1),
        milliseconds: 100,
    });
    host.accelerators = cards;
    host
}

/// A card of 1 TB/s with so much of its own memory free.
fn card(free: Bytes) -> Accelerator {
    Accelerator {
        name: Some("Card".into()),
        apis: vec![Api::Cuda],
        memory: DeviceMemory {
            kind: Some(MemoryKind::Dedicated),
            total: Some(free),
            free: Some(free),
            parts: vec![],
        },
        target: Some(Target::ComputeCapability("8.9".into())),
        nominal: Some(Nominal {
            device: "Card".into(),
            laptop: None,
            bandwidth_gbs: Some(1000.0),
            fp16_tflops: Some(80.0),
            fp16_tensor_tflops: Some(160.0),
            int8_tops: None,
            tdp_watts: None,
            source: "built".into(),
        }),
        ..Accelerator::new(AcceleratorKind::Gpu, Vendor::Nvidia)
    }
}

/// A model of 32 layers with so many bytes in all, of which the experts, if it has any, are nine tenths.
fn subject(name: &str, total: Bytes, kind: &str, mixture: bool) -> Subject {
    let layer = Bytes(total.0 / 33);
    let experts = if mixture { layer.fraction(0.9) } else { Bytes::ZERO };
    let layers = vec![LayerWeights { dense: layer.saturating_sub(experts), experts }; 32];
    let model = Model {
        parameters: total.0,
        file_bytes: total,
        weights: Weights {
            total,
            token_embedding: Bytes(layer.0 / 2),
            output: Bytes(layer.0 / 2),
            layers,
            by_type: [(kind.to_owned(), total)].into(),
            ..Weights::default()
        },
        context_length: Some(32768),
        embedding_length: Some(4096),
        feed_forward_length: Some(12288),
        experts: mixture.then_some(Experts { count: 64, used: 4, feed_forward_length: 1024 }),
        vocabulary: Some(128_000),
        head_count: Some(32),
        head_size: Some(128),
        state: State::Known { layers: vec![Layer::attention(1024, 1024, None); 32] },
        ..Model::bare(Format::Gguf, if mixture { "qwen3moe" } else { "llama" })
    };
    let source = Some(format!("file:/{name}.gguf"));
    Subject { name: name.into(), source, quantization: None, licence: None, grade: None, model }
}

fn dense(name: &str, total: Bytes) -> Subject {
    subject(name, total, "Q4_K", false)
}

fn graded(subject: Subject, class: Class) -> Subject {
    Subject {
        grade: Some(Grade { class, third: 1, score: 1.0, benchmark: "built", source: "built" }),
        ..subject
    }
}

fn demands() -> Demands {
    Demands {
        fidelity: Fidelity::Balanced,
        variants: vec![],
        cache: None,
        backends: None,
        workload: usual(Task::Chat, 8192, 1),
        ttft_p95: None,
        decode_min: None,
        disk: None,
    }
}

fn decide(host: &Host, demands: &Demands, subjects: Vec<Subject>) -> Decision {
    let ask = Ask { threads: 8, ..Ask::new("chat", Task::Chat, 8192) };
    let allowances = Allowances::of(host, Bytes(u64::MAX), &Usage::default());
    let engine: &'static dyn Engine = &LlamaCpp;
    let question = Question {
        ask: &ask,
        engines: &[engine],
        demands,
        host,
        allowances: &allowances,
        holdings: &UNKNOWN,
    };
    question.decide(subjects)
}

/// The same where this is known of repositories.
fn decide_knowing(holdings: &Holdings, subjects: Vec<Subject>) -> Decision {
    let (ask, host, demands) =
        (Ask::new("chat", Task::Chat, 8192), host(vec![card(Bytes::gib(24))]), demands());
    let allowances = Allowances::of(&host, Bytes(u64::MAX), &Usage::default());
    let engine: &'static dyn Engine = &LlamaCpp;
    let (demands, host, allowances) = (&demands, &host, &allowances);
    Question { ask: &ask, engines: &[engine], demands, host, allowances, holdings }.decide(subjects)
}

fn placement(decision: &Decision) -> &Placement {
    &decision.best.as_ref().unwrap().plan.ask.placement
}

fn taken(decision: &Decision) -> &str {
    &decision.best.as_ref().unwrap().subject.name
}

#[test]
fn what_fits_a_card_goes_there_whole() {
    let decision = decide(&host(vec![card(Bytes::gib(24))]), &demands(), vec![dense("m", Bytes::gib(5))]);
    assert!(decision.fits());
    assert_eq!(placement(&decision).device_layers(), 32);
}

#[test]
fn what_rules_out_many_is_told_once_and_leaves_room_for_other_reasons() {
    let coarse = |n: u32| subject(&format!("q{n}"), Bytes::gib(1), "Q2_K", false);
    let coarse = |n| Subject { quantization: Some("Q2_K".into()), ..coarse(n) };
    let mut subjects: Vec<Subject> = (0..9).map(coarse).collect();
    subjects.push(dense("huge", Bytes::gib(900)));
    let decision = decide(&host(vec![]), &demands(), subjects);
    // The one that is too big is what comes nearest; of the others one stands for all.
    assert_eq!(taken(&decision), "huge");
    assert_eq!(decision.rejected.len(), 1, "{:?}", decision.rejected);
    assert_eq!((decision.rejected[0].kind, decision.rejected[0].more), (Rejection::Policy, 8));
}

#[test]
fn a_verdict_says_where_a_device_is_left_alone() {
    let only_processor = Demands { backends: Some(vec![Backend::Cpu]), ..demands() };
    let verdict =
        |cards, demands: &Demands| decide(&host(cards), demands, vec![dense("m", Bytes::gib(5))]).verdict();
    let card = || vec![card(Bytes::gib(24))];
    assert!(verdict(card(), &only_processor).contains("by the processor alone"));
    assert!(!verdict(card(), &demands()).contains("alone"));
    assert!(!verdict(vec![], &demands()).contains("alone"), "where there is no device, none is left alone");
}

#[test]
fn of_what_does_not_fit_a_card_as_many_layers_as_fit_go_there() {
    let decision = decide(&host(vec![card(Bytes::gib(6))]), &demands(), vec![dense("m", Bytes::gib(10))]);
    assert!(decision.fits());
    let layers = placement(&decision).device_layers();
    assert!((5..32).contains(&layers), "{layers}");
    // One more would not have fitted.
    let more = Placement {
        shares: placement(&decision)
            .shares
            .iter()
            .map(|s| edgeorch_engines::Share { layers: s.layers + 1, ..*s })
            .collect(),
        ..Placement::default()
    };
    let best = decision.best.as_ref().unwrap();
    let ask = Ask { placement: more, ..best.plan.ask.clone() };
    let sum = Sum::of(&best.plan.model, &ask, &LlamaCpp, &host(vec![card(Bytes::gib(6))]));
    assert!(best.plan.allowances.judge(&sum.usage()).is_err());
}

#[test]
fn of_a_mixture_the_experts_stay_behind_first() {
    let mixture = subject("m", Bytes::gib(12), "Q4_K", true);
    let decision = decide(&host(vec![card(Bytes::gib(8))]), &demands(), vec![mixture]);
    assert!(decision.fits());
    assert_eq!(placement(&decision).device_layers(), 32, "attention and cache are on the card");
    assert!(placement(&decision).experts_on_host > 0);
}

#[test]
fn two_cards_share_what_neither_holds() {
    let cards = vec![card(Bytes::gib(8)), card(Bytes::gib(8))];
    let decision = decide(&host(cards), &demands(), vec![dense("m", Bytes::gib(10))]);
    assert!(decision.fits());
    let layers: Vec<u32> = placement(&decision).shares.iter().map(|share| share.layers).collect();
    assert_eq!(layers, [16, 16]);
}

#[test]
fn memory_that_a_card_shares_with_the_system_is_counted_once() {
    let shared = Accelerator {
        memory: DeviceMemory { kind: Some(MemoryKind::Unified), ..card(Bytes::gib(16)).memory },
        ..card(Bytes::gib(16))
    };
    let fits = decide(&host(vec![shared.clone()]), &demands(), vec![dense("m", Bytes::gib(12))]);
    assert!(fits.fits());
    // 16 GiB in all, though card and system each have as much free.
    let too_big = decide(&host(vec![shared]), &demands(), vec![dense("m", Bytes::gib(20))]);
    assert!(!too_big.fits());
}

#[test]
fn a_card_whose_free_memory_is_unknown_is_not_used() {
    let blind = Accelerator { memory: DeviceMemory::default(), ..card(Bytes::gib(24)) };
    let decision = decide(&host(vec![blind]), &demands(), vec![dense("m", Bytes::gib(5))]);
    assert!(decision.fits() && placement(&decision).on_host());
}

#[test]
fn backends_that_are_not_here_are_not_used() {
    let demands = Demands { backends: Some(vec![Backend::Cpu]), ..demands() };
    let decision = decide(&host(vec![card(Bytes::gib(24))]), &demands, vec![dense("m", Bytes::gib(5))]);
    assert!(placement(&decision).on_host());
}

#[test]
fn a_better_grade_goes_before_a_faster_answer_at_reading_speed() {
    let subjects =
        vec![graded(dense("small", Bytes::gib(1)), Class::C), graded(dense("good", Bytes::gib(4)), Class::A)];
    let decision = decide(&host(vec![]), &demands(), subjects);
    assert_eq!(taken(&decision), "good");
    assert_eq!(decision.rejected[0].kind, Rejection::Outranked);
    // At two tokens a second nobody waits for it.
    let subjects = vec![
        graded(dense("small", Bytes::gib(1)), Class::C),
        graded(dense("good", Bytes::gib(14)), Class::A),
    ];
    let decision = decide(&host(vec![]), &demands(), subjects);
    assert_eq!(taken(&decision), "small");
    assert_eq!(decision.rejected[0].kind, Rejection::Slow);
}

#[test]
fn of_one_grade_an_open_licence_goes_first() {
    let closed = Licence { name: "Narrow".into(), open: false, limits: None };
    let open = Licence { name: "MIT".into(), open: true, limits: None };
    let with = |name: &str, bytes, licence: &Licence| Subject {
        licence: Some(licence.clone()),
        ..graded(dense(name, bytes), Class::B)
    };
    let subjects = vec![with("closed", Bytes::gib(1), &closed), with("open", Bytes::gib(2), &open)];
    assert_eq!(taken(&decide(&host(vec![]), &demands(), subjects)), "open");
}

#[test]
fn of_one_model_the_first_type_that_is_fast_enough_is_taken() {
    let of = |kind: &str, bytes| Subject { quantization: Some(kind.into()), ..dense("m", bytes) };
    let subjects = vec![of("Q8_0", Bytes::gib(14)), of("Q6_K", Bytes::gib(6)), of("Q4_K_M", Bytes::gib(4))];
    let decision = decide(&host(vec![]), &demands(), subjects);
    assert_eq!(decision.best.as_ref().unwrap().subject.quantization.as_deref(), Some("Q6_K"));
    assert_eq!(decision.considered, 3);
}

#[test]
fn high_fidelity_refuses_weights_and_caches_that_are_coarser() {
    let high = Demands { fidelity: Fidelity::High, ..demands() };
    let decision = decide(&host(vec![]), &high, vec![dense("m", Bytes::gib(2))]);
    assert!(decision.best.is_none());
    assert!(decision.refused().unwrap().contains("8 bits or more"), "{:?}", decision.refused());
    let eight = || subject("m", Bytes::gib(2), "Q8_0", false);
    assert!(decide(&host(vec![]), &high, vec![eight()]).fits());
    let coarse = Demands { cache: Some((KvType::Q4_0, KvType::Q4_0)), ..high };
    assert!(
        decide(&host(vec![]), &coarse, vec![eight()]).refused().unwrap().contains("takes a cache of 8 bits")
    );
}

#[test]
fn a_smaller_cache_is_taken_only_where_the_larger_fits_nowhere() {
    let decision = decide(&host(vec![]), &demands(), vec![dense("m", Bytes::gib(4))]);
    assert_eq!(decision.best.as_ref().unwrap().plan.ask.key_type, KvType::F16);
    let decision =
        decide(&host(vec![]), &demands(), vec![dense("m", Bytes(14 * Bytes::GIB + 700 * Bytes::MIB))]);
    assert_eq!(decision.best.as_ref().unwrap().plan.ask.key_type, KvType::Q8_0);
    assert!(decision.fits());
}

#[test]
fn what_fits_nowhere_has_the_nearest_sum_and_its_alternatives() {
    let decision = decide(&host(vec![]), &demands(), vec![dense("m", Bytes::gib(40))]);
    assert!(!decision.fits());
    let plan = &decision.best.as_ref().unwrap().plan;
    assert!(matches!(plan.verdict, Verdict::DoesNotFit { short, .. } if short > Bytes::gib(20)));
}

#[test]
fn what_can_not_be_told_is_never_taken_before_what_can() {
    let unknown = Subject {
        model: Model {
            state: State::Unknown { reason: "new".into(), at_most: None },
            ..dense("unknown", Bytes::gib(1)).model
        },
        ..graded(dense("unknown", Bytes::gib(1)), Class::A)
    };
    let decision = decide(&host(vec![]), &demands(), vec![unknown.clone(), dense("known", Bytes::gib(2))]);
    assert_eq!(taken(&decision), "known");
    let alone = decide(&host(vec![]), &demands(), vec![unknown]);
    assert!(matches!(alone.best.unwrap().plan.verdict, Verdict::Unknown { .. }));
}

#[test]
fn no_more_of_the_disk_is_taken_than_the_budget_says() {
    let demands = Demands { disk: Some(Bytes::gib(1)), ..demands() };
    let decision = decide(&host(vec![]), &demands, vec![dense("m", Bytes::gib(2))]);
    assert!(decision.refused().unwrap().contains("budget.disk"));
}

#[test]
fn prompts_on_the_disk_count_against_the_same_budget() {
    let ask = Ask { disk_cache: Bytes::gib(3), ..Ask::new("chat", Task::Chat, 8192) };
    let engines = [edgeorch_engines::find("vllm").unwrap()];
    let (host, allowances) = (host(vec![card(Bytes::gib(24))]), Allowances::host(Bytes::gib(16)));
    let refused = |disk| {
        let demands = Demands { disk: Some(disk), ..demands() };
        let question = Question {
            ask: &ask,
            engines: &engines,
            demands: &demands,
            host: &host,
            allowances: &allowances,
            holdings: &UNKNOWN,
        };
        let model = Model { format: Format::Safetensors, ..dense("m", Bytes::gib(2)).model };
        let decision = question.decide(vec![Subject { model, ..dense("m", Bytes::gib(2)) }]);
        decision.refused().map(str::to_owned)
    };
    let why = refused(Bytes::gib(4)).unwrap();
    assert!(
        why.contains("its files take 2.0 GiB and disk_cache 3.0 GiB, and budget.disk is 4.0 GiB"),
        "{why}"
    );
    assert!(refused(Bytes::gib(5)).is_none_or(|why| !why.contains("budget.disk")));
}

#[test]
fn the_same_question_has_the_same_answer() {
    let subjects = || (1..20).map(|n| dense(&format!("m{n}"), Bytes::gib(n))).collect::<Vec<_>>();
    let machine = host(vec![card(Bytes::gib(8))]);
    let answer = || serde_json::to_string(&decide(&machine, &demands(), subjects())).unwrap();
    assert_eq!(answer(), answer());
}

#[test]
fn what_is_known_to_be_fast_enough_goes_before_a_better_grade_of_unknown_speed() {
    let mut host = host(vec![card(Bytes::gib(8))]);
    host.memory.bandwidth = None;
    // The better one needs host memory, whose speed nobody measured; a smaller type of it would fit the card.
    let better = |kind: &str, bytes| Subject {
        quantization: Some(kind.into()),
        ..graded(dense("better", bytes), Class::A)
    };
    let good = graded(dense("good", Bytes::gib(2)), Class::B);
    let decision = decide(&host, &demands(), vec![better("Q8_0", Bytes::gib(14)), good.clone()]);
    assert_eq!(taken(&decision), "good");
    let subjects = vec![better("Q8_0", Bytes::gib(14)), better("Q4_K_M", Bytes::gib(5)), good];
    let decision = decide(&host, &demands(), subjects);
    assert_eq!(decision.best.as_ref().unwrap().subject.title(), "better Q4_K_M");
}

/// A model in these types, best first, of a repository of its own.
fn in_types(name: &str, types: &[(&str, u64)]) -> Vec<Subject> {
    let one = |(kind, gib): &(&str, u64)| Subject {
        source: Some(format!("hf:org/{name}:{kind}")),
        quantization: Some((*kind).to_owned()),
        ..dense(name, Bytes::gib(*gib))
    };
    types.iter().map(one).collect()
}

#[test]
fn the_next_type_is_taken_where_a_repository_lacks_the_first_and_its_reason_comes_first() {
    let subjects = || in_types("m", &[("Q8_0", 8), ("Q6_K", 6), ("Q4_K_M", 5)]);
    let chosen = |decision: &Decision| decision.best.as_ref().unwrap().subject.quantization.clone().unwrap();
    let unknown = decide_knowing(&UNKNOWN, subjects());
    assert_eq!((chosen(&unknown).as_str(), unknown.rejected.len()), ("Q8_0", 0));

    let mut known = Holdings::default();
    let names = vec!["Q4_K_M".to_owned()];
    let held = crate::plan::Held::Models { types: names.clone(), names, folder: false };
    known.learn("hf:org/m", held);
    let decision = decide_knowing(&known, subjects());
    assert_eq!(chosen(&decision), "Q4_K_M");
    let first = &decision.rejected[0];
    assert_eq!((first.kind, first.title.as_str()), (Rejection::Absent, "m Q8_0"));
    assert_eq!(first.reason, "hf:org/m has no Q8_0; it has Q4_K_M");
    assert_eq!(decision.rejected.len(), 1, "one reason for one repository: {:?}", decision.rejected);
}

#[test]
fn what_is_absent_is_never_the_best_and_what_does_not_fit_is_not_called_absent() {
    let mut known = Holdings::default();
    known.learn("hf:org/m", crate::plan::Held::Nothing { reason: "behind terms".into() });
    let decision = decide_knowing(&known, in_types("m", &[("Q8_0", 8)]));
    assert!(decision.best.is_none() && decision.refused().is_none());
    assert_eq!(decision.rejected[0].reason, "behind terms");
    let large = decide_knowing(&known, in_types("m", &[("Q8_0", 800)]));
    assert!(!large.fits());
    assert!(large.rejected.iter().all(|one| one.kind != Rejection::Absent), "{:?}", large.rejected);
    let others = [in_types("m", &[("Q8_0", 8)]), in_types("n", &[("Q8_0", 8)])].concat();
    let decision = decide_knowing(&known, others);
    assert_eq!(taken(&decision), "n");
}
