//! The content-addressed store of model files.
//!
//! ```text
//! blobs/sha256/HEX        the files, read-only, named by what they contain
//! folders/HEX/NAME        models of several files: their blobs side by side, by the names that engines look for
//! refs/SOURCE.json        which source gave which blob or folder, percent-encoded
//! partial/KEY/            a fetch under way or cut off: note.json, and data that the next try continues
//! locks/KEY               held while KEY is fetched; `store` while references change
//! ```
//!
//! Nothing under `blobs/` was ever written in place: data is hashed while it is written under `partial/`, synced,
//! and renamed. The reference is written before the rename, so that a crash between the two leaves a complete
//! partial that the next fetch only has to rename, and never a blob that no reference knows.
//!
//! All of it blocks the calling thread; only [`Store::verify`] and [`Store::claim`], which can take long, are async.

mod claim;
mod digest;
pub(crate) mod disk;
mod entry;
mod error;
mod folder;
mod gather;
mod list;
pub(crate) mod near;
mod reference;
mod remove;
mod spool;
mod verify;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use edgeorch_engines::{Bytes, Source};

pub use claim::{Claim, Lock, Scratch};
pub use digest::{Digest, DigestError};
pub use entry::{Damaged, Entry, Listing, Orphan, Part, Partial};
pub use error::{Damage, StoreError};
pub use gather::Gathered;
pub use reference::Member;
pub use remove::Removed;
pub use spool::{Spool, Whole};

use reference::Reference;

/// Left free for the rest of the system: a disk that is full to the last byte stops logs and package managers too.
const RESERVE: Bytes = Bytes::mib(256);

/// A store in one folder; any number of processes may use it at once.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
    reserve: Bytes,
}

impl Store {
    /// Opens the store in `dir`, and lays it out where it isn't. One that exists may be read-only.
    ///
    /// # Errors
    /// The folders can't be created.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Store, StoreError> {
        let store = Store { dir: dir.into(), reserve: RESERVE };
        for folder in [store.blobs(), store.refs(), store.partials(), store.locks()] {
            disk::create_dir(&folder)?;
        }
        Ok(store)
    }

    /// Keeps `reserve` free instead of 256 MiB.
    pub fn with_reserve(self, reserve: Bytes) -> Store {
        Store { reserve, ..self }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What `source` names, if it is here. Cheap: the size is compared, the content is not (that is `verify`).
    /// A damaged entry is not found, so that fetching repairs it.
    pub fn find(&self, source: &Source) -> Option<Entry> {
        if let Source::File { path } = source {
            return Entry::in_place(source, path).ok();
        }
        let reference = Reference::read(&self.reference_path(source)).ok()?;
        // A shortened file name could be another source's: the text inside decides.
        let entry = self.entry(reference).filter(|entry| entry.source == *source)?;
        verify::check_size(&entry).is_ok().then_some(entry)
    }

    /// Fails when `needed` more bytes would leave too little free.
    ///
    /// # Errors
    /// [`StoreError::NoSpace`], with the sum.
    pub fn ensure_space(&self, needed: Bytes) -> Result<(), StoreError> {
        disk::ensure_space(&self.dir, needed, self.reserve)
    }

    pub fn reserve(&self) -> Bytes {
        self.reserve
    }

    /// Makes a finished file the one that `source` names; `name` is what people call it.
    ///
    /// # Errors
    /// Writing the reference or renaming failed; the partial is kept.
    pub fn commit(&self, whole: Whole, source: &Source, name: &str) -> Result<Entry, StoreError> {
        let _layout = self.lock_layout()?;
        let reference = Reference::new(source, &whole, name, SystemTime::now());
        reference.write(&self.reference_path(source))?;
        let blob = self.blob(whole.digest());
        // An old blob of the same name is replaced: it can only be the same, or damaged.
        whole.place(&blob)?;
        disk::sync_dir(&self.blobs())?;
        Ok(reference.into_entry(source.clone(), blob))
    }

    /// Makes files that were gathered, and others that are here already, the model that `source` names. `first` is the
    /// file that engines are given; without one it is the folder.
    ///
    /// # Errors
    /// As for [`commit`](Store::commit); or a file that was here is gone meanwhile.
    pub fn commit_folder(
        &self,
        gathered: Gathered,
        source: &Source,
        name: &str,
        first: Option<&str>,
    ) -> Result<Entry, StoreError> {
        let _layout = self.lock_layout()?;
        let members = gathered.members();
        if let Some(gone) = members.iter().find(|one| !gathered.has(one) && !self.holds(one)) {
            return Err(StoreError::Gone { what: source.to_string(), name: gone.name.clone() });
        }
        let reference = Reference::of_folder(source, members.to_vec(), name, first, SystemTime::now());
        reference.write(&self.reference_path(source))?;
        for member in members.iter().filter(|member| gathered.has(member)) {
            gathered.place(member, &self.blob(&member.digest))?;
        }
        disk::sync_dir(&self.blobs())?;
        self.lay_out(&reference)?;
        gathered.discard()?;
        Ok(self.entry_of(reference, source.clone()))
    }

    /// Whether a file of this content is here.
    pub fn holds(&self, member: &Member) -> bool {
        let facts = fs::symlink_metadata(self.blob(&member.digest));
        facts.is_ok_and(|facts| facts.is_file() && facts.len() == member.size.0)
    }

    fn entry(&self, reference: Reference) -> Option<Entry> {
        let source = reference.source.parse().ok()?;
        Some(self.entry_of(reference, source))
    }

    fn entry_of(&self, reference: Reference, source: Source) -> Entry {
        match reference.members.is_empty() {
            true => {
                let blob = self.blob(&reference.digest);
                reference.into_entry(source, blob)
            }
            false => {
                let folder = self.folder(&reference.digest);
                reference.into_entry(source, folder)
            }
        }
    }

    /// Held while references and blobs change; never for longer than a few renames.
    fn lock_layout(&self) -> Result<File, StoreError> {
        let path = self.locks().join("store");
        let file = claim::lock_file(&path)?;
        file.lock().map_err(|cause| StoreError::io("lock", &path, cause))?;
        Ok(file)
    }

    fn blobs(&self) -> PathBuf {
        self.dir.join("blobs/sha256")
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.as_str())
    }

    /// Made when the first model comes that needs it: a store without one may be read-only.
    fn folders(&self) -> PathBuf {
        self.dir.join("folders")
    }

    fn folder(&self, digest: &Digest) -> PathBuf {
        self.folders().join(digest.as_str())
    }

    fn refs(&self) -> PathBuf {
        self.dir.join("refs")
    }

    fn reference_path(&self, source: &Source) -> PathBuf {
        self.refs().join(reference::file_name(&source.to_string()))
    }

    fn partials(&self) -> PathBuf {
        self.dir.join("partial")
    }

    fn locks(&self) -> PathBuf {
        self.dir.join("locks")
    }
}

/// The names of what lies in `dir`; a folder that is not there is empty.
fn names_in(dir: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(dir) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(|cause| StoreError::io("read", dir, cause))?,
    };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests;
