//! Getting an engine: the first source of its manifest that suits this machine and can be reached. Everything is made
//! in a folder beside its place and renamed into it whole, so that a broken-off installation is never taken for one.

mod build;
mod listing;
mod make;
mod unpack;

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use edgeorch_engines::manifest::{How, Install, Manifest};

use super::find::{self, Found, Origin};
use super::{EngineError, Engines, Ready, probe};
use crate::progress::Progress;
use make::Made;

/// How the folder of an installation begins that is being made, or was broken off.
const PARTIAL: &str = ".partial-";

impl Engines {
    /// Installs from the first source that works, unless an installation is here that runs.
    ///
    /// # Errors
    /// [`EngineError::NoneInstallable`] with a reason for each source.
    pub async fn install(&self, manifest: &Manifest, progress: &dyn Progress) -> Result<Ready, EngineError> {
        let folder = find::folder(manifest, &self.folder);
        let fail = |source| EngineError::Folder { folder: folder.clone(), source };
        let _lock = lock(&folder, progress).await.map_err(fail)?;
        clear(&folder).map_err(fail)?;
        // Whoever held the lock before may have installed it.
        let search =
            self.first_that_runs(find::installed(manifest, &self.folder, &self.host.cpu), manifest).await;
        self.tell(&search.passed_over, progress);
        if let Some(ready) = search.ready {
            return Ok(ready);
        }
        let mut reasons = Vec::new();
        let mut suitable = Vec::new();
        for (source, mut obstacles) in self.sources(manifest) {
            obstacles.extend(
                self.is_condemned(source, manifest, &folder)
                    .then(|| "it died of an illegal instruction here before".to_owned()),
            );
            match obstacles.is_empty() {
                true => suitable.push(source),
                false => reasons.push(format!("{}: {}", source.name, obstacles.join("; "))),
            }
        }
        let mut suitable = suitable.into_iter().peekable();
        while let Some(source) = suitable.next() {
            match self.install_from(source, manifest, &folder, progress).await {
                Ok(ready) => return Ok(ready),
                Err(why) => {
                    if suitable.peek().is_some() {
                        progress.note(&format!("{}: {why}; trying the next source", source.name));
                    }
                    reasons.push(format!("{}: {why}", source.name));
                }
            }
        }
        let (engine, program) = (manifest.id.clone(), manifest.program.clone());
        Err(EngineError::NoneInstallable { engine, program, reasons })
    }

    /// A build made elsewhere that died of an illegal instruction would come back the same; one made here is made anew.
    fn is_condemned(&self, source: &Install, manifest: &Manifest, folder: &Path) -> bool {
        let program = folder.join(key(&source.how)).join(make::BIN).join(&manifest.program);
        !matches!(source.how, How::Source { .. }) && probe::Cache::of(&self.folder).is_condemned(&program)
    }

    async fn install_from(
        &self,
        source: &Install,
        manifest: &Manifest,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<Ready, String> {
        let text = |error: io::Error| error.to_string();
        let work = tempfile::Builder::new().prefix(PARTIAL).tempdir_in(folder).map_err(text)?;
        let Made { folder: made, receipt } = self.make(source, manifest, work.path(), progress).await?;
        receipt.write(&made).map_err(text)?;
        let place = folder.join(key(&source.how));
        if place.exists() {
            // Aside first: it is removed with the work folder, and until the new one stands there is none.
            std::fs::rename(&place, work.path().join("replaced")).map_err(text)?;
        }
        std::fs::rename(&made, &place).map_err(text)?;
        let found = Found {
            program: place.join(&receipt.program),
            library_path: receipt.libraries.map(|libraries| place.join(libraries)),
            origin: Origin::Installed { by: receipt.source },
        };
        self.ask(found, manifest).await.map_err(|error| error.to_string())
    }
}

/// One installation at a time; the lock ends with the process.
pub(super) async fn lock(folder: &Path, progress: &dyn Progress) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let file = File::create(folder.join("install.lock"))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {
            progress.note("another edgeorch is installing this engine; waiting for it")
        }
    }
    let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| file));
    waiting.await.map_err(io::Error::other)?
}

/// Removes what was broken off. Only for whoever holds the lock: nobody else is making anything.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
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
