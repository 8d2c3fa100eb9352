//! Where an engine's program may lie: on PATH first, because what a user has installed is what they mean, then among
//! what edgeorch installed.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use edgeorch_engines::manifest::Manifest;
use serde::{Deserialize, Serialize};

/// A program that may be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub program: PathBuf,
    /// Where its shared libraries lie, for installations that need to be told.
    pub library_path: Option<PathBuf>,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Origin {
    Path,
    Installed { by: String },
}

/// Written beside what was installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The manifest's name of the source.
    pub source: String,
    /// The package or archive, with its version.
    pub from: String,
    pub sha256: String,
    /// Relative to the receipt's folder.
    pub program: PathBuf,
    #[serde(default)]
    pub libraries: Option<PathBuf>,
}

pub const RECEIPT: &str = "installed.json";

/// All candidates, best first. `path` is the value of PATH.
pub fn candidates(manifest: &Manifest, path: &std::ffi::OsStr, engines: &Path) -> Vec<Found> {
    let on_path = on_path(&manifest.program, path).map(|program| Found {
        program,
        library_path: None,
        origin: Origin::Path,
    });
    on_path.into_iter().chain(installed(manifest, engines)).collect()
}

/// The first executable file of this name on PATH.
pub fn on_path(program: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(program)).find(
        |file| file.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0),
    )
}

/// The folder of everything installed for this engine.
pub fn folder(manifest: &Manifest, engines: &Path) -> PathBuf {
    engines.join(&manifest.id)
}

/// What was installed, in the order of the manifest's sources: the better source first, however old.
fn installed(manifest: &Manifest, engines: &Path) -> Vec<Found> {
    let Ok(entries) = std::fs::read_dir(folder(manifest, engines)) else { return Vec::new() };
    let mut found: Vec<(usize, Found)> = entries
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            let receipt: Receipt = serde_json::from_slice(&std::fs::read(folder.join(RECEIPT)).ok()?).ok()?;
            let rank = manifest
                .install
                .iter()
                .position(|install| install.name == receipt.source)
                .unwrap_or(usize::MAX);
            let library_path = receipt.libraries.map(|libraries| folder.join(libraries));
            let origin = Origin::Installed { by: receipt.source };
            Some((rank, Found { program: folder.join(receipt.program), library_path, origin }))
        })
        .filter(|(_, found)| found.program.is_file())
        .collect();
    found.sort_by(|a, b| (a.0, &a.1.program).cmp(&(b.0, &b.1.program)));
    found.into_iter().map(|(_, found)| found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_executable_files_in_absolute_folders_count() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("llama-server");
        std::fs::write(&program, "").unwrap();
        let path = folder.path().as_os_str();
        assert_eq!(on_path("llama-server", path), None, "not executable");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(on_path("llama-server", path), Some(program));
        assert_eq!(on_path("llama-server", ".:relative".as_ref()), None);
    }

    #[test]
    fn installations_are_found_by_their_receipts() {
        let home = tempfile::tempdir().unwrap();
        let manifest = edgeorch_engines::find("llama.cpp").unwrap().manifest();
        let place = folder(manifest, home.path()).join("source");
        std::fs::create_dir_all(place.join("bin")).unwrap();
        assert!(installed(manifest, home.path()).is_empty());
        std::fs::write(place.join("bin/llama-server"), "").unwrap();
        let receipt = Receipt {
            source: manifest.install[0].name.clone(),
            from: "x==1".into(),
            sha256: String::new(),
            program: "bin/llama-server".into(),
            libraries: Some("bin".into()),
        };
        std::fs::write(place.join(RECEIPT), serde_json::to_vec(&receipt).unwrap()).unwrap();
        let found = installed(manifest, home.path());
        assert_eq!(found[0].library_path, Some(place.join("bin")));
    }
}
