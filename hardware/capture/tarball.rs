//! Packed captures: a tar archive, compressed by zstd.
//!
//! A file of mode 0 is one that could not be read, and an empty one of mode 200 one that was seen and not read.

use std::io::{self, Read};

use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tar::{Archive, Builder, EntryType, Header};

use super::LIMIT;
use crate::root::{Node, Tree};

/// The first bytes of every zstd frame (RFC 8878).
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// More than any machine's probes ask, few enough to hold.
const MOST_ENTRIES: usize = 200_000;

const DENIED: u32 = 0o000;
const UNREAD: u32 = 0o200;

pub fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

pub fn write(tree: &Tree) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for (path, node) in tree.iter() {
        let (kind, mode, bytes): (_, _, &[u8]) = match node {
            Node::File(bytes) => (EntryType::Regular, 0o644, bytes),
            Node::Denied => (EntryType::Regular, DENIED, &[]),
            Node::Unread => (EntryType::Regular, UNREAD, &[]),
            Node::Folder => (EntryType::Directory, 0o755, &[]),
            Node::Link(_) => (EntryType::Symlink, 0o777, &[]),
        };
        // Nothing of the clock or the user: two captures of one machine differ in what the machine said alone.
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(bytes.len() as u64);
        match node {
            Node::Link(target) => archive.append_link(&mut header, path, target)?,
            _ => archive.append_data(&mut header, path, bytes)?,
        }
    }
    Ok(compress_to_vec(archive.into_inner()?.as_slice(), CompressionLevel::Fastest))
}

pub fn read(bytes: &[u8]) -> io::Result<Tree> {
    let decoder = StreamingDecoder::new(bytes).map_err(io::Error::other)?;
    let mut archive = Archive::new(decoder.take(LIMIT));
    let mut tree = Tree::default();
    for (i, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        if i >= MOST_ENTRIES {
            return Err(io::Error::other(format!("it has more than {MOST_ENTRIES} files")));
        }
        let path = entry.path()?.to_string_lossy().into_owned();
        let node = match entry.header().entry_type() {
            EntryType::Directory => Node::Folder,
            EntryType::Symlink => {
                let target = entry.link_name()?.unwrap_or_default();
                Node::Link(target.to_string_lossy().into_owned())
            }
            EntryType::Regular => {
                let mode = entry.header().mode()? & 0o777;
                let mut content = Vec::new();
                entry.read_to_end(&mut content)?;
                match (mode, content.is_empty()) {
                    (DENIED, _) => Node::Denied,
                    (UNREAD, true) => Node::Unread,
                    _ => Node::File(content),
                }
            }
            other => {
                return Err(io::Error::other(format!(
                    "{path} is of a kind that captures don't have: {other:?}"
                )));
            }
        };
        // The archive's own root, as `tar -C DIR .` writes it, is no node.
        let is_top = path.trim_matches(['.', '/']).is_empty();
        if !is_top && !tree.put(&path, node) {
            return Err(io::Error::other(format!("{path} leads out of the capture")));
        }
    }
    Ok(tree)
}
