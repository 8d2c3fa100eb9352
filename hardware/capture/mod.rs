//! Captured machines as files: what the probes asked of a machine, so that one that was misread can be audited again
//! elsewhere, and become a fixture.
//!
//! `NAME.tar.zst` is what people send, `NAME.ttar` (text) what tests keep. What identifies the machine or its people is
//! scrubbed before either is written.

mod identities;
mod scrub;
mod tarball;
mod ttar;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::{Root, Tree};

use identities::Identities;

/// The most that is read of a capture, packed or unpacked. A capture has some megabytes; this stops one that was made to
/// fill memory.
const LIMIT: u64 = 256 << 20;

/// Reads a capture of either kind.
pub fn open(file: &Path) -> Result<Tree, CaptureError> {
    let path = file.display().to_string();
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
    read.map_err(|source| CaptureError::Read { path: path.clone(), source })?;
    if bytes.len() as u64 > LIMIT {
        return Err(CaptureError::TooLarge { path });
    }
    if tarball::is_one(&bytes) {
        tarball::read(&bytes).map_err(|source| CaptureError::Tarball { path, source })
    } else {
        ttar::parse(&bytes).map_err(|source| CaptureError::Ttar { path, source })
    }
}

/// Writes what a recording root was asked, scrubbed; as text if the name ends in `.ttar`, else packed. Fails rather than
/// replace a file. Gives the number of files written.
pub fn write(recorded: &Root, file: &Path) -> Result<usize, CaptureError> {
    let tree = scrub::scrub(recorded.recorded(), &Identities::of_this_machine());
    let path = file.display().to_string();
    let fault = |source| CaptureError::Write { path: path.clone(), source };
    let is_text = file.extension().is_some_and(|extension| extension == "ttar");
    let bytes =
        if is_text { ttar::write(&tree).into_bytes() } else { tarball::write(&tree).map_err(fault)? };
    let mut target = File::create_new(file).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CaptureError::Exists { path: path.clone() },
        _ => fault(source),
    })?;
    if let Err(source) = target.write_all(&bytes).and_then(|()| target.sync_all()) {
        // Half a capture helps nobody; that it could not be removed either changes nothing.
        let _ = std::fs::remove_file(file);
        return Err(fault(source));
    }
    Ok(tree.iter().count())
}

#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("{path} can't be read")]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("{path} is larger than {} MiB: it is no capture", LIMIT >> 20)]
    TooLarge { path: String },
    #[error("{path} is neither a packed capture (.tar.zst) nor a text archive (.ttar)")]
    Ttar {
        path: String,
        #[source]
        source: ttar::TtarError,
    },
    #[error("{path} is no whole capture")]
    Tarball {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("{path} exists already: choose another name, or remove it")]
    Exists { path: String },
    #[error("{path} can't be written")]
    Write {
        path: String,
        #[source]
        source: io::Error,
    },
}

#[cfg(test)]
mod tests;
