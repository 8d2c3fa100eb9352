//! `refs/SOURCE.json`: which source gave which blob.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use edgeorch_engines::{Bytes, Source};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Damage, Digest, Entry, StoreError, Whole, disk};

/// Of the file's format; a reader refuses any other.
const VERSION: u32 = 1;
/// File systems allow 255 bytes for a name; this leaves room for the digest and the extension.
const NAME_LIMIT: usize = 200;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Reference {
    version: u32,
    pub source: String,
    pub digest: Digest,
    size: Bytes,
    pub name: String,
    /// RFC 3339, UTC.
    fetched: String,
}

impl Reference {
    pub fn new(source: &Source, whole: &Whole, name: &str, fetched: SystemTime) -> Reference {
        Reference {
            version: VERSION,
            source: source.to_string(),
            digest: whole.digest().clone(),
            size: whole.bytes(),
            name: name.to_owned(),
            fetched: humantime::format_rfc3339_seconds(fetched).to_string(),
        }
    }

    pub fn read(path: &Path) -> Result<Reference, Damage> {
        let damage = |why: String| Damage::Reference { path: path.to_owned(), why };
        let text = fs::read(path).map_err(|cause| damage(cause.to_string()))?;
        let reference: Reference =
            serde_json::from_slice(&text).map_err(|cause| damage(cause.to_string()))?;
        if reference.version != VERSION {
            return Err(damage(format!(
                "format version {} (this edgeorch reads {VERSION})",
                reference.version
            )));
        }
        Ok(reference)
    }

    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        let text =
            serde_json::to_vec_pretty(self).map_err(|cause| StoreError::io("write", path, cause.into()))?;
        disk::write_atomically(path, &text)
    }

    pub fn into_entry(self, source: Source, path: PathBuf) -> Entry {
        Entry {
            source,
            name: self.name,
            digest: Some(self.digest),
            bytes: self.size,
            path,
            fetched: humantime::parse_rfc3339(&self.fetched).ok(),
        }
    }
}

/// The source as a file name: percent-encoded, and where that gets too long, cut and told apart by its digest.
pub(super) fn file_name(source: &str) -> String {
    let mut name = String::with_capacity(source.len());
    for byte in source.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-=+".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.len() > NAME_LIMIT {
        name.truncate(NAME_LIMIT);
        name.push_str(&format!("~{}", key(source)));
    }
    name + ".json"
}

/// A short name for a source, fit for folders and locks: the first 128 bits of its SHA-256, in hexadecimal.
pub(super) fn key(source: &str) -> String {
    let digest = Digest::of(Sha256::new_with_prefix(source.as_bytes()));
    digest.as_str()[..32].to_owned()
}
