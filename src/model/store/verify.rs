//! Whether what lies in the store is still what was put there.

use std::fs;
use std::io;
use std::path::Path;

use edgeorch_engines::Bytes;

use super::{Damage, Digest, Entry, Part, Store, StoreError};
use crate::progress::{Progress, metered};

impl Store {
    /// Hashes every file and compares; gives the digest, which for a `file:` source was unknown until now.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a missing, truncated, zeroed, swapped or renamed blob; I/O errors while reading.
    pub async fn verify(&self, entry: &Entry, progress: &dyn Progress) -> Result<Digest, StoreError> {
        let damaged = |damage| StoreError::Damaged { what: entry.source.to_string(), damage };
        check_size(entry).map_err(damaged)?;
        let content = |path: &Path, found| damaged(Damage::Content { path: path.to_owned(), found });
        if let (Some(digest), false) = (&entry.digest, entry.parts.is_empty()) {
            for part in &entry.parts {
                let name = part.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
                let found = hashed(&name, &part.path, part.bytes, progress).await?;
                if found != part.digest {
                    return Err(content(&part.path, found));
                }
            }
            return Ok(digest.clone());
        }
        let found = hashed(&entry.name, &entry.path, entry.bytes, progress).await?;
        match &entry.digest {
            Some(expected) if *expected != found => Err(content(&entry.path, found)),
            _ => Ok(found),
        }
    }
}

async fn hashed(
    name: &str,
    path: &Path,
    bytes: Bytes,
    progress: &dyn Progress,
) -> Result<Digest, StoreError> {
    progress.started(name, Some(bytes));
    let file = path.to_owned();
    let found = metered(progress, move |meter| Digest::of_file(&file, meter)).await;
    let found = found.map_err(|cause| StoreError::io("read", path, cause))?;
    progress.finished();
    Ok(found)
}

/// The cheap part: all is there, regular files, and as long as they should be.
pub(super) fn check_size(entry: &Entry) -> Result<(), Damage> {
    if entry.parts.is_empty() {
        // Blobs are never links: what a link points to could change without its name.
        return check(&entry.path, entry.bytes, fs::symlink_metadata(&entry.path));
    }
    // A folder's files may be, where the file system can't have one file under two names.
    entry.parts.iter().try_for_each(|Part { path, bytes, .. }| check(path, *bytes, fs::metadata(path)))
}

fn check(path: &Path, bytes: Bytes, facts: io::Result<fs::Metadata>) -> Result<(), Damage> {
    let owned = || path.to_owned();
    match facts {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Err(Damage::Missing { path: owned() }),
        Err(_) => Err(Damage::NotAFile { path: owned() }),
        Ok(facts) if !facts.is_file() => Err(Damage::NotAFile { path: owned() }),
        Ok(facts) if facts.len() != bytes.0 => {
            Err(Damage::Size { path: owned(), expected: bytes.0, found: facts.len() })
        }
        Ok(_) => Ok(()),
    }
}
