//! The handle to one instance: commands in, published snapshots out. The instance itself lives in its actor
//! ([`super::task`]); whoever holds the handle can neither touch the child nor wait under a lock.

use std::sync::Arc;
use std::time::SystemTime;

use edgeorch_engines::{Bytes, Cause, LaunchSpec, Refusal, Seat};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use super::lifecycle::State;
use crate::launch::{GroupMemory, Logs, Record};

/// Makes the launch of one attempt: each has its own port and key.
pub type Recipe = Arc<dyn Fn(&Seat) -> Result<LaunchSpec, Refusal> + Send + Sync>;

/// What can be asked of an instance.
pub enum Command {
    Want,
    Prepared(Recipe),
    Unprepared {
        cause: Cause,
        detail: String,
    },
    /// The gateway saw this launch break: look now instead of at the next probe.
    Look {
        generation: u64,
    },
    Drained {
        generation: u64,
    },
    Stop,
    Kill,
}

/// What an instance asks of the one who reconciles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Prepare,
    /// Tell, by [`Command::Drained`], when no request to this launch is in flight.
    Drain {
        generation: u64,
    },
}

/// What is published of an instance. One writer, its actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub name: String,
    /// A name of [`super::lifecycle::State::NAMES`].
    pub state: String,
    /// Counts launches: a request that broke on one generation is retried on a later one.
    pub generation: u64,
    /// Where a ready child answers.
    #[serde(skip)]
    pub seat: Option<Arc<Seat>>,
    pub pid: Option<u32>,
    /// The launch on disk, which also names its processes.
    #[serde(skip)]
    pub record: Option<Arc<Record>>,
    /// When this state was entered.
    #[serde(with = "crate::stamp")]
    pub since: SystemTime,
    pub restarts: u32,
    /// Why it last failed.
    pub cause: Option<Cause>,
    pub detail: Option<String>,
    /// From the start of the child to its first token.
    pub ready_after_ms: Option<u64>,
    /// When it is started again, if it waits for that.
    #[serde(with = "crate::stamp::option")]
    pub retry: Option<SystemTime>,
}

impl Snapshot {
    pub fn is_absent(&self) -> bool {
        self.state == State::Absent.name()
    }

    pub fn is_ready(&self) -> bool {
        self.state == State::Ready.name()
    }

    pub fn is_failed(&self) -> bool {
        self.state == State::Failed { cause: Cause::Crash, retry: None }.name()
    }

    pub fn new(name: &str) -> Snapshot {
        Snapshot {
            name: name.to_owned(),
            state: State::Absent.name().to_owned(),
            generation: 0,
            seat: None,
            pid: None,
            record: None,
            since: SystemTime::now(),
            restarts: 0,
            cause: None,
            detail: None,
            ready_after_ms: None,
            retry: None,
        }
    }
}

/// The handle.
#[derive(Clone)]
pub struct Instance {
    pub name: String,
    /// What its launches printed.
    pub logs: Logs,
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) snapshot: watch::Receiver<Snapshot>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Instance {
    /// A command to an actor that has ended does nothing: its last snapshot says so.
    pub fn send(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.borrow().clone()
    }

    /// Main memory that its processes hold now. Reads the process table.
    pub fn memory(&self) -> Option<Bytes> {
        let record = self.snapshot.borrow().record.clone()?;
        GroupMemory::of(&record).ok().map(|memory| memory.resident)
    }

    /// To follow the snapshots.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// Waits until the predicate holds; returns the last snapshot also when the actor has ended.
    pub async fn until(&self, holds: impl FnMut(&Snapshot) -> bool) -> Snapshot {
        let mut snapshot = self.snapshot.clone();
        match snapshot.wait_for(holds).await {
            Ok(found) => found.clone(),
            Err(_) => self.snapshot(),
        }
    }
}
