//! Why a root gave no answer.

use std::io;

use serde::{Deserialize, Serialize};

use super::{Root, run};

/// Why a file gave no text. Paths are the audited machine's own, whatever the root.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{path} does not exist")]
    Missing { path: String },
    #[error("{path} can't be read: permission denied")]
    Denied { path: String },
    #[error("{path} is larger than {} MiB", Root::READ_LIMIT >> 20)]
    TooLarge { path: String },
    #[error("{path} is not a regular file")]
    NotAFile { path: String },
    #[error("{path} leads out of the root")]
    Outside { path: String },
    #[error("{path} has more links than can be followed")]
    Loop { path: String },
    #[error("{path} is there, but the capture does not hold its content")]
    NotCaptured { path: String },
    #[error("{path} can't be read")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
}

impl ReadError {
    pub fn is_missing(&self) -> bool {
        matches!(self, ReadError::Missing { .. })
    }

    pub fn is_denied(&self) -> bool {
        matches!(self, ReadError::Denied { .. })
    }

    pub(super) fn from_io(path: &str, source: io::Error) -> ReadError {
        let path = shown(path);
        match source.kind() {
            // A folder where a part of the path is a file holds nothing either.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ReadError::Missing { path },
            io::ErrorKind::PermissionDenied => ReadError::Denied { path },
            _ => ReadError::Io { path, source },
        }
    }
}

/// Why a command gave no output. Kept in captures as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum RunError {
    #[error("{program} is not installed")]
    NotFound { program: String },
    #[error("{program} ended with {status}{}", colon(.said))]
    Failed { program: String, status: String, said: String },
    #[error("{program} did not end within {} s", run::LIMIT.as_secs())]
    TimedOut { program: String },
    #[error("{program} printed more than {} MiB", Root::READ_LIMIT >> 20)]
    TooMuch { program: String },
    #[error("{program} can't be started: {said}")]
    NotStarted { program: String, said: String },
    /// A hand-written capture may say it in its own words.
    #[error("{text}")]
    Captured { text: String },
}

impl RunError {
    pub fn is_not_found(&self) -> bool {
        matches!(self, RunError::NotFound { .. })
    }
}

fn colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

/// Why there is no answer to a question that only the live machine can be asked.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("only the live machine could tell, and the capture holds no answer ({name})")]
    Missing { name: String },
    #[error("the capture's answer {name} is not what this version of edgeorch writes")]
    Malformed {
        name: String,
        #[source]
        source: serde_json::Error,
    },
}

/// `proc/meminfo` as the machine itself calls it.
pub fn shown(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}
