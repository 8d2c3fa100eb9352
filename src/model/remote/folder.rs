//! What a remote folder of safetensors says of itself: config.json, and the header of each of its files.
//!
//! ```text
//! length of the header, 8 bytes | header, JSON | tensors …
//! ```
//!
//! The format: <https://huggingface.co/docs/safetensors/metadata_parsing>.

use edgeorch_engines::{Bytes, Model};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;

use super::{Remote, RemoteError, range};
use crate::model::hf::{self, Beside};
use crate::model::safetensors::{Header, LENGTH_BYTES, header_length};
use crate::model::source::hf::folder::{CONFIG, weights};
use crate::model::source::hf::{Listed, Repo};
use crate::model::source::shown;

/// Bytes asked for at first. Chosen: a tensor takes some hundred bytes of a header, so two thousand of them fit.
const FIRST: u64 = 256 << 10;

/// Requests for one file: what was asked for at first, and what was missing.
const REQUESTS: u32 = 2;

/// Bytes of the length that stands before the header.
const LENGTH: usize = LENGTH_BYTES as usize;

/// A header longer than what is kept of a file is refused before it is asked for.
const MOST_HEADER: u64 = range::MOST - LENGTH as u64;

/// Bytes of config.json and its like. The longest name each module that is not quantized: some 100 KB.
const MOST_CONFIG: u64 = 4 << 20;

/// Files of one model; chosen, far above what models are split into.
const MOST_FILES: usize = 1024;

/// Files that are asked about at once: as many connections as browsers make to one host, about.
const AT_ONCE: usize = 8;

/// As ModelOpt writes it.
const QUANTIZATION: &str = "hf_quant_config.json";
const TOKENIZER: &str = "tokenizer_config.json";
const TEMPLATES: [&str; 2] = ["chat_template.jinja", "chat_template.json"];
const POOLING: &str = "1_Pooling/config.json";

/// The facts of a repository of safetensors. Merge rules are not counted: tokenizer.json, which has them, is as long as
/// all headers together.
pub(super) async fn read(remote: &Remote, repo: Repo<'_>, files: &[Listed]) -> Result<Model, RemoteError> {
    let what = || repo.shown();
    let config = find(files, CONFIG).ok_or_else(|| RemoteError::NoModel { what: what() })?;
    let weights = weights(files);
    if weights.is_empty() {
        return Err(RemoteError::NoModel { what: what() });
    }
    if weights.len() > MOST_FILES {
        return Err(RemoteError::TooManyParts { what: what(), limit: MOST_FILES });
    }
    let config = small(remote, repo, config).await?;
    let beside = beside(remote, repo, files).await?;
    let mut reading = stream::iter(weights).map(|file| shard(remote, repo, file)).buffered(AT_ONCE);
    let mut headers = Vec::new();
    while let Some(header) = reading.next().await {
        headers.push(header?);
    }
    hf::describe(&config, &headers, &beside).map_err(|source| RemoteError::Folder { what: what(), source })
}

async fn beside(remote: &Remote, repo: Repo<'_>, files: &[Listed]) -> Result<Beside, RemoteError> {
    let quantization = match find(files, QUANTIZATION) {
        Some(file) => Some(small(remote, repo, file).await?),
        None => None,
    };
    let mut chat_template = TEMPLATES.iter().any(|name| find(files, name).is_some());
    if let Some(file) = find(files, TOKENIZER).filter(|_| !chat_template) {
        let config = small(remote, repo, file).await?;
        chat_template = config.get("chat_template").is_some_and(|template| !template.is_null());
    }
    let pooling = find(files, POOLING).is_some();
    Ok(Beside { quantization, chat_template, pooling, ..Beside::default() })
}

fn find<'a>(files: &'a [Listed], name: &str) -> Option<&'a Listed> {
    files.iter().find(|file| file.path == name)
}

async fn small(remote: &Remote, repo: Repo<'_>, file: &Listed) -> Result<Value, RemoteError> {
    let url = remote.hub.file_url(repo, &file.path)?;
    if file.bytes > MOST_CONFIG {
        let url = shown(url.as_str());
        return Err(RemoteError::LongHeader { url, limit: Bytes(MOST_CONFIG) });
    }
    let mut from = range::Beginning::new(url.as_str(), Some(file.bytes), remote.stall, REQUESTS)?;
    from.fill(file.bytes).await?;
    let url = shown(url.as_str());
    hf::parse_config(from.bytes()).map_err(|source| RemoteError::Json { url, source })
}

async fn shard(remote: &Remote, repo: Repo<'_>, file: &Listed) -> Result<Header, RemoteError> {
    let address = remote.hub.file_url(repo, &file.path)?;
    let url = || shown(address.as_str());
    let mut from = range::Beginning::new(address.as_str(), Some(file.bytes), remote.stall, REQUESTS)?;
    from.fill(FIRST).await?;
    let Some(first) = from.bytes().first_chunk::<LENGTH>() else {
        return Err(RemoteError::Table { url: url(), length: None, file: Bytes(file.bytes) });
    };
    let length = header_length(*first).map_err(|source| RemoteError::Tensors { url: url(), source })?;
    let end = length.saturating_add(LENGTH as u64);
    if end > file.bytes {
        return Err(RemoteError::Table { url: url(), length: Some(length), file: Bytes(file.bytes) });
    }
    if length > MOST_HEADER {
        return Err(RemoteError::LongHeader { url: url(), limit: Bytes(MOST_HEADER) });
    }
    from.fill(end).await?;
    let json = usize::try_from(end).ok().and_then(|end| from.bytes().get(LENGTH..end)).unwrap_or_default();
    Header::parse(json, file.bytes).map_err(|source| RemoteError::Tensors { url: url(), source })
}
