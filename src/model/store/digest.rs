//! SHA-256 digests: the names of blobs. Built only from 64 hexadecimal digits, so it is always safe as a file name.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::progress::Meter;

/// Bytes read at once while hashing: large enough that the system calls don't show.
const CHUNK: usize = 256 * 1024;

/// A SHA-256 digest, as 64 lowercase hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 digest is written as 64 hexadecimal digits")]
pub struct DigestError;

impl Digest {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Ends a running hash.
    pub fn of(hash: Sha256) -> Digest {
        Digest(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Hashes a whole file from where it is; blocks the thread.
    ///
    /// # Errors
    /// What reading gives, or [`Cancelled`](crate::progress::Cancelled) inside an `io::Error`.
    pub fn of_file(path: &Path, meter: &Meter) -> io::Result<Digest> {
        let (hash, _) = hash_file(&mut File::open(path)?, meter)?;
        Ok(Digest::of(hash))
    }
}

/// The running hash of what is left in `file`, and how many bytes that was.
pub(super) fn hash_file(file: &mut File, meter: &Meter) -> io::Result<(Sha256, u64)> {
    let (mut hash, mut done) = (Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((hash, done));
        }
        hash.update(&chunk[..read]);
        done += read as u64;
        meter.advanced(done)?;
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex { Ok(Digest(text.to_ascii_lowercase())) } else { Err(DigestError) }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
