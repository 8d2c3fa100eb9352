//! One fetcher per source: whoever holds the claim may write its partial.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use edgeorch_engines::{Bytes, Source};

use super::gather::Gathered;
use super::spool::{self, Note, Spool};
use super::{Store, StoreError, disk, reference};
use crate::progress::{Meter, Progress};

/// How often a taken lock is tried again. The kernel offers no way to wait for a file lock without blocking a thread
/// that could then not be cancelled.
const RETRY: Duration = Duration::from_millis(200);

/// A file lock, held until its last clone is dropped. The file itself stays: removing it would let a third process lock a new one
/// while a second still waits for the old.
#[derive(Clone, Debug)]
pub struct Lock(#[allow(dead_code, reason = "holding the file is holding the lock")] Arc<File>);

/// The right to fetch one source.
#[derive(Debug)]
pub struct Claim {
    lock: Lock,
    dir: PathBuf,
    source: String,
}

impl Store {
    /// Waits until nobody else fetches `source`; says so once, where it has to wait.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn claim(&self, source: &Source, progress: &dyn Progress) -> Result<Claim, StoreError> {
        let source = source.to_string();
        let key = reference::key(&source);
        let mut told = false;
        loop {
            if let Some(claim) = self.try_claim(&key, &source)? {
                return Ok(claim);
            }
            if !told {
                progress.message(&format!("another edgeorch is fetching {source}; waiting for it"));
                told = true;
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// The claim on what lies under `key`, unless somebody holds it.
    pub(super) fn try_claim(&self, key: &str, source: &str) -> Result<Option<Claim>, StoreError> {
        let path = self.locks().join(key);
        let file = lock_file(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Claim {
                lock: Lock(Arc::new(file)),
                dir: self.partials().join(key),
                source: source.to_owned(),
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(StoreError::io("lock", &path, cause)),
        }
    }

    /// Whether somebody is fetching what lies under this key.
    pub(super) fn is_claimed(&self, key: &str) -> bool {
        // Never creates the lock: a listing must work on a read-only store.
        File::open(self.locks().join(key))
            .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }
}

impl Claim {
    /// An empty folder for a tool that writes files by itself; listed as a partial while it lives.
    ///
    /// # Errors
    /// It can't be written.
    pub fn scratch(&self) -> Result<Scratch, StoreError> {
        disk::remove(&self.dir)?;
        let scratch = Scratch { partial: self.dir.clone() };
        disk::create_dir(&scratch.path())?;
        Note::new(&self.source).write(&self.dir)?;
        Ok(scratch)
    }

    /// Opens the partial file and hashes what is there; blocks the thread.
    ///
    /// # Errors
    /// It can't be written.
    pub fn spool(self, meter: &Meter) -> Result<Spool, StoreError> {
        Spool::open(self.dir, &self.source, Some(self.lock), meter)
    }

    /// Begins, or goes on, with a model of several files that take `total` together.
    ///
    /// # Errors
    /// It can't be written.
    pub fn gather(self, total: Bytes) -> Result<Gathered, StoreError> {
        Gathered::open(self.dir, &self.source, total, self.lock)
    }

    /// Removes whatever has arrived.
    ///
    /// # Errors
    /// It can't be removed.
    pub fn discard(self) -> Result<(), StoreError> {
        disk::remove(&self.dir)
    }
}

/// Removed when dropped, and with it the partial, unless that has data of its own: what a tool leaves behind can't be
/// continued by anyone.
#[derive(Debug)]
pub struct Scratch {
    partial: PathBuf,
}

impl Scratch {
    pub fn path(&self) -> PathBuf {
        self.partial.join("scratch")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let doomed = if spool::has_data(&self.partial) { self.path() } else { self.partial.clone() };
        // What is left, because a tool that was just killed still wrote there, the next claim clears away.
        let _ = disk::remove(&doomed);
    }
}

pub(super) fn lock_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|cause| StoreError::io("open", path, cause))
}
