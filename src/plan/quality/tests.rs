use std::collections::BTreeMap;

use edgeorch_engines::{Bytes, Format, Model, Weights};
use proptest::prelude::*;

use super::lookup::band;
use super::tables::{CACHE, FAMILIES, Family, Table, WEIGHTS, normalised};
use super::*;
use crate::model::gguf::TensorType;

fn subject<'a>(name: &'a str, architecture: &'a str, billions: f64) -> Subject<'a> {
    Subject { name: Some(name), architecture, parameters: (billions * 1e9) as u64 }
}

fn tables() -> impl Iterator<Item = &'static Table> {
    WEIGHTS.iter().chain(CACHE.iter())
}

#[test]
fn every_table_has_a_source_a_known_family_and_rows_on_the_ladder() {
    for table in tables() {
        let told = [&table.model, &table.source, &table.on];
        assert!(told.iter().all(|text| text.len() > 3), "{table:?}");
        assert!(FAMILIES.iter().any(|family| family.family == table.family), "{}", table.family);
        assert!(table.names.iter().all(|name| *name == normalised(name)), "{:?}", table.names);
        assert!(table.parameters > 0.0 && !table.rows.is_empty(), "{}", table.model);
        if matches!(table.measure, Measure::Score | Measure::TopToken) {
            assert!(table.base.is_some(), "{}: a score without that of the original", table.model);
        }
        for row in &table.rows {
            assert!(row.value.is_finite() && table.loss(row) > -table.measure.noise(), "{row:?}");
        }
    }
    for row in WEIGHTS.iter().flat_map(|table| &table.rows) {
        assert!(step(&row.quant).is_some_and(|(step, _)| !step.reference), "{}", row.quant);
    }
    for row in CACHE.iter().flat_map(|table| &table.rows) {
        let (key, value) = row.quant.split_once('/').unwrap();
        assert!(cache_step(key).is_some() && cache_step(value).is_some(), "{}", row.quant);
    }
}

#[test]
fn a_name_of_a_measured_model_is_of_the_family_of_its_table() {
    for table in tables() {
        let family = FAMILIES.iter().find(|family| family.family == table.family).unwrap();
        for name in &table.names {
            assert_eq!(Family::of(&family.architectures[0], name), Some(table.family.as_str()), "{name}");
        }
    }
}

#[test]
fn a_bit_more_never_loses_more_within_one_table() {
    for table in &*WEIGHTS {
        for (a, b) in table.rows.iter().flat_map(|a| table.rows.iter().map(move |b| (a, b))) {
            let bits = |quant: &str| step(quant).unwrap().1;
            let (Some(more), Some(fewer)) = (bits(&a.quant), bits(&b.quant)) else { continue };
            if a.imatrix == b.imatrix && more >= fewer + 0.9 {
                let (less, greater) = (table.loss(a), table.loss(b));
                let noise = table.measure.noise();
                assert!(
                    less <= greater + noise,
                    "{}: {} {less}, {} {greater}",
                    table.source,
                    a.quant,
                    b.quant
                );
            }
        }
    }
}

#[test]
fn an_importance_matrix_never_loses_more_within_one_table() {
    for table in &*WEIGHTS {
        for a in table.rows.iter().filter(|row| row.imatrix == Some(true)) {
            for b in table.rows.iter().filter(|row| row.quant == a.quant && row.imatrix == Some(false)) {
                assert!(table.loss(a) <= table.loss(b), "{}: {}", table.model, a.quant);
            }
        }
    }
}

#[test]
fn every_step_is_found_by_its_name_once_and_says_where_its_bits_are_from() {
    let mut met = Vec::new();
    for one in &ladder().weights {
        let name = if one.by_target { format!("{} 4.0 bpw", one.name) } else { one.name.clone() };
        let (found, bits) = step(&name.to_lowercase()).unwrap();
        assert_eq!(found.name, one.name);
        assert_eq!(bits.is_some(), one.by_target || one.bits.is_some());
        assert!(!one.source.is_empty() && !one.formats.is_empty(), "{name}");
        assert!(!met.contains(&name), "{name} is there twice");
        met.push(name);
    }
    for one in &ladder().cache {
        assert!(std::ptr::eq(cache_step(&one.name.to_uppercase()).unwrap(), one) && !one.source.is_empty());
    }
    for unknown in
        ["", "Q4", "EXL3", "EXL3 0 bpw", "EXL3 NaN bpw", "EXL3 99 bpw", "EXL3 4.0", "Q4_K_M 4.0 bpw"]
    {
        assert!(step(unknown).is_none(), "{unknown}");
    }
}

#[test]
fn bits_of_tensor_types_are_those_that_the_reader_of_headers_knows() {
    for (name, bits) in &ladder().tensors {
        let known = TensorType::all().iter().find(|known| known.name == *name).unwrap();
        assert_eq!(known.block_bytes as f64 * 8.0 / known.block_elements as f64, *bits, "{name}");
    }
    for one in ladder().weights.iter().filter_map(|step| step.tensor.as_ref()) {
        assert!(ladder().tensors.contains_key(one), "{one}");
    }
}

#[test]
fn high_fidelity_takes_eight_bits_and_no_less() {
    let takes = |name: &str| Step::is_high_fidelity(step(name).unwrap().1);
    for name in ["F32", "BF16", "F16", "Q8_0", "FP8", "GPTQ-int8", "MLX 8-bit", "EXL3 8.0 bpw"] {
        assert!(takes(name), "{name}");
    }
    for name in ["Q6_K", "Q4_K_M", "AWQ-int4", "NVFP4", "TQ2_0", "EXL3 7.9 bpw", "HQQ-int4"] {
        assert!(!takes(name), "{name}");
    }
    let caches: Vec<_> =
        ladder().cache.iter().filter(|step| step.is_high_fidelity()).map(|step| step.name.as_str()).collect();
    assert_eq!(caches, ["f32", "bf16", "f16", "q8_0", "fp8"], "nobody published what fp8_e5m2 loses");
}

#[test]
fn a_measured_model_gets_its_own_row() {
    let loss = loss(subject("Meta-Llama-3-8B", "llama", 8.03), "Q4_K_M", Some(false)).unwrap();
    assert_eq!((loss.how, loss.measure), (How::ThisModel, Measure::Perplexity));
    assert_eq!(loss.basis.len(), 1);
    // 6.407115 / 6.231636.
    assert!((loss.estimate - 2.816).abs() < 0.001, "{loss:?}");
}

#[test]
fn an_unknown_importance_matrix_spans_both_rows() {
    let of = |imatrix| loss(subject("Llama 3 8B", "llama", 8.03), "Q2_K", imatrix).unwrap();
    let (with, without, unknown) = (of(Some(true)), of(Some(false)), of(None));
    assert!(with.estimate < unknown.estimate && unknown.estimate < without.estimate);
    assert_eq!((unknown.low, unknown.high), (with.low, without.high));
}

#[test]
fn a_fine_tune_and_a_neighbour_are_family_and_a_stranger_is_not() {
    let how = |name, architecture| loss(subject(name, architecture, 8.03), "Q4_K_M", None).unwrap().how;
    assert_eq!(how("Llama 3.1 8B Instruct", "llama"), How::SameFamily);
    assert_eq!(how("My Llama 3 8B Uncensored", "llama"), How::SameFamily);
    assert_eq!(how("Gemma 2 Something", "gemma2"), How::SameFamily);
    assert_eq!(how("DeepSeek R1 Distill Llama 8B", "llama"), How::NearestSize);
    assert_eq!(how("Llama 3 8B", "qwen2"), How::NearestSize);
    assert_eq!(how("Llama 30 8B", "llama"), How::NearestSize);
    let large = loss(subject("Llama 3 8B", "llama", 16.0), "Q4_K_M", None).unwrap();
    assert_eq!(large.how, How::SameFamily, "a name alone is no proof");
}

#[test]
fn a_band_is_wider_the_further_its_basis() {
    let width = |name, architecture, billions| {
        let loss = loss(subject(name, architecture, billions), "Q5_0", Some(false)).unwrap();
        (loss.high + 0.1) / (loss.low + 0.1)
    };
    let this = width("Llama 3 8B", "llama", 8.03);
    let family = width("Llama 3.1 8B", "llama", 8.03);
    let smaller = width("Llama 3.2 3B", "llama", 3.2);
    let stranger = width("Someone", "someone", 8.03);
    assert!(this < family && family < smaller && family < stranger, "{this} {family} {smaller} {stranger}");
}

#[test]
fn what_no_row_speaks_of_is_unknown_with_the_reason() {
    let of = |quant, billions| loss(subject("x", "x", billions), quant, None).unwrap_err().to_string();
    assert_eq!(of("Q9_Z", 8.0), "Q9_Z is no type of edgeorch's quantization ladder");
    assert_eq!(of("bf16", 8.0), "BF16 is what losses are measured against");
    assert_eq!(of("TQ1_0", 8.0), "no published measurement of TQ1_0 is known to edgeorch");
    assert!(of("Q4_1", 0.135).starts_with("Q4_1 was measured only on models of more than 16 times"));
    // Ternary weights that were trained so say nothing about a model that is made ternary afterwards.
    assert!(of("Q2_0", 1.7).starts_with("no published measurement"));
    assert!(loss(subject("Ternary Bonsai 1.7B", "qwen3", 1.7), "Q2_0", None).is_ok());
}

#[test]
fn a_reference_that_is_quantized_itself_is_the_last_resort_and_is_told() {
    let of = |quant| loss(subject("Llama 3.3 70B Instruct", "llama", 70.6), quant, None).unwrap();
    assert_eq!(of("EXL2 3 bpw").against.as_deref(), Some("EXL2 5.0 bpw"));
    assert_eq!(of("Q4_K_M").against, None);
}

#[test]
fn the_cache_of_one_model_bears_what_ruins_another() {
    let of = |name, architecture, billions| {
        kv_loss(subject(name, architecture, billions), "q4_0", "q4_0").unwrap()
    };
    let sensitive = of("Qwen2.5 7B", "qwen2", 7.62);
    assert_eq!(
        (sensitive.how, sensitive.measure, sensitive.estimate.round()),
        (How::ThisModel, Measure::Answers, 75.0)
    );
    assert!(of("Qwen3.6 27B", "qwen35", 27.0).high < 2.0);
    let reference = kv_loss(subject("x", "x", 8.0), "f16", "bf16");
    assert_eq!(reference.unwrap_err(), Unknown::Reference { quant: "f16/bf16".into() });
    assert!(kv_loss(subject("x", "x", 8.0), "f16", "q9").is_err());
}

/// Rows of all other tables of the same model and measure aside, how many of the table's own lie in the band.
#[test]
fn nine_rows_in_ten_lie_in_the_band_that_the_other_tables_give() {
    let (mut inside, mut all, mut outside) = (0, 0, Vec::new());
    for (i, table) in
        WEIGHTS.iter().enumerate().filter(|(_, table)| !table.trained && table.against.is_none())
    {
        let others: Vec<Table> = serde_saphyr::from_str::<Vec<Table>>(include_str!("weights.yaml"))
            .unwrap()
            .into_iter()
            .enumerate()
            .filter(|(j, other)| *j != i && other.model != table.model && other.measure == table.measure)
            .map(|(_, other)| other)
            .collect();
        let others: &'static [Table] = others.leak();
        let family = FAMILIES.iter().find(|family| family.family == table.family).unwrap();
        let name = table.names[0].as_str();
        let asked = subject(name, &family.architectures[0], table.parameters);
        for row in &table.rows {
            let Ok(band) = band(others, asked, &[&row.quant], row.imatrix) else { continue };
            let loss = table.loss(row);
            all += 1;
            if (band.low..=band.high).contains(&loss) {
                inside += 1;
            } else {
                outside.push(format!(
                    "{} {} {loss:.3} {:.3}..{:.3}",
                    table.model, row.quant, band.low, band.high
                ));
            }
        }
    }
    assert!(all > 100 && inside * 10 >= all * 9, "{inside} of {all}:\n{}", outside.join("\n"));
}

fn file(types: &[(&str, u64)], embedding: u64) -> Model {
    let by_type: BTreeMap<_, _> =
        types.iter().map(|(name, bytes)| ((*name).to_owned(), Bytes(*bytes))).collect();
    Model {
        name: Some("Llama 3 8B".into()),
        parameters: 8_030_000_000,
        weights: Weights {
            total: by_type.values().copied().sum(),
            token_embedding: Bytes(embedding),
            by_type,
            ..Weights::default()
        },
        embedding_length: Some(4096),
        vocabulary: Some(128_256),
        ..Model::bare(Format::Gguf, "llama")
    }
}

#[test]
fn a_file_is_judged_by_what_most_of_its_weights_are_of() {
    let mix =
        of_weights(&file(&[("Q4_K", 3_000_000_000), ("Q6_K", 1_000_000_000), ("F32", 500_000)], 0)).unwrap();
    assert_eq!(mix.quants, ["Q4_K_M", "Q4_K_S"]);
    assert_eq!(mix.how, How::ThisModel);
    assert_eq!(mix.basis.len(), 4);
    let even = of_weights(&file(&[("Q4_K", 450), ("Q6_K", 600), ("F32", 400)], 0));
    assert_eq!(even, Err(Unknown::Mixed));
    assert_eq!(of_weights(&file(&[("BF16", 1000)], 0)), Err(Unknown::Reference { quant: "BF16".into() }));
    assert_eq!(of_weights(&file(&[("Q77", 1000)], 0)), Err(Unknown::Mixed));
    let vectors = Model { pooling: true, ..file(&[("Q4_K", 1000)], 0) };
    assert_eq!(of_weights(&vectors), Err(Unknown::Vectors));
}

#[test]
fn embeddings_that_are_kept_better_do_not_make_a_file_better() {
    // 128256 x 4096 at 8.5 bits are more weights than the rest.
    let embedding = 128_256 * 4096 / 32 * 34;
    let loss = of_weights(&file(&[("Q8_0", embedding), ("Q2_K", 100_000_000)], embedding)).unwrap();
    assert_eq!(loss.quants, ["Q2_K", "Q2_K_S"]);
}

proptest! {
    #[test]
    fn any_question_gets_a_band_that_holds_its_estimate_or_a_reason(
        name in "(Llama 3 8B|Qwen2.5 7B|Gemma 2 9b it|\\PC{0,20})",
        architecture in "(llama|gemma2|qwen2|qwen3|qwen35|\\PC{0,8})",
        parameters in any::<u64>(),
        scale in 0u32..64,
        quant in 0usize..80,
        imatrix in any::<Option<bool>>(),
        other in "\\PC{0,12}",
    ) {
        let weights = &ladder().weights;
        let quant = weights.get(quant).map_or(other.clone(), |step| if step.by_target { format!("{} 4.0 bpw", step.name) } else { step.name.clone() });
        let subject = Subject { name: Some(&name), architecture: &architecture, parameters: parameters >> scale };
        let caches = ladder().cache.iter().map(|cache| kv_loss(subject, &cache.name, &cache.name));
        for found in caches.chain([loss(subject, &quant, imatrix), kv_loss(subject, &quant, &other)]) {
            match found {
                Ok(loss) => {
                    prop_assert!(loss.low <= loss.estimate && loss.estimate <= loss.high, "{loss:?}");
                    prop_assert!(loss.high.is_finite() && !loss.basis.is_empty(), "{loss:?}");
                }
                Err(why) => prop_assert!(!why.to_string().is_empty()),
            }
        }
    }
}
