//! Captured machines as files: what the probes read of a machine, so that a misread one can be audited again elsewhere.

pub(crate) mod ttar;

use std::path::Path;

use crate::Tree;

/// Reads a capture.
pub fn open(file: &Path) -> Result<Tree, CaptureError> {
    let path = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|source| CaptureError::Read { path: path.clone(), source })?;
    ttar::parse(&bytes).map_err(|source| CaptureError::Ttar { path, source })
}

#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("{path} can't be read")]
    Read {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is no text archive of a machine")]
    Ttar {
        path: String,
        #[source]
        source: ttar::TtarError,
    },
}
