//! How much fits on a file system: `statvfs`, which only the live machine can be asked.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::Storage;
use serde::{Deserialize, Serialize};

use crate::Root;
use crate::findings::Findings;
use crate::root::AnswerError;

/// What `statvfs` answers, under its own names without their prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Bytes of one block.
    pub frsize: u64,
    pub blocks: u64,
    /// What an ordinary user may still take.
    pub bavail: u64,
    /// 0 where the file system has no fixed number of inodes.
    pub files: u64,
    pub favail: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error("the file system does not answer: {0}")]
    Refused(String),
    #[error("the file system does not tell its size")]
    NoSize,
}

/// Of the file system that holds this path, which must exist.
pub fn ask(root: &Root, path: &str) -> Result<Room, RoomError> {
    let room = root.answer("statvfs", || statvfs(path))?.map_err(RoomError::Refused)?;
    if room.frsize == 0 || room.blocks == 0 { Err(RoomError::NoSize) } else { Ok(room) }
}

#[cfg(unix)]
fn statvfs(path: &str) -> Result<Room, String> {
    // How wide these numbers are differs from system to system.
    #![allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    let room = nix::sys::statvfs::statvfs(path).map_err(|error| error.desc().to_owned())?;
    Ok(Room {
        frsize: room.fragment_size() as u64,
        blocks: room.blocks() as u64,
        bavail: room.blocks_available() as u64,
        files: room.files() as u64,
        favail: room.files_available() as u64,
    })
}

#[cfg(not(unix))]
fn statvfs(_: &str) -> Result<Room, String> {
    Err("this system has no statvfs".to_owned())
}

/// Fills in total, free and inodes.
pub fn fill(storage: &mut Storage, asked: Result<Room, RoomError>, findings: &mut Findings) {
    let source = "statvfs";
    let fields = ["storage.total", "storage.free", "storage.inodes_total", "storage.inodes_free"];
    let room = match asked {
        Ok(room) => room,
        Err(error) => {
            let reason = edgeorch_engines::chain(&error);
            return fields.iter().for_each(|field| findings.unknown(*field, &reason));
        }
    };
    for field in &fields[..2] {
        findings.known(*field, source);
    }
    storage.total = Some(Bytes(room.blocks.saturating_mul(room.frsize)));
    storage.free = Some(Bytes(room.bavail.saturating_mul(room.frsize)));
    let numbered = room.files > 0;
    storage.inodes_total = numbered.then_some(room.files);
    storage.inodes_free = numbered.then_some(room.favail);
    for field in &fields[2..] {
        if numbered {
            findings.known(*field, source);
        } else {
            findings.none(*field, "statvfs: this file system has no fixed number of inodes");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Tree};

    fn answered(json: &str) -> (Storage, Findings) {
        let mut tree = Tree::default();
        tree.put(".edgeorch/answers/statvfs.json", Node::File(json.into()));
        let (mut storage, mut findings) = (Storage::default(), Findings::default());
        fill(&mut storage, ask(&Root::of(tree), "/"), &mut findings);
        (storage, findings)
    }

    #[test]
    fn a_full_card_has_neither_room_nor_inodes() {
        let (storage, findings) =
            answered(r#"{"Ok": {"frsize": 4096, "blocks": 100, "bavail": 0, "files": 50, "favail": 0}}"#);
        assert_eq!((storage.total, storage.free), (Some(Bytes(409_600)), Some(Bytes(0))));
        assert_eq!((storage.inodes_total, storage.inodes_free), (Some(50), Some(0)));
        assert_eq!(findings.unknown_fields(), Vec::<&str>::new());
    }

    #[test]
    fn no_fixed_number_of_inodes_is_a_fact_and_not_a_shortage() {
        let (storage, findings) =
            answered(r#"{"Ok": {"frsize": 4096, "blocks": 100, "bavail": 9, "files": 0, "favail": 0}}"#);
        assert_eq!((storage.inodes_total, storage.inodes_free), (None, None));
        assert!(findings.source("storage.inodes_free").unwrap().contains("no fixed number"));
    }

    #[test]
    fn no_size_is_not_a_size_of_nothing() {
        for json in [
            r#"{"Ok": {"frsize": 4096, "blocks": 0, "bavail": 0, "files": 0, "favail": 0}}"#,
            r#"{"Err": "Stale file handle"}"#,
            r#"{"Ok": {"frsize": -1}}"#,
        ] {
            let (storage, findings) = answered(json);
            assert_eq!(storage, Storage::default(), "{json}");
            assert_eq!(findings.unknown_fields().len(), 4, "{json}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn this_machine_answers() {
        let room = ask(&Root::live(), "/").unwrap();
        assert!(room.bavail <= room.blocks);
        assert!(matches!(ask(&Root::live(), "/no/such/folder"), Err(RoomError::Refused(_))));
    }
}
