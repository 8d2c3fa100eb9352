//! Why a hub's repository gives no model, and what to do about it.

use std::time::Duration;

use super::choose::ChoiceError;

#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error(
        "list {repo}: the hub answered {status}: there is no such repository, or not for everyone (private, or behind terms to accept); edgeorch sends no token, so fetch it with the hub's own tool and use file:PATH"
    )]
    Closed { repo: String, status: u16 },
    #[error("list {repo}: the hub has no such repository, or not that revision of it; check the spelling")]
    NotFound { repo: String },
    #[error("list {repo}: the hub answered {status}; try again later, or name a mirror in HF_ENDPOINT")]
    Status { repo: String, status: u16 },
    #[error("list {repo}: no byte from the hub for {} s; check the network, or name a mirror in HF_ENDPOINT", waited.as_secs_f32())]
    Silent { repo: String, waited: Duration },
    #[error("list {repo}: its list is not here after {} s; try again later, or name a mirror in HF_ENDPOINT", waited.as_secs_f32())]
    Slow { repo: String, waited: Duration },
    #[error("list {repo}; check the network and the proxy, or name a mirror in HF_ENDPOINT")]
    Connection {
        repo: String,
        #[source]
        cause: reqwest::Error,
    },
    #[error("list {repo}: what answers there is no hub; check HF_ENDPOINT")]
    Listing {
        repo: String,
        #[source]
        cause: serde_json::Error,
    },
    #[error("list {repo}: one page has more than {limit} bytes; check HF_ENDPOINT")]
    LongPage { repo: String, limit: usize },
    #[error("list {repo}: it has more than {files} files, which no model has; check the name")]
    TooManyFiles { repo: String, files: usize },
    #[error("choose from {repo}")]
    Choice {
        repo: String,
        #[source]
        cause: ChoiceError,
    },
    #[error("fetch {name} of {repo}: it has {files} files, more than {limit}; take another of its models")]
    TooManyParts { repo: String, name: String, files: usize, limit: usize },
    #[error(
        "fetch {path}: its name is longer than {limit} bytes, and file systems keep no longer ones; take another of the repository's models"
    )]
    LongName { path: String, limit: usize },
    #[error(
        "fetch {repo}: it holds a folder of safetensors and no GGUF file; name a repository of GGUF conversions here, or fetch the folder with `edgeorch pull {repo}`"
    )]
    Folder { repo: String },
    #[error("fetch {path}: the hub tells no sha256 for it; use https: with the digest that you know")]
    NoDigest { path: String },
}
