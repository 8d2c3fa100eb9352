use edgeorch_engines::{Charge, Format, KvType, Layer, Part, State, Task, Weights, llama_cpp::LlamaCpp};

use proptest::prelude::*;

use super::*;

fn model() -> Model {
    Model {
        parameters: 134_515_008,
        weights: Weights { total: Bytes::mib(92), ..Weights::default() },
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

fn ask() -> Ask {
    Ask { parallel: 2, threads: 2, ..Ask::new("chat", Task::Chat, 4096) }
}

fn host() -> Host {
    serde_json::from_str(include_str!("../../../engines/contract/host.example.json")).unwrap()
}

fn sum(model: &Model, ask: &Ask) -> Sum {
    Sum::of(model, ask, &LlamaCpp, &host())
}

/// Judged by host memory of this size.
fn decided(model: &Model, ask: &Ask, allowed: Bytes) -> Plan {
    decide(model, ask, &LlamaCpp, &host(), Allowances::host(allowed), None)
}

#[test]
fn the_cache_of_smollm2_is_what_llama_server_prints() {
    // llama-server b11434, -c 8192 -np 2: "KV buffer size = 180.00 MiB".
    let sum = sum(&model(), &ask());
    assert_eq!(sum.charges[1].bytes, Some(Bytes::mib(180)));
}

#[test]
fn a_plan_that_fits_to_the_byte_is_approved_and_one_byte_less_is_not() {
    let total = sum(&model(), &ask()).total().unwrap();
    let exact = decided(&model(), &ask(), total);
    assert_eq!(exact.verdict, Verdict::Fits { total, spare: Bytes::ZERO });
    assert!(exact.approve().is_ok());
    let short = decided(&model(), &ask(), total - Bytes(1));
    assert!(matches!(short.verdict, Verdict::DoesNotFit { short: Bytes(1), .. }));
    assert!(short.approve().is_err());
}

#[test]
fn what_is_unknown_is_no_approval() {
    let model = Model { state: State::Unknown { reason: "MLA".into(), at_most: None }, ..model() };
    let plan = decided(&model, &ask(), Bytes::gib(100));
    assert!(matches!(&plan.verdict, Verdict::Unknown { reason, .. } if reason.contains("MLA")));
    assert!(plan.approve().is_err());
    let hopeless = decided(&model, &ask(), Bytes::mib(1));
    assert!(matches!(hopeless.verdict, Verdict::DoesNotFit { .. }));
}

#[test]
fn absurd_contexts_saturate_instead_of_wrapping_into_something_that_fits() {
    let ask = Ask { context_size: u64::MAX / 4, parallel: 256, ..ask() };
    let plan = decided(&model(), &ask, Bytes::gib(16));
    assert!(plan.approve().is_err());
}

fn shapes() -> impl Strategy<Value = Model> {
    let window = proptest::option::of(1..100_000u64);
    let layer = (0..100_000u64, 0..100_000u64, window)
        .prop_map(|(key, value, window)| Layer::attention(key, value, window));
    (prop::collection::vec(layer, 1..9), 1..1_000_000u64, 1..1_000_000u64, 1..1_000_000u64).prop_map(
        |(layers, embedding, feed_forward, vocabulary)| Model {
            embedding_length: Some(embedding),
            feed_forward_length: Some(feed_forward),
            vocabulary: Some(vocabulary),
            state: State::Known { layers },
            ..model()
        },
    )
}

fn asks() -> impl Strategy<Value = Ask> {
    let kinds = prop::sample::select(vec![KvType::F32, KvType::F16, KvType::Q8_0, KvType::Q4_0]);
    let tasks = prop::sample::select(vec![Task::Chat, Task::Embedding]);
    (1..1_000_000u64, 1..300u32, kinds.clone(), kinds, tasks).prop_map(
        |(context_size, parallel, key_type, value_type, task)| Ask {
            context_size,
            parallel,
            key_type,
            value_type,
            task,
            ..ask()
        },
    )
}

/// What a compute buffer keeps of its size when more is asked.
const LEAST_COMPUTE: f64 = 0.75;

proptest! {
    /// But for the compute buffer, whose tensors are laid into holes of each other: a longer context can fit one that a
    /// shorter one has to lay at the end, in ours as in ggml's.
    #[test]
    fn more_context_or_more_slots_never_need_less(
        model in shapes(), ask in asks(), tokens in 0..100_000u64, slots in 0..100u32
    ) {
        let need = |ask: &Ask| {
            let sum = sum(&model, ask);
            let of_compute = |charge: &&Charge| charge.part == Part::Compute;
            let compute: Bytes = sum.charges.iter().filter(of_compute).filter_map(|charge| charge.bytes).sum();
            (sum.total().unwrap().saturating_sub(compute), compute)
        };
        let (rest, compute) = need(&ask);
        for more in [
            Ask { context_size: ask.context_size + tokens, ..ask.clone() },
            Ask { parallel: ask.parallel + slots, ..ask.clone() },
        ] {
            let (more_rest, more_compute) = need(&more);
            prop_assert!(more_rest >= rest);
            prop_assert!(more_compute.0 as f64 >= compute.0 as f64 * LEAST_COMPUTE);
        }
    }

    #[test]
    fn no_numbers_wrap_the_sum(
        numbers in prop::collection::vec(prop_oneof![any::<u64>(), Just(u64::MAX)], 8), parallel in any::<u32>()
    ) {
        let [embedding, feed_forward, vocabulary, heads, head, key, window, context_size] = numbers[..] else {
            unreachable!("eight")
        };
        let layer = Layer::attention(key, key, Some(window));
        let model = Model {
            embedding_length: Some(embedding),
            feed_forward_length: Some(feed_forward),
            vocabulary: Some(vocabulary),
            head_count: Some(heads),
            head_size: Some(head),
            state: State::Known { layers: vec![layer] },
            ..model()
        };
        let ask = Ask { context_size, parallel, ..ask() };
        let sum = sum(&model, &ask);
        let total = sum.total().unwrap();
        prop_assert!(sum.charges.iter().all(|charge| charge.bytes.unwrap() <= total));
    }
}
