//! Why there is no profile.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::fault::Fault;

#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("no profile at {}", path.display())]
    Missing {
        path: PathBuf,
        folder: PathBuf,
        /// The file in `folder` that was probably meant.
        nearest: Option<String>,
        /// All YAML files in `folder`, sorted.
        found: Vec<String>,
    },
    #[error("the profile {} can't be read", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the profile {} is {what}, not a file", path.display())]
    NoFile { path: PathBuf, what: &'static str },
    #[error("the profile {} is larger than {} KiB", path.display(), limit / 1024)]
    TooLarge {
        path: PathBuf,
        /// Bytes.
        limit: u64,
    },
    #[error("the profile {} is no UTF-8 text: {what}", path.display())]
    Encoding { path: PathBuf, what: String },
    #[error("the profile {} has {}", path.display(), Count(faults.len()))]
    Faults {
        path: PathBuf,
        /// The profile's text, with what may be a secret masked; the faults' spans are valid in it.
        text: String,
        /// In the order of the text; never empty.
        faults: Vec<Fault>,
    },
}

/// `1 fault`, `3 faults`.
struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => write!(f, "1 fault"),
            n if n >= super::fault::LIMIT => write!(f, "at least {n} faults"),
            n => write!(f, "{n} faults"),
        }
    }
}
