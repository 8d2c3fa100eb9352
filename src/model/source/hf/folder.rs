//! Which of a repository's files are a model folder of safetensors, as vLLM, mlx-lm and our own reader take it. Pure.

use std::collections::BTreeSet;

use super::Listed;

pub(in crate::model) const CONFIG: &str = "config.json";
const INDEX: &str = "model.safetensors.index.json";

/// Endings of what stands beside the weights: configurations, templates, vocabularies. Programs (`.py`) are left out: nothing
/// that a stranger wrote is to be run because it was fetched as a model.
const BESIDE: [&str; 5] = [".json", ".jinja", ".txt", ".model", ".tiktoken"];

/// How embedding models are pooled.
const POOLING: &str = "1_Pooling/config.json";

/// The files that transformers would load: numbered parts, else the one file, else all (EXL writes
/// `output.safetensors`), but for the original's own format beside them, which holds everything once more, and adapters.
pub(in crate::model) fn weights(files: &[Listed]) -> Vec<&Listed> {
    const OTHERS: [&str; 2] = ["consolidated", "adapter_model"];
    let is_weights = |path: &str| {
        !path.contains('/')
            && path.ends_with(".safetensors")
            && !OTHERS.iter().any(|other| path.starts_with(other))
    };
    let all = || files.iter().filter(|file| is_weights(&file.path));
    let numbered: Vec<&Listed> =
        all().filter(|file| file.path.starts_with("model-") && file.path.contains("-of-")).collect();
    match (numbered.is_empty(), all().find(|file| file.path == "model.safetensors")) {
        (false, _) => numbered,
        (true, Some(one)) => vec![one],
        (true, None) => all().collect(),
    }
}

/// All files of the folder, small ones first; `None` where the repository is no such model.
pub(super) fn files(files: &[Listed]) -> Option<Vec<&Listed>> {
    let weights = weights(files);
    if weights.is_empty() || !files.iter().any(|file| file.path == CONFIG) {
        return None;
    }
    let is_beside = |path: &str| {
        let of_other_weights = path.ends_with(".index.json") && path != INDEX;
        let plain = !path.contains('/') && BESIDE.iter().any(|ending| path.ends_with(ending));
        (plain && !of_other_weights) || path == POOLING
    };
    let mut seen = BTreeSet::new();
    let beside = files.iter().filter(|file| is_beside(&file.path));
    let once = beside.chain(weights).filter(|file| seen.insert(file.path.as_str()));
    Some(once.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(paths: &[&str]) -> Option<Vec<String>> {
        let listed: Vec<Listed> =
            paths.iter().map(|path| Listed { path: (*path).to_owned(), bytes: 1, sha256: None }).collect();
        files(&listed).map(|found| found.iter().map(|file| file.path.clone()).collect())
    }

    #[test]
    fn a_folder_is_what_engines_read_and_nothing_twice() {
        let paths = [
            "README.md",
            "config.json",
            "tokenizer.json",
            "tokenizer.model",
            "merges.txt",
            "chat_template.jinja",
            "model.safetensors.index.json",
            "pytorch_model.bin.index.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "consolidated.safetensors",
            "adapter_model.safetensors",
            "pytorch_model.bin",
            "model.pth",
            "modeling_x.py",
            "onnx/model.onnx",
            "onnx/config.json",
            "1_Pooling/config.json",
            "config.json",
        ];
        let found = chosen(&paths).unwrap();
        let expected = [&paths[1..7], &paths[17..18], &paths[8..10]].concat();
        assert_eq!(found, expected);
    }

    #[test]
    fn without_weights_or_config_it_is_no_folder() {
        for paths in
            [&["config.json", "pytorch_model.bin"][..], &["model.safetensors"], &["vae/model.safetensors"]]
        {
            assert_eq!(chosen(paths), None, "{paths:?}");
        }
    }
}
