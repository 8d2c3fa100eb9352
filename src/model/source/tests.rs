//! Against a real HTTP server that misbehaves on demand, and the machine's real pip on a package made here.

mod hf;
mod https;
mod parts;
mod pip;
mod repository;
pub(in crate::model) mod server;

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use edgeorch_engines::{Bytes, Source};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::*;
use crate::progress::Silent;

/// Keeps what was told, in order.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

impl Progress for Told {
    fn started(&self, name: &str, total: Option<Bytes>) {
        self.0.lock().unwrap().push(format!("started {name} {total:?}"));
    }

    fn sized(&self, total: Bytes) {
        self.0.lock().unwrap().push(format!("sized {}", total.0));
    }

    fn advanced(&self, done: Bytes) {
        self.0.lock().unwrap().push(format!("advanced {}", done.0));
    }

    fn reached(&self, percent: u8) {
        self.0.lock().unwrap().push(format!("reached {percent}"));
    }

    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(format!("note {text}"));
    }

    fn message(&self, text: &str) {
        self.0.lock().unwrap().push(format!("message {text}"));
    }

    fn finished(&self) {
        self.0.lock().unwrap().push("finished".to_owned());
    }
}

/// An empty store that is gone after the test.
fn empty_store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("models")).unwrap();
    (folder, store)
}

/// As in production, but with the patience of a test.
fn hasty() -> Fetcher {
    let patience = Patience {
        server: Duration::from_millis(400),
        backoff: Duration::from_millis(5),
        retries: 3,
        ..PATIENCE
    };
    Fetcher { patience, ..Fetcher::from_env() }
}

fn digest_of(content: &[u8]) -> Digest {
    Digest::of(Sha256::new_with_prefix(content))
}

/// Bytes that differ everywhere, so that any wrong seam shows.
fn content(length: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A small file system of its own, unmounted in the end; `None` (said) where this user may not mount.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(options: &str) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(SmallDisk(folder));
        }
        eprintln!("skipped: this user may not mount a tmpfs");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount_read_only(&self) {
        let done = std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy: a file that is still open must not leave the mount behind.
        let _ = std::process::Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_file_stays_where_it_is() {
    let (folder, store) = empty_store();
    let path = folder.path().join("a.gguf");
    fs::write(&path, "weights").unwrap();
    let source: Source = format!("file:{}", path.display()).parse().unwrap();
    let entry = fetch(&source, &store, &Silent).await.unwrap();
    assert_eq!((entry.path.clone(), entry.digest.clone()), (path.canonicalize().unwrap(), None));
    assert_eq!(store.find(&source), Some(entry.clone()));
    assert_eq!(store.verify(&entry, &Silent).await.unwrap(), digest_of(b"weights"));
    assert!(store.list().unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_missing_file_is_told_with_the_one_beside_it() {
    let (folder, store) = empty_store();
    fs::write(folder.path().join("smollm2-q4_1.gguf"), "").unwrap();
    let path = folder.path().join("smollm2-q4_l.gguf");
    let failure = fetch(&Source::File { path: path.clone() }, &store, &Silent).await.unwrap_err();
    let text = failure.to_string();
    assert!(
        text.contains(path.to_str().unwrap()) && text.contains("beside it lies smollm2-q4_1.gguf"),
        "{text}"
    );
}

#[tokio::test]
async fn a_folder_or_a_fifo_is_no_model() {
    let (folder, store) = empty_store();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in [folder.path().to_owned(), fifo] {
        let failure = fetch(&Source::File { path }, &store, &Silent).await.unwrap_err();
        assert!(matches!(failure, FetchError::NotAFile { .. }), "{failure}");
    }
}
