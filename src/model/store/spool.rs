//! A file that is still arriving: `data` and `note.json` in a folder of their own, hashed while it is written.
//!
//! How much has arrived is the file's length, not a number in the note: the two could not disagree then, however the
//! process ended. After a power cut the length can cover bytes that never reached the disk; the hash tells.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use edgeorch_engines::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Digest, Lock, StoreError, digest, disk};
use crate::progress::Meter;

const NOTE: &str = "note.json";
const DATA: &str = "data";

/// What is known about a partial beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    pub source: String,
    /// Bytes of the whole.
    pub expected: Option<u64>,
    /// The `ETag` or `Last-Modified` that these bytes came with.
    pub validator: Option<String>,
}

impl Note {
    pub fn new(source: &str) -> Note {
        Note { source: source.to_owned(), expected: None, validator: None }
    }

    pub fn read(dir: &Path) -> Option<Note> {
        serde_json::from_slice(&fs::read(dir.join(NOTE)).ok()?).ok()
    }

    pub fn write(&self, dir: &Path) -> Result<(), StoreError> {
        let path = dir.join(NOTE);
        let text = serde_json::to_vec(self).map_err(|cause| StoreError::io("write", &path, cause.into()))?;
        disk::write_atomically(&path, &text)
    }
}

/// A partial file, open at its end.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    file: File,
    hash: Sha256,
    written: u64,
    note: Note,
    /// It travels with the file: a writer that outlives its cancelled future still holds it.
    lock: Option<Lock>,
}

impl Spool {
    /// Opens the partial of `source` in `dir` and hashes what is there; blocks the thread. Without a lock the caller
    /// must be the only user of `dir`.
    ///
    /// # Errors
    /// The folder can't be written.
    pub fn open(dir: PathBuf, source: &str, lock: Option<Lock>, meter: &Meter) -> Result<Spool, StoreError> {
        let known = Note::read(&dir).filter(|note| note.source == source);
        if known.is_none() {
            disk::remove(&dir)?;
        }
        disk::create_dir(&dir)?;
        let note = match known {
            Some(note) => note,
            None => {
                let note = Note::new(source);
                note.write(&dir)?;
                note
            }
        };
        let path = dir.join(DATA);
        let fail = |cause| StoreError::io("open", &path, cause);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(fail)?;
        let (hash, written) = digest::hash_file(&mut file, meter).map_err(fail)?;
        Ok(Spool { dir, file, hash, written, note, lock })
    }

    /// Bytes that have arrived.
    pub fn written(&self) -> u64 {
        self.written
    }

    pub fn expected(&self) -> Option<u64> {
        self.note.expected
    }

    pub fn validator(&self) -> Option<&str> {
        self.note.validator.as_deref()
    }

    /// Remembers what the server says of the whole.
    ///
    /// # Errors
    /// The note can't be written.
    pub fn expect(&mut self, expected: Option<u64>, validator: Option<String>) -> Result<(), StoreError> {
        let note = Note { expected, validator, ..self.note.clone() };
        if note != self.note {
            note.write(&self.dir)?;
            self.note = note;
        }
        Ok(())
    }

    /// Writes the next bytes. After an error the spool must be opened again.
    ///
    /// # Errors
    /// The disk is full, or fails.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(|cause| StoreError::io("write", &self.dir.join(DATA), cause))?;
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Forgets what has arrived.
    ///
    /// # Errors
    /// The file can't be truncated.
    pub fn restart(&mut self) -> Result<(), StoreError> {
        self.file.set_len(0).map_err(|cause| StoreError::io("truncate", &self.dir.join(DATA), cause))?;
        self.hash = Sha256::new();
        self.written = 0;
        self.expect(None, None)
    }

    /// The digest of what has arrived.
    pub fn digest(&self) -> Digest {
        Digest::of(self.hash.clone())
    }

    /// Everything has arrived: makes it durable. A wrong digest removes it.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`], or the disk fails.
    pub fn finish(self, expected: Option<&Digest>) -> Result<Whole, StoreError> {
        let found = self.digest();
        if let Some(expected) = expected.filter(|expected| **expected != found) {
            disk::remove(&self.dir)?;
            return Err(StoreError::Mismatch { what: self.note.source, expected: expected.clone(), found });
        }
        self.file.sync_all().map_err(|cause| StoreError::io("sync", &self.dir.join(DATA), cause))?;
        Ok(Whole { dir: self.dir, digest: found, bytes: Bytes(self.written), _lock: self.lock })
    }

    /// Removes what has arrived.
    ///
    /// # Errors
    /// It can't be removed.
    pub fn discard(self) -> Result<(), StoreError> {
        disk::remove(&self.dir)
    }
}

/// A complete, hashed and synced file that has no place yet.
#[derive(Debug)]
pub struct Whole {
    dir: PathBuf,
    digest: Digest,
    bytes: Bytes,
    _lock: Option<Lock>,
}

impl Whole {
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    pub fn bytes(&self) -> Bytes {
        self.bytes
    }

    /// Moves it to `path`, on the same file system, read-only.
    ///
    /// # Errors
    /// Renaming failed; the partial is kept.
    pub fn place(self, path: &Path) -> Result<(), StoreError> {
        let data = self.dir.join(DATA);
        fs::set_permissions(&data, fs::Permissions::from_mode(0o444))
            .and_then(|()| fs::rename(&data, path))
            .map_err(|cause| StoreError::io("rename the fetched file to", path, cause))?;
        disk::remove(&self.dir)
    }
}

/// The partial in `dir`, as listings show it: its source, and the bytes of the whole.
pub(super) fn note_of(dir: &Path) -> Option<(String, Option<Bytes>)> {
    Note::read(dir).map(|note| (note.source, note.expected.map(Bytes)))
}

pub(super) fn has_data(dir: &Path) -> bool {
    dir.join(DATA).exists()
}
