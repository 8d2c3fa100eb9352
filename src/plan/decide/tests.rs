use edgeorch_engines::{Attention, Layer, Task, TensorBytes, llama_cpp::LlamaCpp};

use super::*;

fn model() -> Model {
    Model {
        path: "/m.gguf".into(),
        file_bytes: Bytes::mib(94),
        architecture: "llama".into(),
        name: None,
        parameters: 134_515_008,
        tensors: TensorBytes { total: Bytes::mib(92), ..TensorBytes::default() },
        context_length: Some(8192),
        embedding_length: Some(576),
        feed_forward_length: Some(1536),
        experts: None,
        side_elements: 0,
        vocabulary: Some(49152),
        merges: 48900,
        head_count: Some(9),
        head_size: Some(64),
        attention: Attention::Layers {
            layers: vec![Layer { key_elements: 192, value_elements: 192, window: None }; 30],
        },
        chat_template: true,
    }
}

fn ask() -> Ask {
    Ask {
        id: "chat".into(),
        task: Task::Chat,
        context_size: 4096,
        parallel: 2,
        key_type: KvType::F16,
        value_type: KvType::F16,
        threads: 2,
        runtime_flags: vec![],
    }
}

fn allowance(bytes: Bytes) -> Allowance {
    Allowance { bytes, why: "test".into() }
}

#[test]
fn the_cache_of_smollm2_is_what_llama_server_prints() {
    // llama-server b11434, -c 8192 -np 2: "KV buffer size = 180.00 MiB".
    let sum = memory::sum(&model(), &ask(), &LlamaCpp);
    assert_eq!(sum.parts[1].bytes, Some(Bytes::mib(180)));
}

#[test]
fn a_plan_that_fits_to_the_byte_is_approved_and_one_byte_less_is_not() {
    let total = memory::sum(&model(), &ask(), &LlamaCpp).total().unwrap();
    let exact = decide(&model(), &ask(), &LlamaCpp, allowance(total));
    assert_eq!(exact.verdict, Verdict::Fits { total, spare: Bytes::ZERO });
    assert!(exact.approve().is_ok());
    let short = decide(&model(), &ask(), &LlamaCpp, allowance(total - Bytes(1)));
    assert!(matches!(short.verdict, Verdict::DoesNotFit { short: Bytes(1), .. }));
    assert!(short.approve().is_err());
}

#[test]
fn every_alternative_fits_and_says_how_it_is_written() {
    let allowed = Bytes::mib(280);
    let Verdict::DoesNotFit { alternatives, .. } =
        decide(&model(), &ask(), &LlamaCpp, allowance(allowed)).verdict
    else {
        panic!("280 MiB is too little")
    };
    let changes: Vec<_> = alternatives.iter().map(|alternative| alternative.change.as_str()).collect();
    assert_eq!(changes, ["parallel: 1", "kv_cache: {key: q8_0, value: q8_0}", "context_size: 2304"]);
    assert!(alternatives.iter().all(|alternative| alternative.total <= allowed));
}

#[test]
fn what_is_unknown_is_no_approval() {
    let model = Model { attention: Attention::Unknown { reason: "MLA".into() }, ..model() };
    let plan = decide(&model, &ask(), &LlamaCpp, allowance(Bytes::gib(100)));
    assert!(matches!(&plan.verdict, Verdict::Unknown { reason, .. } if reason.contains("MLA")));
    assert!(plan.approve().is_err());
    let hopeless = decide(&model, &ask(), &LlamaCpp, allowance(Bytes::mib(1)));
    assert!(matches!(hopeless.verdict, Verdict::DoesNotFit { .. }));
}

#[test]
fn absurd_contexts_saturate_instead_of_wrapping_into_something_that_fits() {
    let ask = Ask { context_size: u64::MAX / 4, parallel: 256, ..ask() };
    let plan = decide(&model(), &ask, &LlamaCpp, allowance(Bytes::gib(16)));
    assert!(plan.approve().is_err());
}
