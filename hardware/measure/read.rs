//! How fast a file on the models' storage is read from one end to the other: past the page cache where the file system
//! allows it, for a model that is started for the first time is not in it.
//!
//! Reading is bounded by bytes and by time, and done at several places of the file: a disk's outer tracks, or the part of a
//! flash drive that was just written, are not the whole truth.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{ReadMethod, ReadSpeed};
use serde::{Deserialize, Serialize};

use super::file::{self, Chosen};
use crate::Root;
use crate::findings::Findings;
use crate::pending::Pending;
use edgeorch_engines::chain;

const FIELD: &str = "storage.read";
const MOST_BYTES: u64 = 256 << 20;
const MOST_TIME: Duration = Duration::from_millis(450);
/// A network mount may never answer.
const LIMIT: Duration = Duration::from_secs(2);
/// How much one call reads: enough to keep every lane of a fast drive busy.
const CHUNK: usize = 4 << 20;
/// What `O_DIRECT` asks of addresses, offsets and lengths: the largest block of common drives.
const ALIGNMENT: usize = 4096;
const PLACES: u64 = 8;

/// A measurement, with what was read.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    speed: ReadSpeed,
    own_program: bool,
}

#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
enum NotMeasured {
    #[error("no file of {} MiB or more to read there", file::LEAST >> 20)]
    NoFile,
    #[error("a file there can't be read: {0}")]
    Failed(String),
}

/// Of a file below the folder: an absolute path of the audited machine.
pub fn read_speed(root: &Root, folder: &str, findings: &mut Findings) -> Option<ReadSpeed> {
    let folder = folder.to_owned();
    let asked = Pending::start("reading speed", root, LIMIT, move |root| {
        root.answer("read", || measure(Path::new(&folder)))
    });
    let answer = match asked.finish() {
        Ok(answer) => answer,
        Err(error) => {
            findings.unknown(FIELD, error);
            return None;
        }
    };
    match answer {
        Ok(Ok(measured)) => {
            findings.known(FIELD, source(&measured));
            return Some(measured.speed);
        }
        Ok(Err(reason @ NotMeasured::NoFile)) => {
            findings.unknown_but(FIELD, reason, "edgeorch pull a model, then audit again");
        }
        Ok(Err(reason)) => findings.unknown(FIELD, reason),
        Err(error) => findings.unknown(FIELD, chain(&error)),
    }
    None
}

fn source(measured: &Measured) -> String {
    let what = if measured.own_program {
        "edgeorch's own program, on the same device: no large file lies in the models folder"
    } else {
        "the largest file in the models folder"
    };
    let how = match measured.speed.method {
        ReadMethod::Direct => "past the page cache",
        ReadMethod::Cached => "through the page cache",
    };
    format!("measured {how}: {what}")
}

fn measure(folder: &Path) -> Result<Measured, NotMeasured> {
    let chosen = file::choose(folder).ok_or(NotMeasured::NoFile)?;
    let direct = open_direct(&chosen.path).and_then(|file| read(file, &chosen));
    let (method, done) = match direct {
        Ok(done) => (ReadMethod::Direct, done),
        // Memory file systems, and some that encrypt or compress, have no direct way.
        Err(_) => {
            (ReadMethod::Cached, cached(&chosen).map_err(|error| NotMeasured::Failed(error.to_string()))?)
        }
    };
    let speed =
        done.speed(method).ok_or_else(|| NotMeasured::Failed("it is shorter than it says".to_owned()))?;
    Ok(Measured { speed, own_program: chosen.own_program })
}

#[derive(Clone, Copy, Debug)]
struct Done {
    bytes: u64,
    time: Duration,
}

impl Done {
    fn speed(self, method: ReadMethod) -> Option<ReadSpeed> {
        let seconds = self.time.as_secs_f64();
        (self.bytes > 0 && seconds > 0.0).then(|| ReadSpeed {
            bytes_per_second: (self.bytes as f64 / seconds) as u64,
            method,
            bytes: Bytes(self.bytes),
            milliseconds: u32::try_from(self.time.as_millis()).unwrap_or(u32::MAX),
        })
    }
}

fn cached(chosen: &Chosen) -> io::Result<Done> {
    let file = File::open(&chosen.path)?;
    forget(&file);
    read(file, chosen)
}

/// At several places, evenly far apart, until the bytes or the time are used up.
fn read(mut file: impl Read + Seek, chosen: &Chosen) -> io::Result<Done> {
    let mut memory = vec![0; CHUNK + ALIGNMENT];
    let start = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
    let chunk = &mut memory[start..start + CHUNK];
    let mut done = Done { bytes: 0, time: Duration::ZERO };
    let began = Instant::now();
    for (from, length) in places(chosen.bytes) {
        file.seek(SeekFrom::Start(from))?;
        let mut left = length;
        while left > 0 && began.elapsed() < MOST_TIME {
            let read = file.read(chunk)? as u64;
            if read == 0 {
                break;
            }
            done.bytes += read;
            left = left.saturating_sub(read);
        }
    }
    done.time = began.elapsed();
    Ok(done)
}

/// Where to read and how much: whole chunks, each at a multiple of a chunk.
fn places(bytes: u64) -> Vec<(u64, u64)> {
    let chunk = CHUNK as u64;
    let chunks = (bytes / chunk).max(1);
    let places = PLACES.min(chunks);
    let each = (chunks / places).min(MOST_BYTES / chunk / places).max(1);
    (0..places).map(|place| (chunks * place / places * chunk, each * chunk)).collect()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn open_direct(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_DIRECT).open(path)?;
    // ZFS takes the flag, and before version 2.3 reads through its cache all the same.
    let system = nix::sys::statfs::fstatfs(&file)?;
    if i128::from(system.filesystem_type().0) == ZFS {
        Err(io::ErrorKind::Unsupported.into())
    } else {
        Ok(file)
    }
}

/// What `statfs` calls it (`ZFS_SUPER_MAGIC`).
#[cfg(any(target_os = "linux", target_os = "android"))]
const ZFS: i128 = 0x2fc1_2fc1;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn open_direct(_: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Asks the kernel to drop the file from the page cache; pages that a process has mapped stay.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn forget(file: &File) {
    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
    let _ = posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn forget(_: &File) {}

#[cfg(test)]
mod tests;
