use std::collections::BTreeSet;

use super::*;

#[test]
fn every_file_is_well_formed_and_every_file_beside_it_is_read() {
    for (name, text) in FILES {
        if let Err(error) = serde_saphyr::from_str::<Family>(text) {
            panic!("{name}.yaml: {error}");
        }
        assert!(text.starts_with('#'), "{name}.yaml says where its figures are from");
    }
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model/catalogue");
    let lying: BTreeSet<String> = std::fs::read_dir(here)
        .unwrap()
        .filter_map(|file| file.unwrap().file_name().to_str()?.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    let read: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(lying, read);
}

#[test]
fn the_parameters_of_every_model_follow_from_its_shape() {
    let mut faults = Vec::new();
    for (_, entry) in models() {
        let off = off(entry.counted(), entry.parameters);
        match &entry.arithmetic {
            None if off > 0.01 => faults.push(format!(
                "{}: {} by its shape, {} by its maker",
                entry.name,
                entry.counted(),
                entry.parameters
            )),
            Some(_) if off <= 0.01 => {
                faults.push(format!("{}: can be counted, and says it can't", entry.name))
            }
            _ => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn few_models_escape_the_arithmetic() {
    let escaped = models().filter(|(_, entry)| entry.arithmetic.is_some()).count();
    assert!(escaped * 20 <= models().count(), "{escaped}");
}

/// Makers print one digit after the point at most, and some leave embeddings out: within a fifth, or a dimension of the
/// mixture is wrong.
#[test]
fn what_a_token_meets_follows_from_the_mixture() {
    for (_, entry) in models() {
        match (entry.active_parameters, entry.shape.active_parameters()) {
            (Some(told), Some(counted)) => {
                assert!(off(counted, told) < 0.2, "{}: {counted} by its shape, {told} told", entry.name);
                assert!(counted < entry.parameters, "{}", entry.name);
            }
            (Some(_), None) => panic!("{} is no mixture", entry.name),
            (None, _) => {}
        }
    }
}

#[test]
fn names_and_repositories_are_of_one_model_only() {
    let mut names = BTreeSet::new();
    let mut repositories = BTreeSet::new();
    for (_, entry) in models() {
        assert!(names.insert(entry.name.to_lowercase()), "{} twice", entry.name);
        let of = &entry.repositories;
        let all = [&of.safetensors, &of.gguf, &of.awq, &of.gptq, &of.fp8, &of.nvfp4, &of.mxfp4, &of.mlx];
        for repository in all.into_iter().flatten() {
            assert!(repositories.insert(repository), "{repository} twice");
            assert_eq!(repository.matches('/').count(), 1, "{repository}");
        }
    }
}

#[test]
fn a_licence_is_open_or_says_what_it_limits() {
    for (family, entry) in models() {
        let licence = family.licence_of(entry);
        assert_eq!(licence.open, licence.limits.is_none(), "{}: {licence:?}", entry.name);
    }
}

#[test]
fn every_entry_makes_sense_in_itself() {
    for (_, entry) in models() {
        let (name, shape) = (&entry.name, &entry.shape);
        assert!(!entry.tasks.is_empty() && !entry.source.is_empty(), "{name}");
        assert!(entry.context.native >= 512, "{name}");
        assert!(entry.context.extended.is_none_or(|extended| extended > entry.context.native), "{name}");
        assert!(shape.kv_heads == 0 || shape.heads.is_multiple_of(shape.kv_heads), "{name}");
        assert!(shape.experts.is_none_or(|experts| experts.used < experts.count), "{name}");
        assert!(shape.recurrent.is_none_or(|kind| kind.layers() <= shape.layers), "{name}");
        if let Some(released) = &entry.released {
            let (year, month) = released.split_once('-').unwrap();
            assert!((2019..2100).contains(&year.parse::<u32>().unwrap()), "{name}: {released}");
            assert!(
                month.len() == 2 && (1..=12).contains(&month.parse::<u32>().unwrap()),
                "{name}: {released}"
            );
        }
    }
}

#[test]
fn a_model_is_found_by_its_name_whatever_its_capitals() {
    assert_eq!(find("qwen3-8b").unwrap().1.name, "Qwen3-8B");
    assert!(find("qwen3").is_none());
}

fn off(counted: u64, told: u64) -> f64 {
    (counted as f64 - told as f64).abs() / told as f64
}
