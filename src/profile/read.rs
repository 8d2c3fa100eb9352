//! A file's text, or a clear word on why it can't be one. Nothing here can hang: a named pipe is refused before it is
//! read, and no more is read than a profile may have.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use super::error::ProfileError;
use super::suggest::nearest;

/// Far above any profile that a person writes, far below what would slow the check down.
const LARGEST: u64 = 1 << 20;

pub(super) fn read(path: &Path) -> Result<String, ProfileError> {
    let io = |source| ProfileError::Io { path: path.to_owned(), source };
    let file = open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => missing(path),
        _ => io(error),
    })?;
    let kind = file.metadata().map_err(io)?.file_type();
    if !kind.is_file() {
        let what = match () {
            () if kind.is_dir() => "a folder",
            () if kind.is_fifo() => "a named pipe",
            () if kind.is_socket() => "a socket",
            () => "a device",
        };
        return Err(ProfileError::NoFile { path: path.to_owned(), what });
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > LARGEST {
        return Err(ProfileError::TooLarge { path: path.to_owned(), limit: LARGEST });
    }
    decode(bytes, path)
}

/// Non-blocking, because opening a named pipe waits for its other end.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}

fn decode(bytes: Vec<u8>, path: &Path) -> Result<String, ProfileError> {
    let encoding = |what: String| ProfileError::Encoding { path: path.to_owned(), what };
    if matches!(bytes.get(..2), Some([0xFF, 0xFE] | [0xFE, 0xFF])) {
        return Err(encoding("it is UTF-16".to_owned()));
    }
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        encoding(format!("a byte on line {line} is no UTF-8"))
    })?;
    if text.contains('\0') {
        return Err(encoding("it contains zero bytes, as UTF-16 and binary files do".to_owned()));
    }
    // Some editors put a byte order mark in front; it means nothing in UTF-8.
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// Names the profiles that lie where this one was looked for.
fn missing(path: &Path) -> ProfileError {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".yaml") || name.ends_with(".yml"))
        .collect();
    found.sort();
    let wanted = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    let nearest = nearest(wanted, found.iter().map(String::as_str)).map(str::to_owned);
    ProfileError::Missing { path: path.to_owned(), folder: folder.to_owned(), nearest, found }
}
