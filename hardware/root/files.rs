//! Files, folders and links of a root.
//!
//! In a captured machine each link is followed by hand, as if the root were `/`: a link of a tree that was copied here must
//! not lead to this machine's files. While recording, the same walk tells which links were passed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::PathBuf;

use super::tree::normal;
use super::{Node, Place, ReadError, Root, shown};

/// As many as Linux follows (`MAXSYMLINKS`).
const MAX_LINKS: u32 = 40;

impl Root {
    pub fn read_bytes(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let place = self.resolve(path)?;
        let read = match &self.place {
            Place::Tree(tree) => match tree.get(&place) {
                Some(Node::File(bytes)) => Ok(bytes),
                Some(Node::Denied) => Err(ReadError::Denied { path: shown(path) }),
                Some(Node::Unread) => Err(ReadError::NotCaptured { path: shown(path) }),
                Some(Node::Folder | Node::Link(_)) => Err(ReadError::NotAFile { path: shown(path) }),
                None => Err(ReadError::Missing { path: shown(path) }),
            },
            Place::Live | Place::Folder(_) => read_file(&self.on_disk(&place), path),
        };
        if let Some(recorder) = &self.recorder {
            match &read {
                Ok(bytes) => return Ok(recorder.first(&place, bytes.clone())),
                Err(ReadError::Denied { .. }) => recorder.keep(&place, Node::Denied),
                Err(ReadError::Missing { .. }) => {}
                Err(_) => recorder.keep(&place, Node::Unread),
            }
        }
        read
    }

    /// The names in a folder, sorted; those that are no UTF-8 are left out.
    pub fn list(&self, path: &str) -> Result<Vec<String>, ReadError> {
        let place = self.resolve(path)?;
        if let Place::Tree(tree) = &self.place {
            return match tree.get(&place) {
                Some(Node::Folder) => Ok(tree.names(&place)),
                Some(Node::Denied) => Err(ReadError::Denied { path: shown(path) }),
                _ => Err(ReadError::Missing { path: shown(path) }),
            };
        }
        let entries = fs::read_dir(self.on_disk(&place)).map_err(|error| ReadError::from_io(path, error))?;
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        if let Some(recorder) = &self.recorder {
            recorder.keep(&place, Node::Folder);
            for name in &names {
                let child = format!("{place}/{name}");
                if let Ok(Some(node)) = self.node(&child) {
                    recorder.keep(&child, node);
                }
            }
        }
        Ok(names)
    }

    /// Where a link points, as it says itself: `../../../devices/pci0000:00/0000:00:02.0`.
    pub fn link(&self, path: &str) -> Result<String, ReadError> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let place = format!("{}/{name}", self.resolve(folder)?);
        match self.node(place.trim_start_matches('/')).map_err(|error| ReadError::from_io(path, error))? {
            Some(Node::Link(target)) => {
                if let Some(recorder) = &self.recorder {
                    recorder.keep(&place, Node::Link(target.clone()));
                }
                Ok(target)
            }
            Some(_) => Err(ReadError::NotAFile { path: shown(path) }),
            None => Err(ReadError::Missing { path: shown(path) }),
        }
    }

    /// Whether anything lies at this path, links followed.
    pub fn exists(&self, path: &str) -> bool {
        let Ok(place) = self.resolve(path) else { return false };
        let node = self.node(&place).ok().flatten();
        if let (Some(recorder), Some(node)) = (&self.recorder, &node) {
            recorder.keep(&place, node.clone());
        }
        node.is_some()
    }

    /// The path with all links followed, as a path of the audited machine: `/usr/lib/libcuda.so.580.95.05`.
    pub fn real_path(&self, path: &str) -> Result<String, ReadError> {
        let place = self.walk(path)?;
        self.exists(path).then(|| shown(&place)).ok_or(ReadError::Missing { path: shown(path) })
    }

    /// The path below the root with its links followed, where that is ours to do.
    fn resolve(&self, path: &str) -> Result<String, ReadError> {
        match (&self.place, &self.recorder) {
            // The kernel follows links better than we do.
            (Place::Live, None) => normal(path).ok_or_else(|| ReadError::Outside { path: shown(path) }),
            _ => self.walk(path),
        }
    }

    fn walk(&self, path: &str) -> Result<String, ReadError> {
        let outside = || ReadError::Outside { path: shown(path) };
        let mut todo: Vec<String> =
            normal(path).ok_or_else(outside)?.split('/').rev().map(str::to_owned).collect();
        let mut done: Vec<String> = Vec::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => continue,
                // Only a link's target holds one, and at the top it stays there, as in a chroot.
                ".." => {
                    done.pop();
                    continue;
                }
                _ => done.push(part),
            }
            let here = done.join("/");
            let Ok(Some(Node::Link(target))) = self.node(&here) else { continue };
            links += 1;
            if links > MAX_LINKS {
                return Err(ReadError::Loop { path: shown(path) });
            }
            if let Some(recorder) = &self.recorder {
                recorder.keep(&here, Node::Link(target.clone()));
            }
            done.pop();
            if target.starts_with('/') {
                done.clear();
            }
            todo.extend(target.split('/').rev().map(str::to_owned));
        }
        Ok(done.join("/"))
    }

    /// What lies at exactly this place. Files are [`Node::Unread`] on disk: this opens nothing.
    fn node(&self, place: &str) -> io::Result<Option<Node>> {
        if let Place::Tree(tree) = &self.place {
            return Ok(tree.get(place));
        }
        let disk = self.on_disk(place);
        match fs::symlink_metadata(&disk) {
            Ok(found) if found.is_symlink() => {
                let target = fs::read_link(&disk)?;
                Ok(target.to_str().map(|target| Node::Link(target.to_owned())))
            }
            Ok(found) if found.is_dir() => Ok(Some(Node::Folder)),
            Ok(_) => Ok(Some(Node::Unread)),
            Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn on_disk(&self, place: &str) -> PathBuf {
        match &self.place {
            Place::Folder(folder) => folder.join(place),
            Place::Live | Place::Tree(_) => PathBuf::from(shown(place)),
        }
    }
}

fn read_file(disk: &std::path::Path, path: &str) -> Result<Vec<u8>, ReadError> {
    let file = open(disk).map_err(|error| ReadError::from_io(path, error))?;
    let metadata = file.metadata().map_err(|error| ReadError::from_io(path, error))?;
    if !metadata.is_file() {
        return Err(ReadError::NotAFile { path: shown(path) });
    }
    let mut bytes = Vec::new();
    // One byte more than the limit tells a full file from a longer one; /proc files have no length to ask for.
    file.take(Root::READ_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| ReadError::from_io(path, error))?;
    if bytes.len() as u64 > Root::READ_LIMIT {
        return Err(ReadError::TooLarge { path: shown(path) });
    }
    Ok(bytes)
}

/// Opening a FIFO would wait for a writer.
#[cfg(unix)]
fn open(disk: &std::path::Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(disk)
}

#[cfg(not(unix))]
fn open(disk: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(disk)
}
