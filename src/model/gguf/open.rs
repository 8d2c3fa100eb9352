//! Opens a regular file, and nothing else: a FIFO in a model's place must not hang the daemon.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use super::GgufError;

/// The open file and its size in bytes. Symbolic links are followed.
pub(super) fn regular(path: &Path) -> Result<(File, u64), GgufError> {
    let open_error = |source| GgufError::Open { source };
    // Before opening: to open some devices is to act on them.
    refuse_others(&std::fs::metadata(path).map_err(open_error)?)?;
    let file = OpenOptions::new()
        .read(true)
        // Another file may have come in its place meanwhile; even a FIFO then opens at once. std adds O_CLOEXEC.
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)
        .map_err(open_error)?;
    let metadata = file.metadata().map_err(open_error)?;
    refuse_others(&metadata)?;
    match metadata.len() {
        0 => Err(GgufError::Empty),
        bytes => Ok((file, bytes)),
    }
}

fn refuse_others(metadata: &Metadata) -> Result<(), GgufError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    let name = if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    };
    Err(GgufError::NotAFile { kind: name })
}
