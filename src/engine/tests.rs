//! Finding, asking and installing with real files, real programs (shell scripts), the machine's real pip and cmake, and
//! a forge on loopback. Nothing here leaves the machine.

mod find;
mod forge;
mod install;
mod probe;
mod rehearse;
mod release;
mod source;
mod wheel;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use edgeorch_engines::Bytes;
use edgeorch_engines::manifest::How;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::*;
use crate::model::store::Digest;

/// Prints one flag and a version, as an engine does.
const ENGINE: &str =
    "#!/bin/sh\ncase $1 in\n--version) echo 'version: 7' >&2;;\n*) echo '--model FNAME';;\nesac\n";

/// A home's engines, with a folder as the only PATH.
struct Place {
    folder: TempDir,
    engines: Engines,
    manifest: Manifest,
    notes: Notes,
}

impl Place {
    /// No program is on its PATH, and no source is known.
    fn empty() -> Place {
        let folder = tempfile::tempdir().unwrap();
        for name in ["engines", "bin", "index"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut manifest = edgeorch_engines::find("llama.cpp").unwrap().manifest().clone();
        manifest.install.clear();
        let host = serde_json::from_str(include_str!("../../engines/contract/host.example.json")).unwrap();
        let mut engines = Engines::new(folder.path().join("engines"), &host);
        engines.search_path = folder.path().join("bin").into();
        engines.fetcher.pip_env = vec![
            ("PIP_NO_INDEX".into(), "1".into()),
            ("PIP_FIND_LINKS".into(), folder.path().join("index").into()),
        ];
        Place { folder, engines, manifest, notes: Notes::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A way to install; the demands on the machine are none.
    fn add_source(&mut self, name: &str, how: How) {
        let (name, license) = (name.to_owned(), "MIT".to_owned());
        self.manifest.install.push(Install {
            name,
            license,
            os: None,
            architecture: None,
            glibc: None,
            isa: BTreeSet::new(),
            tools: Vec::new(),
            how,
        });
    }

    async fn install(&self) -> Result<Ready, EngineError> {
        self.engines.install(&self.manifest, &self.notes).await
    }

    /// The message of an installation that failed.
    async fn install_fails(&self) -> String {
        self.install().await.expect_err("nothing here can be installed").to_string()
    }

    async fn find(&self) -> Search {
        self.engines.find(&self.manifest).await
    }

    /// What is left beside installations and their lock.
    fn leftovers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("engines/llama.cpp")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.is_dir() && !path.join("installed.json").is_file()).collect()
    }
}

fn write_program(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    crate::test_program::write_program(path, content);
}

fn sha256(file: &Path) -> String {
    Digest::of(Sha256::new_with_prefix(fs::read(file).unwrap())).to_string()
}

/// A tar.gz of these files.
fn tar_gz(path: &Path, files: &[(&str, &str)]) {
    let mut tar =
        tar::Builder::new(flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), Default::default()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // Written as it is: `append_data` would refuse names that a hostile archive has.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
}

/// The machine's own PATH, for pip and cmake; what is missing on it is skipped, with the reason printed.
fn machine_with(tools: &[&str]) -> Option<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for tool in tools {
        if find_on(tool, &path).is_none() {
            eprintln!("skipped: this machine has no {tool}");
            return None;
        }
    }
    Some(path)
}

fn find_on(tool: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    super::find::executable(tool, path)
}

fn machine_with_pip() -> Option<OsString> {
    let path = machine_with(&["python3"])?;
    let asked = std::process::Command::new("python3").args(["-m", "pip", "--version"]).output();
    if !asked.is_ok_and(|asked| asked.status.success()) {
        eprintln!("skipped: this machine has no pip");
        return None;
    }
    Some(path)
}

/// What a person would have read.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }

    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }
}

impl Progress for Notes {
    fn started(&self, name: &str, _total: Option<Bytes>) {
        self.add(format!("started {name}"));
    }
    fn sized(&self, _total: Bytes) {}
    fn advanced(&self, _done: Bytes) {}
    fn reached(&self, percent: u8) {
        self.add(format!("{percent} %"));
    }
    fn message(&self, text: &str) {
        self.add(text);
    }
    fn note(&self, text: &str) {
        self.add(text);
    }
    fn finished(&self) {}
}
