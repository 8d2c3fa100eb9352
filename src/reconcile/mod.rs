//! Reconciliation: what shall run (the profile) against what runs (the snapshots). It alone joins plan, launch and
//! supervise, and publishes to the gateway where each model answers.
//!
//! ```text
//! Profile ─▶ Desired { Wish } ─▶ preparer ─▶ Prepared ─▶ instance
//!                                   ▲  task: one loop  │
//!                                   └── notices ◀──────┘─▶ snapshots ─▶ routes, status, happenings
//! ```

pub mod prepare;
pub mod preparer;
pub mod publish;
pub mod recorder;
pub mod repositories;
pub mod subjects;
pub mod task;

mod desired;

use std::net::SocketAddr;

pub use desired::{Desired, Wish};

use crate::launch::{SweepError, Swept};
use crate::supervise::Snapshot;

/// What is worth telling whoever started the daemon.
#[derive(Debug)]
pub enum Happening {
    /// Processes that a killed daemon had left.
    Swept(Vec<Result<Swept, SweepError>>),
    Listening(SocketAddr),
    Prepared(Box<prepare::Prepared>),
    /// A wish can't be started as things are.
    Refused {
        id: String,
        error: prepare::PrepareError,
    },
    Changed(Snapshot),
}

/// What the daemon is ordered to do; a later one is stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    Run,
    /// Drain, stop everything, end.
    Stop,
    /// Stop everything at once, end.
    Kill,
}
