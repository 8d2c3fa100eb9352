//! A model of several files that is still arriving: each file is a partial of its own, and what is whole waits beside
//! them until all are.
//!
//! ```text
//! partial/KEY/note.json         of what, and the bytes of the whole
//! partial/KEY/parts/PART/       a file under way: note.json and data
//! partial/KEY/whole/HEX         files that are hashed and synced
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use edgeorch_engines::Bytes;

use super::reference::{self, Member};
use super::spool::{Note, Spool};
use super::{Lock, StoreError, Whole, disk};
use crate::progress::Meter;

/// The right to fetch a model of several files, and what has arrived of it.
#[derive(Debug)]
pub struct Gathered {
    dir: PathBuf,
    members: Vec<Member>,
    /// Given to every file's writer too: one that outlives its cancelled future still holds it.
    lock: Lock,
}

impl Gathered {
    pub(super) fn open(dir: PathBuf, source: &str, total: Bytes, lock: Lock) -> Result<Gathered, StoreError> {
        if Note::read(&dir).is_none_or(|note| note.source != source) {
            disk::remove(&dir)?;
        }
        let gathered = Gathered { dir, members: Vec::new(), lock };
        disk::create_dir(&gathered.parts())?;
        disk::create_dir(&gathered.wholes())?;
        Note { expected: Some(total.0), ..Note::new(source) }.write(&gathered.dir)?;
        Ok(gathered)
    }

    /// Opens the partial of one file, and hashes what is there; blocks the thread.
    ///
    /// # Errors
    /// It can't be written.
    pub fn spool(&self, what: &str, meter: &Meter) -> Result<Spool, StoreError> {
        Spool::open(self.parts().join(reference::key(what)), what, Some(self.lock.clone()), meter)
    }

    /// Bytes of files that have not arrived whole.
    pub fn begun(&self) -> Bytes {
        disk::size_of(&self.parts())
    }

    /// Whether it has arrived. Its digest was found then; what became of it since, `verify` tells.
    pub fn has(&self, member: &Member) -> bool {
        let facts = fs::symlink_metadata(self.whole(member));
        facts.is_ok_and(|facts| facts.is_file() && facts.len() == member.size.0)
    }

    /// Keeps a file that has arrived, as the next one of the model.
    ///
    /// # Errors
    /// Renaming failed; its partial is kept.
    pub fn keep(&mut self, name: &str, whole: Whole) -> Result<(), StoreError> {
        let member = Member { name: name.to_owned(), digest: whole.digest().clone(), size: whole.bytes() };
        whole.place(&self.whole(&member))?;
        disk::sync_dir(&self.wholes())?;
        self.members.push(member);
        Ok(())
    }

    /// The next file of the model is here already.
    pub fn count(&mut self, member: Member) {
        self.members.push(member);
    }

    /// In the order in which they were kept.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    pub(super) fn place(&self, member: &Member, blob: &Path) -> Result<(), StoreError> {
        fs::rename(self.whole(member), blob)
            .map_err(|cause| StoreError::io("rename the fetched file to", blob, cause))
    }

    pub(super) fn discard(self) -> Result<(), StoreError> {
        disk::remove(&self.dir)
    }

    fn parts(&self) -> PathBuf {
        self.dir.join("parts")
    }

    fn wholes(&self) -> PathBuf {
        self.dir.join("whole")
    }

    fn whole(&self, member: &Member) -> PathBuf {
        self.wholes().join(member.digest.as_str())
    }
}
