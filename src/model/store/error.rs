//! What can go wrong with the store, told with the path and the next step.

use std::io;
use std::path::{Path, PathBuf};

use edgeorch_engines::Bytes;

use super::Digest;
use super::disk;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{doing} {}", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error(
        "{doing} {}: this user may not write there, or the file system is read-only; name a writable folder in EDGEORCH_HOME",
        path.display()
    )]
    ReadOnly {
        doing: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error(
        "store {needed} in {}: {free} are free there, and {reserve} of that are kept for the rest of the system; free some space, or remove models (`edgeorch models ls`)",
        dir.display()
    )]
    NoSpace { dir: PathBuf, needed: Bytes, free: Bytes, reserve: Bytes },
    #[error(
        "{doing} {}: the disk is full ({free} free); free some space and try again, what has arrived is kept where it can be continued (`edgeorch models ls`)",
        path.display()
    )]
    Full {
        doing: &'static str,
        path: PathBuf,
        free: Bytes,
        #[source]
        cause: io::Error,
    },
    #[error("accept {what}: its sha256 is {found}, and {expected} was asked for; what arrived was removed")]
    Mismatch { what: String, expected: Digest, found: Digest },
    #[error("verify {what}; remove it (`edgeorch models rm`) and pull it again")]
    Damaged {
        what: String,
        #[source]
        damage: Damage,
    },
    #[error("keep {what}: {name} was removed meanwhile; run it again")]
    Gone { what: String, name: String },
    #[error("touch {what}: another edgeorch is fetching it now; stop that one, or wait for it")]
    Busy { what: String },
    #[error("find `{asked}` in the store{}", near_text(.near))]
    NotFound { asked: String, near: Vec<String> },
    #[error(
        "choose what `{asked}` means; name one of: {} (or its digest)",
        .candidates.join(", ")
    )]
    Ambiguous { asked: String, candidates: Vec<String> },
}

/// How what lies in the store differs from what was put there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("{} is missing", path.display())]
    Missing { path: PathBuf },
    #[error("{} is no regular file", path.display())]
    NotAFile { path: PathBuf },
    #[error("{} has {found} bytes instead of {expected}", path.display())]
    Size { path: PathBuf, expected: u64, found: u64 },
    #[error("{} has the sha256 {found}, not the one that it was stored with", path.display())]
    Content { path: PathBuf, found: Digest },
    #[error("{} can't be read as a reference: {why}", path.display())]
    Reference { path: PathBuf, why: String },
}

impl StoreError {
    /// Sorts an I/O error by what its reader can do about it. `doing` is a verb: `write`, `create`.
    pub(crate) fn io(doing: &'static str, path: &Path, cause: io::Error) -> StoreError {
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let free = disk::free(&path).unwrap_or_default();
                StoreError::Full { doing, path, free, cause }
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                StoreError::ReadOnly { doing, path, cause }
            }
            _ => StoreError::Io { doing, path, cause },
        }
    }

    /// Whether space has to be freed before another try can succeed.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, StoreError::NoSpace { .. } | StoreError::Full { .. })
    }
}

fn near_text(near: &[String]) -> String {
    match near {
        [] => "; `edgeorch models ls` shows what is there".to_owned(),
        near => format!("; nearest: {}", near.join(", ")),
    }
}
