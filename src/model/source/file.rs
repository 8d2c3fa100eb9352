//! `file:`: the file stays where it is; no second copy of gigabytes, and no surprise about which one is served.

use std::io;
use std::path::Path;

use edgeorch_engines::Source;

use super::FetchError;
use crate::model::store::{Entry, near};

pub(super) fn locate(source: &Source, path: &Path) -> Result<Entry, FetchError> {
    match Entry::in_place(source, path) {
        Ok(entry) => Ok(entry),
        Err(cause) if cause.kind() == io::ErrorKind::InvalidInput => {
            Err(FetchError::NotAFile { path: path.to_owned() })
        }
        Err(cause) => Err(FetchError::Missing { path: path.to_owned(), near: beside(path), cause }),
    }
}

/// The file in the same folder whose name is most like the one asked for.
fn beside(path: &Path) -> Vec<String> {
    let (Some(folder), Some(asked)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    near::nearest(asked, names.iter().map(String::as_str), 1)
}
