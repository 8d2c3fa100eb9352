//! Where the probes read: `/`, or a folder that holds a captured machine's `/proc`, `/sys` and `/etc`.
//!
//! Reading is bounded and can't block: what lies at a path may be a FIFO, a device or a file without end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

/// A file system to audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Root {
    /// The most that is read of one file. `/proc/cpuinfo` has about 1.5 KiB per hardware thread, so this is enough for
    /// 8,192 of them, and for any C library.
    pub const READ_LIMIT: u64 = 16 << 20;

    /// This machine.
    pub fn live() -> Root {
        Root(PathBuf::from("/"))
    }

    /// A captured machine.
    pub fn at(folder: impl Into<PathBuf>) -> Root {
        Root(folder.into())
    }

    /// Whether this is the running machine, so that its interfaces other than files may be asked too.
    pub fn is_live(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// The text of a file such as `proc/meminfo`. Bytes that are no UTF-8 become U+FFFD: one broken line must not hide
    /// the others.
    pub fn read(&self, path: &str) -> Result<String, ReadError> {
        self.read_bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn read_bytes(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let file = self.open(path)?;
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

    /// The names in a folder, sorted; those that are no UTF-8 are left out.
    pub fn list(&self, path: &str) -> Result<Vec<String>, ReadError> {
        let entries = fs::read_dir(self.locate(path)?).map_err(|error| ReadError::from_io(path, error))?;
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    fn open(&self, path: &str) -> Result<File, ReadError> {
        let file = OpenOptions::new()
            .read(true)
            // Opening a FIFO would wait for a writer.
            .custom_flags(nix::libc::O_NONBLOCK)
            .open(self.locate(path)?)
            .map_err(|error| ReadError::from_io(path, error))?;
        let metadata = file.metadata().map_err(|error| ReadError::from_io(path, error))?;
        if metadata.is_file() { Ok(file) } else { Err(ReadError::NotAFile { path: shown(path) }) }
    }

    /// Paths are put together from what /proc says, so a `..` in them is refused.
    fn locate(&self, path: &str) -> Result<PathBuf, ReadError> {
        let mut place = self.0.clone();
        for component in Path::new(path).components() {
            match component {
                Component::Normal(name) => place.push(name),
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(ReadError::Outside { path: shown(path) });
                }
            }
        }
        Ok(place)
    }
}

/// Why a file gave no text. Paths are the audited machine's own, whatever the root.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{path} does not exist")]
    Missing { path: String },
    #[error("{path} can't be read: permission denied")]
    Denied { path: String },
    #[error("{path} is larger than {} MiB", Root::READ_LIMIT >> 20)]
    TooLarge { path: String },
    #[error("{path} is not a regular file")]
    NotAFile { path: String },
    #[error("{path} leads out of the root")]
    Outside { path: String },
    #[error("{path} can't be read")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
}

impl ReadError {
    pub fn is_missing(&self) -> bool {
        matches!(self, ReadError::Missing { .. })
    }

    fn from_io(path: &str, source: io::Error) -> ReadError {
        let path = shown(path);
        match source.kind() {
            // A folder where a part of the path is a file holds nothing either.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::Missing { path },
            io::ErrorKind::PermissionDenied => ReadError::Denied { path },
            _ => ReadError::Io { path, source },
        }
    }
}

/// `proc/meminfo` as the machine itself calls it.
pub fn shown(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(name: &str, bytes: &[u8]) -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let root = Root::at(folder.path());
        (folder, root)
    }

    #[test]
    fn a_file_without_end_is_refused_instead_of_read() {
        assert!(matches!(Root::live().read("dev/zero"), Err(ReadError::NotAFile { .. })));
        let (folder, root) = folder_with("huge", b"");
        let huge = OpenOptions::new().write(true).open(folder.path().join("huge")).unwrap();
        huge.set_len(Root::READ_LIMIT + 1).unwrap();
        assert_eq!(root.read("huge").unwrap_err().to_string(), "/huge is larger than 16 MiB");
        huge.set_len(Root::READ_LIMIT).unwrap();
        assert!(root.read_bytes("huge").is_ok());
    }

    #[test]
    fn a_fifo_without_a_writer_does_not_block() {
        let (folder, root) = folder_with("other", b"");
        nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(matches!(root.read("pipe"), Err(ReadError::NotAFile { .. })));
    }

    #[test]
    fn broken_utf8_keeps_the_rest_of_the_text() {
        let (_folder, root) = folder_with("text", b"a: \xff\nb: 2\n");
        assert_eq!(root.read("text").unwrap(), "a: \u{fffd}\nb: 2\n");
    }

    #[test]
    fn paths_stay_inside_and_are_shown_as_the_machine_calls_them() {
        let (_folder, root) = folder_with("text", b"");
        assert!(matches!(root.read("a/../../etc/passwd"), Err(ReadError::Outside { .. })));
        assert_eq!(root.read("proc/meminfo").unwrap_err().to_string(), "/proc/meminfo does not exist");
        assert!(root.read("text/below").unwrap_err().is_missing());
    }
}
