//! Models of several files: parts of a GGUF from a hub and from a folder, and folders of safetensors, through the commands
//! that people type.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::gguf_builder::{F16, Field, Gguf};
use crate::support::daemon::{free_port, profile};
use crate::support::repositories::{Files, Repositories};
use crate::support::small_disk::SmallDisk;
use crate::support::{Daemon, Engine, Home};

const SOURCE: &str = "hf:org/repo:Q4_K_M";

/// A small model in two parts, by the names that llama.cpp gives them.
pub fn parts(name: &str) -> Files {
    let split = |file: Gguf, number: u32| {
        file.set("split.count", Field::U32(2)).set("split.no", Field::U32(number)).bytes()
    };
    let second = Gguf::new().tensor("blk.1.attn_q.weight", &[64, 64], F16, 8192);
    [(1, split(Gguf::model("llama"), 0)), (2, split(second, 1))]
        .map(|(number, content)| (format!("{name}-{number:05}-of-00002.gguf"), content))
        .into()
}

fn home() -> (Home, Repositories) {
    let mut home = Home::new(&Engine::fake(""));
    let hub = Repositories::of(&mut home, |repo| (repo == "org/repo").then(|| parts("big-Q4_K_M")));
    (home, hub)
}

/// Writes the parts beside each other, and gives the first.
fn beside(home: &Home) -> PathBuf {
    let folder = home.outside().join("weights");
    std::fs::create_dir_all(&folder).unwrap();
    parts("big").iter().for_each(|(name, content)| std::fs::write(folder.join(name), content).unwrap());
    folder.join("big-00001-of-00002.gguf")
}

fn entries(home: &Home) -> Vec<Value> {
    let ran = home.run(&["models", "ls", "--json"]);
    let listed: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    listed["entries"].as_array().unwrap().clone()
}

/// The weights that a running engine was given.
fn given(daemon: &Daemon) -> PathBuf {
    let cmdline = std::fs::read_to_string(format!("/proc/{}/cmdline", daemon.engine_pid())).unwrap();
    let mut words = cmdline.split('\0').skip_while(|word| *word != "--model");
    PathBuf::from(words.nth(1).unwrap())
}

#[test]
fn a_split_model_is_fetched_served_listed_verified_and_removed_as_one() {
    let (home, hub) = home();
    let port = free_port();
    let mut daemon = Daemon::of_profile(home.clone(), port, &profile(SOURCE, port, ""));
    daemon.wait_ready();
    let first = given(&daemon);
    assert!(first.ends_with("big-Q4_K_M-00001-of-00002.gguf"), "{first:?}");
    for (name, content) in parts("big-Q4_K_M") {
        assert_eq!(std::fs::read(first.with_file_name(name)).unwrap(), content);
    }
    daemon.stop().is_refusal(130, &[]);
    assert_eq!(hub.asked().len(), 3, "a list and two parts");

    let listed = entries(&home);
    let total: usize = parts("big").values().map(Vec::len).sum();
    assert_eq!((listed.len(), listed[0]["bytes"].as_u64()), (1, Some(total as u64)), "{listed:?}");
    assert_eq!(listed[0]["parts"].as_array().unwrap().len(), 2);
    let shown = home.run(&["models", "ls"]).stdout;
    assert!(shown.contains("big-Q4_K_M.gguf") && shown.contains("here, 2 files"), "{shown}");
    let verified = home.run(&["models", "verify", "big-Q4_K_M.gguf"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");

    // From the store, without a hub.
    let planned = home.run(&["plan", "-f", home.outside().join("profile.yaml").to_str().unwrap()]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    assert_eq!(hub.asked(), Vec::<String>::new());

    let removed = home.run(&["models", "rm", "big-Q4_K_M.gguf"]);
    assert_eq!(removed.code, Some(0), "{removed:?}");
    assert!(entries(&home).is_empty() && !first.exists());
    assert_eq!(left(&home.path().join("models/blobs")) + left(&home.path().join("models/folders")), 0);
}

/// Files below a folder.
fn left(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { left(&entry.path()) } else { 1 }).sum()
}

#[test]
fn a_damaged_part_is_told_in_one_sentence() {
    let (home, _hub) = home();
    assert_eq!(home.run(&["pull", SOURCE]).code, Some(0));
    let path = PathBuf::from(entries(&home)[0]["parts"][1]["path"].as_str().unwrap());
    let whole = std::fs::read(&path).unwrap();
    let mut altered = whole.clone();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &altered).unwrap();
    home.refuses(&["models", "verify"], 1, &["00002-of-00002.gguf has the sha256", "models rm"]);
    std::fs::write(&path, &whole[..100]).unwrap();
    home.refuses(&["models", "verify"], 1, &["has 100 bytes instead of", "models rm"]);
    std::fs::remove_file(&path).unwrap();
    home.refuses(&["models", "verify"], 1, &["00002-of-00002.gguf is missing", "models rm"]);
    // And mended by the next fetch.
    assert_eq!(home.run(&["pull", SOURCE]).code, Some(0));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[test]
fn the_first_part_of_a_file_source_is_served_with_those_beside_it() {
    let home = Home::new(&Engine::fake(""));
    let first = beside(&home);
    // As the hub's own tool keeps it: a link to a file of another name.
    std::fs::rename(&first, first.with_file_name("0123abcd")).unwrap();
    std::os::unix::fs::symlink("0123abcd", &first).unwrap();
    let port = free_port();
    let text = profile(&format!("file:{}", first.display()), port, "");
    let mut daemon = Daemon::of_profile(home, port, &text);
    daemon.wait_ready();
    assert!(given(&daemon).ends_with("weights/big-00001-of-00002.gguf"), "{:?}", given(&daemon));
}

#[test]
fn a_part_that_is_missing_cut_short_or_not_the_first_is_told() {
    let home = Home::new(&Engine::fake(""));
    let first = beside(&home);
    let second = first.with_file_name("big-00002-of-00002.gguf");
    let refuses = |path: &Path, says: &[&str]| {
        let ran = home.refuses_up(&profile(&format!("file:{}", path.display()), 0, ""), 1, says);
        assert!(!ran.stderr.contains("is starting"), "{ran:?}");
    };
    refuses(&second, &["big-00001-of-00002.gguf"]);
    let whole = std::fs::read(&second).unwrap();
    std::fs::write(&second, &whole[..whole.len() - 100]).unwrap();
    refuses(&first, &["big-00002-of-00002.gguf", "100 bytes short"]);
    std::fs::remove_file(&second).unwrap();
    refuses(&first, &["big-00002-of-00002.gguf"]);
}

#[test]
fn the_budget_of_the_disk_counts_all_parts() {
    let (home, hub) = home();
    let (one, total) = {
        let sizes: Vec<usize> = parts("big").values().map(Vec::len).collect();
        (sizes.iter().max().copied().unwrap(), sizes.iter().sum::<usize>())
    };
    let text = |bytes: usize| format!("budget: {{disk: {bytes}B}}\n{}", profile(SOURCE, 0, ""));
    let path = home.profile(&text(one + 1));
    home.refuses(&["plan", "-f", path.to_str().unwrap()], 5, &["and budget.disk is"]);
    let path = home.profile(&text(total));
    assert_eq!(home.run(&["plan", "-f", path.to_str().unwrap()]).code, Some(0));
    assert!(hub.asked().len() > 2, "the parts' headers were asked for");
}

#[test]
fn parts_that_do_not_fit_together_are_refused_before_the_first_is_fetched() {
    let Some(disk) = SmallDisk::mount("size=300m") else { return };
    let mut home = Home::new(&Engine::fake(""));
    // Each would fit beside the 256 MiB that are kept free.
    let part = |number: u32| (format!("big-{number:05}-of-00002.gguf"), vec![number as u8; 30 << 20]);
    let files: Files = [part(1), part(2)].into();
    let hub = Repositories::of(&mut home, move |_| Some(files.clone()));
    home.set("EDGEORCH_HOME", disk.path());
    home.refuses(&["pull", "hf:org/repo"], 1, &["failed to store 60.0 MiB", "free some space"]);
    assert_eq!(hub.asked().len(), 1, "the list alone");
}

/// A folder of two shards.
fn folder() -> Files {
    let shard = |tensor: &str| {
        let header = format!(r#"{{"{tensor}":{{"dtype":"BF16","shape":[8,64],"data_offsets":[0,1024]}}}}"#);
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 1024]].concat()
    };
    let config = r#"{"model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"vocab_size":8}"#;
    let index = r#"{"weight_map":{"model.embed_tokens.weight":"model-00001-of-00002.safetensors","lm_head.weight":"model-00002-of-00002.safetensors"}}"#;
    [
        ("config.json", config.into()),
        ("model.safetensors.index.json", index.into()),
        ("tokenizer.json", "{}".into()),
        ("pytorch_model.bin", b"the same once more".to_vec()),
        ("model-00001-of-00002.safetensors", shard("model.embed_tokens.weight")),
        ("model-00002-of-00002.safetensors", shard("lm_head.weight")),
    ]
    .map(|(path, content): (&str, Vec<u8>)| (path.to_owned(), content))
    .into()
}

#[test]
fn a_folder_of_safetensors_is_pulled_planned_for_and_not_started() {
    let mut home = Home::new(&Engine::fake(""));
    let hub = Repositories::of(&mut home, |repo| (repo == "org/repo").then(folder));
    // What no engine reads that is started is not fetched by `up`.
    home.refuses_up(
        &profile("hf:org/repo", 0, ""),
        1,
        &["a folder of safetensors", "edgeorch pull hf:org/repo"],
    );
    assert_eq!(hub.listed(), ["org/repo"]);

    let pulled = home.run(&["pull", "hf:org/repo"]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert!(!hub.asked().iter().any(|path| path.ends_with(".bin")));
    let entry = entries(&home).remove(0);
    let folder = PathBuf::from(entry["path"].as_str().unwrap());
    assert!(
        folder.join("config.json").is_file() && folder.join("model-00002-of-00002.safetensors").is_file()
    );
    assert_eq!((entry["name"].as_str(), entry["parts"].as_array().unwrap().len()), (Some("repo"), 5));

    let path = home.profile(&profile("hf:org/repo", 0, "    engine: vllm"));
    let planned = home.run(&["plan", "--json", "-f", path.to_str().unwrap()]);
    let planned: Value = serde_json::from_str(&planned.stdout).unwrap_or_else(|_| panic!("{planned:?}"));
    assert_eq!(planned[0]["considered"], 1, "{planned}");
    let ran = home.refuses_up(&profile("hf:org/repo", 0, ""), 3, &[]);
    assert!(!ran.stderr.contains("is starting"), "{ran:?}");
    assert_eq!(hub.asked(), Vec::<String>::new(), "it is here");
}
