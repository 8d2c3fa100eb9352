//! The one trait that an engine's adapter implements. Every method is pure.

use std::path::PathBuf;

use super::{Ask, Bytes, Cause, Exit, LaunchSpec, Model};
use crate::manifest::Manifest;

pub trait Engine: Send + Sync + std::fmt::Debug {
    fn manifest(&self) -> &Manifest;

    /// What the engine needs beside the weights and the key-value cache, for this ask.
    fn memory(&self, model: &Model, ask: &Ask) -> Overhead;

    /// Cells of the key-value cache that one layer gets, over all slots; `window` is the layer's sliding window.
    fn cache_cells(&self, ask: &Ask, window: Option<u64>) -> u64;

    /// How the engine is started. Flags that the binary does not list are left out or refused, never guessed.
    fn launch(&self, ask: &Ask, model: &Model, binary: &Binary, seat: &Seat) -> Result<LaunchSpec, Refusal>;

    /// Why the child ended: `lines` are the last ones that it printed, oldest first.
    fn classify(&self, exit: Exit, lines: &[String]) -> Cause {
        self.manifest().classify(exit, lines)
    }
}

/// An engine's program on this machine, and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    pub program: PathBuf,
    /// The text of `--help`: flags are gated on it, version strings are not trusted.
    pub help: String,
    /// What `--version` printed, first line.
    pub version: Option<String>,
    /// Where its shared libraries lie, if not where the loader looks.
    pub library_path: Option<PathBuf>,
}

/// What is assigned to one launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    pub port: u16,
    pub key: String,
}

/// Memory that the engine takes beside weights and key-value cache. Each part can be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overhead {
    /// Compute buffers of the worst graph.
    pub compute: Option<Bytes>,
    /// The process itself: code, tokenizer, HTTP threads.
    pub process: Bytes,
    /// Caches that the engine keeps in host memory beside the key-value cache.
    pub caches: Bytes,
}

/// Why an engine can't be started as asked; told to the user before anything is started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "{program} does not list `{flag}` in its --help: this build is too old or too new for {engine}'s adapter; install a known one with `edgeorch engines install {engine}`"
    )]
    MissingFlag { engine: String, program: String, flag: String },
    #[error("`{flag}` in runtime_flags is refused: {why}")]
    DeniedFlag { flag: String, why: String },
}
