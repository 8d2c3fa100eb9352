//! The control socket: how `ps`, `status`, `logs` and `down` speak to the daemon.
//!
//! Plain HTTP with JSON over a unix socket that only its user can open, so that `curl --unix-socket` can do what the
//! command line does:
//!
//! | call | answer |
//! |---|---|
//! | `GET /status` | [`Status`] |
//! | `GET /status?after=N` | the same, as soon as its `revision` is above N |
//! | `GET /logs/MODEL?lines=N` | the last lines; with `&follow=1` also those to come |
//! | `POST /stop` | 202; the daemon drains, stops everything and ends |

pub mod client;
pub mod server;

use std::path::PathBuf;
use std::time::SystemTime;

use edgeorch_engines::Bytes;
use serde::{Deserialize, Serialize};

use crate::supervise::Snapshot;

/// What the daemon says of itself: `edgeorch status --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub home: PathBuf,
    /// The profile's name and file.
    pub profile: String,
    pub profile_path: PathBuf,
    /// Where clients reach the gateway.
    pub endpoint: String,
    #[serde(with = "crate::stamp")]
    pub started: SystemTime,
    /// It is draining and will end.
    pub stopping: bool,
    /// Grows with every change, for those who wait for one.
    pub revision: u64,
    pub models: Vec<ModelStatus>,
}

impl Status {
    pub fn is_ready(&self) -> bool {
        self.models.iter().all(|model| model.instance.state == "ready")
    }
}

/// One model: `edgeorch ps --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelStatus {
    /// The id that clients ask for.
    pub id: String,
    pub source: String,
    pub engine: String,
    /// What the plan proved.
    pub planned: Option<Bytes>,
    /// What the child's processes hold now.
    pub resident: Option<Bytes>,
    pub processor: String,
    pub context_size: u64,
    pub parallel: u32,
    #[serde(flatten)]
    pub instance: Snapshot,
}
