//! The few file system steps that durability hangs on: free space, atomic replacement, syncing a folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use edgeorch_engines::Bytes;

use super::StoreError;

/// Bytes that this user can still write where `path` is, or would be.
pub(crate) fn free(path: &Path) -> io::Result<Bytes> {
    let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    let facts = nix::sys::statvfs::statvfs(existing)?;
    // The fields' widths differ by platform.
    #[allow(clippy::unnecessary_cast)]
    let (blocks, size) = (facts.blocks_available() as u64, facts.fragment_size() as u64);
    Ok(Bytes(blocks.saturating_mul(size)))
}

/// Fails when `needed` more bytes in `dir` would leave less than `reserve`. Unknown free space passes: then the
/// write itself will tell.
pub(crate) fn ensure_space(dir: &Path, needed: Bytes, reserve: Bytes) -> Result<(), StoreError> {
    match free(dir) {
        Ok(free) if needed + reserve > free => {
            Err(StoreError::NoSpace { dir: dir.to_owned(), needed, free, reserve })
        }
        _ => Ok(()),
    }
}

pub(crate) fn create_dir(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(|cause| StoreError::io("create", path, cause))
}

/// Makes renames in `dir` survive a power cut.
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|cause| StoreError::io("sync", dir, cause))
}

/// Replaces `path` by `content`, wholly or not at all, whenever the power goes.
pub(super) fn write_atomically(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let fail = |cause| StoreError::io("write", path, cause);
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        // Other users of a shared store read it; the umask still applies.
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(dir)
        .map_err(fail)?;
    file.write_all(content).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|failure| fail(failure.error))?;
    sync_dir(dir)
}

/// Bytes of all regular files under `dir`; what can't be read counts as nothing.
pub(crate) fn size_of(dir: &Path) -> Bytes {
    let Ok(entries) = fs::read_dir(dir) else { return Bytes::ZERO };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(facts) if facts.is_dir() => size_of(&entry.path()),
            Ok(facts) if facts.is_file() => Bytes(facts.len()),
            _ => Bytes::ZERO,
        })
        .sum()
}

/// Removes a file or folder that may be gone already.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(facts) if facts.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(cause) => Err(cause),
    };
    match removed {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, cause)),
        _ => Ok(()),
    }
}
