//! Models that are split into several files, `NAME-00001-of-00003.gguf` and those that follow.
//!
//! The first part has the metadata and says how many there are; each lists only its own tensors. The names and the keys
//! are those of llama.cpp (`llama_split_path` in src/llama.cpp, `split.*` in src/llama-model-loader.cpp).

use std::path::Path;

use super::{GgufError, Header, Metadata, cursor, tensor};
use edgeorch_engines::split::{self, MAX_PARTS};

const NUMBER: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";
const ARCHITECTURE: &str = "general.architecture";

/// How many files the model has.
pub(super) fn count(metadata: &Metadata) -> u64 {
    metadata.unsigned(COUNT).unwrap_or(1).max(1)
}

/// Reads what lies beside `path`, which is the first of a model's parts and was read already.
pub(super) fn gather(path: &Path, first: Header) -> Result<Header, GgufError> {
    let parts = count(&first.metadata);
    if parts > MAX_PARTS {
        return Err(GgufError::TooManyParts { parts, limit: MAX_PARTS });
    }
    let number = first.metadata.unsigned(NUMBER).ok_or(GgufError::MissingKey { key: NUMBER })?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name
        .strip_suffix(&suffix(number, parts))
        .ok_or_else(|| GgufError::PartName { parts, expected: suffix(number, parts) })?;
    let nth = |number| format!("{stem}{}", suffix(number, parts));
    if number != 0 {
        return Err(GgufError::NotTheFirstPart { number: number.saturating_add(1), first: nth(0) });
    }
    let mut all = vec![first];
    let mut kept = 0;
    for number in 1..parts {
        let name = nth(number);
        let part = super::read_part(&path.with_file_name(&name)).map_err(|source| GgufError::Part {
            name,
            parts,
            source: Box::new(source),
        })?;
        // What one header may keep, all of them together may.
        kept += part.tensors.len() as u64 * tensor::ENTRY;
        if kept > cursor::MAX_KEPT {
            return Err(GgufError::TooMuchKept { limit: cursor::MAX_KEPT });
        }
        let metadata = part.metadata.only(&[NUMBER, COUNT, TENSORS, ARCHITECTURE]);
        all.push(Header { metadata, ..part });
    }
    Header::join(all)
}

impl Header {
    /// One header for all files of a model, in their order: the metadata of the first, the tensors of all.
    pub fn join(parts: Vec<Header>) -> Result<Header, GgufError> {
        let given = parts.len() as u64;
        let mut parts = parts.into_iter();
        let mut whole = parts.next().ok_or(GgufError::Empty)?;
        let expected = count(&whole.metadata);
        if given != expected {
            return Err(GgufError::PartCount { expected, given });
        }
        for (number, part) in (1..).zip(parts) {
            belongs(&whole.metadata, &part.metadata, number).map_err(|why| GgufError::ForeignPart {
                number: number + 1,
                parts: expected,
                why,
            })?;
            whole.tensors.extend(part.tensors);
            whole.file_bytes = whole.file_bytes.saturating_add(part.file_bytes);
        }
        tensor::refuse_twins(&whole.tensors)?;
        match whole.metadata.unsigned(TENSORS) {
            Some(expected) if expected != whole.tensors.len() as u64 => {
                Err(GgufError::PartTensors { expected, found: whole.tensors.len() })
            }
            _ => Ok(whole),
        }
    }
}

/// Counted from 0 in the keys, and from 1 in the names.
fn suffix(number: u64, parts: u64) -> String {
    split::suffix(number.saturating_add(1), parts)
}

/// Whether a part says that it is the one which is expected at its place.
fn belongs(first: &Metadata, part: &Metadata, number: u64) -> Result<(), String> {
    match part.unsigned(NUMBER) {
        Some(said) if said == number => {}
        Some(said) => return Err(format!("it says that it is part {}", said.saturating_add(1))),
        None => return Err(format!("it has no {NUMBER:?}")),
    }
    for key in [COUNT, TENSORS, ARCHITECTURE] {
        // Parts behind the first may leave keys out, but not differ.
        if part.get(key).is_some_and(|said| first.get(key) != Some(said)) {
            return Err(format!("its {key:?} differs from that of the first"));
        }
    }
    Ok(())
}
