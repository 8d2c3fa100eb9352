//! Engines on this machine: which program is there, what it says of itself, and how it is got where there is none.
//!
//! ```text
//! PATH ─┐
//!       ├─find──▶ program ─probe──▶ Binary (help, version; cached by path, size, mtime)
//! home ─┘             ▲
//!   Manifest.install ─┴─suit──▶ the sources that this machine can use ─install──▶ home/engines/ID/KEY
//! ```

pub mod find;
pub mod install;
pub mod probe;
pub mod suit;

use std::path::PathBuf;

use edgeorch_engines::Binary;

pub use find::{Found, Origin};

/// Why there is no engine to run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("{program} can't be run: {why}")]
    NotRunnable { program: PathBuf, why: String },
    #[error("no {engine} was found on PATH or in {}, and none could be installed:\n{}", home.display(), reasons.iter().map(|reason| format!("  - {reason}")).collect::<Vec<_>>().join("\n"))]
    NoneInstallable { engine: String, home: PathBuf, reasons: Vec<String> },
}

/// An engine that can be started, and where it comes from.
#[derive(Clone, Debug)]
pub struct Ready {
    pub binary: Binary,
    pub origin: Origin,
}
