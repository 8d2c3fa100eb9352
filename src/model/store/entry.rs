//! What the store holds, as facts for `find`, `list` and JSON.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use edgeorch_engines::{Bytes, Source};
use serde::{Serialize, Serializer};

use super::{Damage, Digest};
use edgeorch_engines::split;

/// A model file that is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    #[serde(serialize_with = "as_text")]
    pub source: Source,
    /// What people call it: the file's name at its source.
    pub name: String,
    /// Unknown for a `file:` source, which stays where it is and is not hashed.
    pub digest: Option<Digest>,
    /// Of all its files.
    pub bytes: Bytes,
    /// What engines are given: the blob, the file in place, the first of several parts, or a folder.
    pub path: PathBuf,
    /// Files of a model that has several, in the store.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// When it was fetched; a `file:` source never is.
    #[serde(serialize_with = "crate::stamp::option::serialize")]
    pub fetched: Option<SystemTime>,
}

/// One file of a model that has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    pub path: PathBuf,
    pub digest: Digest,
    pub bytes: Bytes,
}

impl Entry {
    /// A `file:` source, by its canonical path; the bytes of a model in parts are those of all that lie there. Only regular
    /// files are models: a FIFO would block its reader.
    pub(crate) fn in_place(source: &Source, path: &Path) -> io::Result<Entry> {
        let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let siblings = named(path).and_then(|name| split::siblings(&name));
        let path = match &siblings {
            // A part can be a link to a file of another name, and the others are found from this one.
            Some(_) => fs::canonicalize(folder_of(path))?.join(path.file_name().unwrap_or_default()),
            None => fs::canonicalize(path)?,
        };
        let facts = fs::metadata(&path)?;
        if !facts.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let length = |name: String| fs::metadata(path.with_file_name(name)).map_or(0, |facts| facts.len());
        let bytes = match siblings {
            Some(siblings) => siblings.into_iter().map(length).fold(0, u64::saturating_add),
            None => facts.len(),
        };
        let (name, bytes) = (named(&path).unwrap_or_default(), Bytes(bytes));
        Ok(Entry {
            source: source.clone(),
            name,
            digest: None,
            bytes,
            path,
            parts: Vec::new(),
            fetched: None,
        })
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A fetch that is under way or was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Partial {
    /// The source as text.
    pub source: String,
    /// On disk now.
    pub bytes: Bytes,
    /// The whole, where the server told it.
    pub expected: Option<Bytes>,
    /// Some process is fetching it now.
    pub busy: bool,
    pub path: PathBuf,
}

/// A reference that leads nowhere good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// The source as text, or the reference's file name where that can't be read. `remove` takes either.
    pub what: String,
    #[serde(serialize_with = "as_text")]
    pub damage: Damage,
}

/// A blob that no reference names: somebody removed the reference by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Orphan {
    pub digest: Digest,
    pub bytes: Bytes,
}

/// Everything in the store, each part sorted by source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listing {
    pub entries: Vec<Entry>,
    pub partials: Vec<Partial>,
    pub damaged: Vec<Damaged>,
    pub orphans: Vec<Orphan>,
}

fn as_text<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
