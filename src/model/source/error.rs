//! Why something could not be fetched, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use edgeorch_engines::Bytes;

use super::HubError;
use crate::model::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Hub(#[from] HubError),
    #[error("find {}{}; correct the path in `source`", path.display(), near_text(.near, "; beside it lies "))]
    Missing {
        path: PathBuf,
        near: Vec<String>,
        #[source]
        cause: std::io::Error,
    },
    #[error("use {}: it is no regular file; name the model's file itself", path.display())]
    NotAFile { path: PathBuf },
    #[error("download {url}: it must be an https URL (plain http is accepted for loopback only)")]
    Url { url: String },
    #[error("set up HTTPS; check that the system's certificates are installed (ca-certificates)")]
    Client {
        #[source]
        cause: reqwest::Error,
    },
    #[error(
        "download {url}: the server answered {status}; check the address, and whether it needs credentials"
    )]
    Refused { url: String, status: u16 },
    #[error(
        "download {url}: the hub lists it with {told} bytes, and the server has {now}; it is being replaced, or one of them is wrong: try again later"
    )]
    Length { url: String, told: u64, now: u64 },
    #[error(
        "download {url}, given up after {tries} tries in a row without a new byte ({kept} are kept); run it again to go on from there"
    )]
    Cut {
        url: String,
        tries: u32,
        kept: Bytes,
        #[source]
        cause: Cut,
    },
    #[error(
        "find pip: {}; install python3-pip, or download the file on another machine and use it with file:PATH",
        tried_text(.tried)
    )]
    NoPip { tried: Vec<String> },
    #[error("read `{requirement}` as a requirement; write it NAME==VERSION")]
    Requirement { requirement: String },
    #[error("start {}", program.display())]
    Spawn {
        program: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("download {requirement} with `{pip}`: {said}")]
    Pip { requirement: String, pip: String, said: String },
    #[error(
        "download {requirement} with `{pip}`: no output and no byte for {} s; check the network, or pip's index-url and proxy",
        waited.as_secs()
    )]
    PipStalled { requirement: String, pip: String, waited: Duration },
    #[error(
        "download {requirement}: its sha256 is not {expected}; it was changed on the way or replaced: don't trust this index"
    )]
    PipHash { requirement: String, expected: String },
    #[error("find `{member}` in {wheel}{}", near_text(.near, "; nearest: "))]
    NoMember { member: String, wheel: String, near: Vec<String> },
    #[error("unpack `{member}` from {wheel}: it is a folder or a link, not a file")]
    MemberNotAFile { member: String, wheel: String },
    #[error("unpack {wheel}")]
    Wheel {
        wheel: String,
        #[source]
        cause: zip::result::ZipError,
    },
}

/// How a download ended before its end; each is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    #[error("no byte for {} s", waited.as_secs_f32())]
    Stalled { waited: Duration },
    #[error("the server answered {status}")]
    Status { status: u16 },
    #[error("the connection ended after {got} of {expected}")]
    Short { got: Bytes, expected: Bytes },
    #[error("the server sent more than the {expected} that it told")]
    Long { expected: Bytes },
    #[error("the file changed on the server")]
    Changed,
    #[error(transparent)]
    Connection(reqwest::Error),
}

fn near_text(near: &[String], intro: &str) -> String {
    if near.is_empty() { String::new() } else { format!("{intro}{}", near.join(", ")) }
}

fn tried_text(tried: &[String]) -> String {
    if tried.is_empty() {
        "neither python3 -m pip nor uv was found".to_owned()
    } else {
        format!("none of these works: {}", tried.join(", "))
    }
}
