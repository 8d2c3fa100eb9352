//! `refs/SOURCE.json`: which source gave which blob.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use edgeorch_engines::{Bytes, Source};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Damage, Digest, Entry, Part, StoreError, Whole, disk};

/// Of the file's format; a reader refuses any other.
const VERSION: u32 = 1;
/// The same for a model of several files, which readers of the first version would take for one.
const VERSION_OF_FOLDERS: u32 = 2;
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
    /// Files of a model that has several; `digest` is then that of their list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// Which of them engines are given; none: the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<String>,
}

/// One file of a model that has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Within the model's folder.
    pub name: String,
    pub digest: Digest,
    pub size: Bytes,
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
            members: Vec::new(),
            first: None,
        }
    }

    pub fn of_folder(
        source: &Source,
        members: Vec<Member>,
        name: &str,
        first: Option<&str>,
        fetched: SystemTime,
    ) -> Reference {
        Reference {
            version: VERSION_OF_FOLDERS,
            source: source.to_string(),
            digest: digest_of(&members),
            size: members.iter().map(|member| member.size).sum(),
            name: name.to_owned(),
            fetched: humantime::format_rfc3339_seconds(fetched).to_string(),
            members,
            first: first.map(str::to_owned),
        }
    }

    /// The blobs that it needs.
    pub fn blobs(&self) -> Vec<Digest> {
        match self.members.as_slice() {
            [] => vec![self.digest.clone()],
            members => members.iter().map(|member| member.digest.clone()).collect(),
        }
    }

    pub fn read(path: &Path) -> Result<Reference, Damage> {
        let damage = |why: String| Damage::Reference { path: path.to_owned(), why };
        let text = fs::read(path).map_err(|cause| damage(cause.to_string()))?;
        let reference: Reference =
            serde_json::from_slice(&text).map_err(|cause| damage(cause.to_string()))?;
        let version = if reference.members.is_empty() { VERSION } else { VERSION_OF_FOLDERS };
        if reference.version != version {
            return Err(damage(format!(
                "format version {} (this edgeorch reads {VERSION} and {VERSION_OF_FOLDERS})",
                reference.version
            )));
        }
        // A store can come from another machine: no name may lead out of the folder, and the list must be the one that
        // the folder is named by.
        let mut names = reference.members.iter().map(|member| &member.name).chain(&reference.first);
        if let Some(name) = names.find(|name| !is_within(name)) {
            return Err(damage(format!("{name:?} is no name of a file in a folder")));
        }
        if !reference.members.is_empty() && reference.digest != digest_of(&reference.members) {
            return Err(damage("its list of files is not the one that it is named by".to_owned()));
        }
        Ok(reference)
    }

    pub fn write(&self, path: &Path) -> Result<(), StoreError> {
        let text =
            serde_json::to_vec_pretty(self).map_err(|cause| StoreError::io("write", path, cause.into()))?;
        disk::write_atomically(path, &text)
    }

    /// `place` is the blob, or the folder.
    pub fn into_entry(self, source: Source, place: PathBuf) -> Entry {
        let part = |member: Member| Part {
            path: place.join(&member.name),
            digest: member.digest,
            bytes: member.size,
        };
        let parts = self.members.into_iter().map(part).collect();
        Entry {
            source,
            name: self.name,
            digest: Some(self.digest),
            bytes: self.size,
            path: self.first.map_or(place.clone(), |first| place.join(first)),
            parts,
            fetched: humantime::parse_rfc3339(&self.fetched).ok(),
        }
    }
}

/// The digest of a list of files, in the order of their names: the same files under the same names are one folder,
/// whoever gave them.
fn digest_of(members: &[Member]) -> Digest {
    let mut lines: Vec<String> =
        members.iter().map(|member| format!("{}\0{}\n", member.name, member.digest)).collect();
    lines.sort();
    Digest::of(Sha256::new_with_prefix(lines.concat().as_bytes()))
}

/// A path that stays below where it begins.
pub(super) fn is_within(name: &str) -> bool {
    !name.contains('\0') && name.split('/').all(|part| !["", ".", ".."].contains(&part))
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
