//! Removing what was installed.

use std::io;

use edgeorch_engines::manifest::Manifest;

use super::{EngineError, Engines, find, install};
use crate::progress::Progress;

impl Engines {
    /// Removes everything that edgeorch installed for this engine; says whether there was anything.
    ///
    /// # Errors
    /// The folder can't be written.
    pub async fn remove(&self, manifest: &Manifest, progress: &dyn Progress) -> Result<bool, EngineError> {
        let folder = find::folder(manifest, &self.folder);
        if !folder.exists() {
            return Ok(false);
        }
        let fail = |source| EngineError::Folder { folder: folder.clone(), source };
        let _lock = install::lock(&folder, progress).await.map_err(fail)?;
        let gone = || -> io::Result<bool> {
            let mut any = false;
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                // The lock's file stays: another edgeorch may be waiting for it.
                if path.is_dir() {
                    std::fs::remove_dir_all(&path)?;
                    any = true;
                }
            }
            Ok(any)
        };
        gone().map_err(fail)
    }
}
