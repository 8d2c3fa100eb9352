//! Answers of programs, by path, size and modification time: another file in the same place is asked anew.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// The cache of one folder of engines.
#[derive(Debug)]
pub(in super::super) struct Cache {
    file: PathBuf,
}

/// What tells one file from another in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    size: u64,
    mtime_ns: u128,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub help: String,
    pub version: Option<String>,
    /// Why it may not be run, though it answered.
    #[serde(default)]
    pub condemned: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    key: Key,
    answer: Answer,
}

type Entries = BTreeMap<PathBuf, Entry>;

impl Key {
    pub fn of(program: &Path) -> io::Result<Key> {
        let facts = program.metadata()?;
        let mtime = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Key { size: facts.len(), mtime_ns: mtime.map_or(0, |time| time.as_nanos()) })
    }
}

impl Cache {
    pub(in super::super) fn of(engines: &Path) -> Cache {
        Cache { file: engines.join("help-cache.json") }
    }

    pub(super) fn get(&self, program: &Path, key: Key) -> Option<Answer> {
        self.load().remove(program).filter(|entry| entry.key == key).map(|entry| entry.answer)
    }

    pub(super) fn put(&self, program: &Path, key: Key, answer: &Answer) {
        let mut entries = self.load();
        entries.retain(|program, _| program.exists());
        entries.insert(program.to_owned(), Entry { key, answer: answer.clone() });
        self.store(&entries);
    }

    /// Holds until the file is replaced.
    pub(in super::super) fn condemn(&self, program: &Path) {
        let mut entries = self.load();
        if let Some(entry) = entries.get_mut(program) {
            let why = "it died of an illegal instruction here: it is not built for this CPU";
            entry.answer.condemned = Some(why.into());
            self.store(&entries);
        }
    }

    /// Whether exactly this file was condemned.
    pub(in super::super) fn is_condemned(&self, program: &Path) -> bool {
        let answer = Key::of(program).ok().and_then(|key| self.get(program, key));
        answer.is_some_and(|answer| answer.condemned.is_some())
    }

    /// One that is missing or damaged is an empty one.
    fn load(&self) -> Entries {
        let bytes = std::fs::read(&self.file).ok();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// A cache that can't be written costs time, nothing else. Two that write at once may lose an entry, never the file.
    fn store(&self, entries: &Entries) {
        let Some(folder) = self.file.parent() else { return };
        let written = || -> io::Result<()> {
            let mut partial = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer(&mut partial, entries)?;
            partial.persist(&self.file)?;
            Ok(())
        };
        if let Err(error) = written() {
            tracing::debug!(%error, "the help cache could not be written");
        }
    }
}
