//! Whether what lies in the store is still what was put there.

use std::fs;
use std::io;

use super::{Damage, Digest, Entry, Store, StoreError};
use crate::progress::{Progress, metered};

impl Store {
    /// Hashes the whole file and compares; gives the digest, which for a `file:` source was unknown until now.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a missing, truncated, zeroed, swapped or renamed blob; I/O errors while reading.
    pub async fn verify(&self, entry: &Entry, progress: &dyn Progress) -> Result<Digest, StoreError> {
        progress.started(&entry.name, Some(entry.bytes));
        let damaged = |damage| StoreError::Damaged { what: entry.source.to_string(), damage };
        check_size(entry).map_err(damaged)?;
        let path = entry.path.clone();
        let found = metered(progress, move |meter| Digest::of_file(&path, meter))
            .await
            .map_err(|cause| StoreError::io("read", &entry.path, cause))?;
        if entry.digest.as_ref().is_some_and(|expected| *expected != found) {
            return Err(damaged(Damage::Content { path: entry.path.clone(), found }));
        }
        progress.finished();
        Ok(found)
    }
}

/// The cheap part: it is there, a regular file, and as long as it should be.
pub(super) fn check_size(entry: &Entry) -> Result<(), Damage> {
    let path = || entry.path.clone();
    // Blobs are never links: what a link points to could change without its name.
    let facts = match fs::symlink_metadata(&entry.path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(Damage::Missing { path: path() });
        }
        Err(_) => return Err(Damage::NotAFile { path: path() }),
        Ok(facts) => facts,
    };
    if !facts.is_file() {
        return Err(Damage::NotAFile { path: path() });
    }
    if facts.len() != entry.bytes.0 {
        return Err(Damage::Size { path: path(), expected: entry.bytes.0, found: facts.len() });
    }
    Ok(())
}
