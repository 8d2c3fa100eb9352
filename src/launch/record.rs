//! Children on disk: what a daemon that was killed can no longer tell. One JSON file per launch, written before the
//! child starts (so that no moment is uncovered), again once its pid is known, and removed when the group is gone.
//!
//! Files are replaced atomically and not synced: they must survive the daemon's death, which the page cache does,
//! and not the machine's, after which nothing is left to find (`boot_id`).

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::nonce::Nonce;
use super::process;

/// One launch, as the next daemon needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub nonce: Nonce,
    /// The instance's name, for people.
    pub name: String,
    pub program: PathBuf,
    /// None until the child has been started.
    pub leader: Option<Leader>,
    /// The child's own cgroup directory, where it has one.
    pub cgroup: Option<PathBuf>,
    pub boot_id: Option<String>,
}

/// The process that was started. It leads its process group, so its pid is the group's id, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leader {
    pub pid: u32,
    /// Clock ticks since boot; tells it from a later process with the same pid. None where there is no procfs.
    pub start_time: Option<u64>,
}

impl Record {
    /// Of a launch that is about to happen on this boot.
    pub fn new(nonce: Nonce, name: &str, program: &Path) -> Record {
        Record {
            nonce,
            name: name.to_owned(),
            program: program.to_owned(),
            leader: None,
            cgroup: None,
            boot_id: process::boot_id(),
        }
    }

    /// Whether its processes can't exist any more because the machine has been rebooted.
    pub fn is_of_another_boot(&self) -> bool {
        matches!((&self.boot_id, process::boot_id()), (Some(then), Some(now)) if *then != now)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("use the folder of child records {}: check its permissions and free space", .dir.display())]
    Folder { dir: PathBuf, source: io::Error },
    #[error(
        "write the record of a child in {}: without it a killed daemon could leave an orphan; check permissions and free space",
        .dir.display()
    )]
    Write { dir: PathBuf, source: io::Error },
    #[error("remove the child record {}: check the folder's permissions", .path.display())]
    Remove { path: PathBuf, source: io::Error },
}

/// The folder of records, `children/` in the daemon's state.
#[derive(Clone, Debug)]
pub struct Records {
    dir: PathBuf,
}

impl Records {
    /// Makes the folder if it isn't there.
    pub fn open(dir: PathBuf) -> Result<Records, RecordError> {
        match std::fs::create_dir_all(&dir) {
            Ok(()) => Ok(Records { dir }),
            Err(source) => Err(RecordError::Folder { dir, source }),
        }
    }

    pub fn write(&self, record: &Record) -> Result<(), RecordError> {
        self.replace(record).map_err(|source| RecordError::Write { dir: self.dir.clone(), source })
    }

    /// Removing what isn't there is no error.
    pub fn remove(&self, nonce: &Nonce) -> Result<(), RecordError> {
        let path = self.path(nonce);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(RecordError::Remove { path, source })
            }
            _ => Ok(()),
        }
    }

    /// All records. A damaged one still names its nonce by its file name, and that is enough to find its processes.
    pub fn list(&self) -> Result<Vec<Record>, RecordError> {
        let entries = std::fs::read_dir(&self.dir)
            .map_err(|source| RecordError::Folder { dir: self.dir.clone(), source })?;
        Ok(entries.flatten().filter_map(|entry| load(&entry.path())).collect())
    }

    fn replace(&self, record: &Record) -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".record-").tempfile_in(&self.dir)?;
        serde_json::to_writer_pretty(&mut file, record)?;
        file.persist(self.path(&record.nonce))?;
        Ok(())
    }

    fn path(&self, nonce: &Nonce) -> PathBuf {
        self.dir.join(format!("{nonce}.json"))
    }
}

fn load(path: &Path) -> Option<Record> {
    let nonce: Nonce = path.file_name()?.to_str()?.strip_suffix(".json")?.parse().ok()?;
    let written: Option<Record> =
        std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
    match written {
        Some(record) if record.nonce == nonce => Some(record),
        _ => Some(Record {
            nonce,
            name: "unknown".to_owned(),
            program: PathBuf::new(),
            leader: None,
            cgroup: None,
            boot_id: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> (tempfile::TempDir, Records) {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(dir.path().join("children")).unwrap();
        (dir, records)
    }

    #[test]
    fn a_record_reads_back_as_it_was_written_and_is_gone_when_removed() {
        let (_dir, records) = records();
        let mut record = Record::new(Nonce::random().unwrap(), "chat", Path::new("/bin/sleep"));
        records.write(&record).unwrap();
        record.leader = Some(Leader { pid: 4242, start_time: Some(17) });
        records.write(&record).unwrap();
        assert_eq!(records.list().unwrap(), [record.clone()]);
        records.remove(&record.nonce).unwrap();
        records.remove(&record.nonce).unwrap();
        assert_eq!(records.list().unwrap(), []);
    }

    #[test]
    fn a_damaged_record_still_names_its_launch() {
        let (dir, records) = records();
        let nonce = Nonce::random().unwrap();
        std::fs::write(dir.path().join(format!("children/{nonce}.json")), b"{\"nonce\": \"").unwrap();
        std::fs::write(dir.path().join("children/notes.txt"), b"not a record").unwrap();
        let found = records.list().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].nonce, nonce);
    }

    #[test]
    fn a_record_of_another_boot_is_recognised() {
        let mut record = Record::new(Nonce::random().unwrap(), "chat", Path::new("/bin/sleep"));
        assert!(!record.is_of_another_boot());
        record.boot_id = Some("0".to_owned());
        assert_eq!(record.is_of_another_boot(), process::boot_id().is_some());
    }
}
