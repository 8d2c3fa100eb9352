//! LaunchSpec in, contained child process out. Knows nothing of engines, models or plans.
//!
//! A child is held by three belts, so that nothing that it starts can outlive it unseen:
//! its own process group, a cgroup v2 of its own where the machine allows one, and the mark
//! `EDGEORCH_LAUNCH=<nonce>` in its environment, which every descendant inherits. Should the daemon be
//! killed, the parent-death signal ends the child, and the record on disk lets the next daemon find the rest.

mod cgroup;
mod child;
mod error;
mod logs;
mod members;
mod memory;
mod nonce;
mod ports;
mod process;
mod program;
mod record;
mod sockets;
mod spawn;
mod sweep;

pub use cgroup::NoCgroup;
pub(crate) use child::exit_of;
pub use child::{Child, Containment};
pub use error::SpawnError;
pub use logs::{Limits, Line, Logs};
pub use memory::{GroupMemory, OomWatch};
pub use nix::sys::signal::Signal;
pub use nonce::{BadNonce, Nonce};
pub use ports::Ports;
pub(crate) use program::check as check_program;
pub use record::{Leader, Record, RecordError, Records};
pub use sockets::listens;
pub use spawn::Launcher;
pub(crate) use spawn::scrub;
pub use sweep::{SweepError, Swept, sweep, verify_gone};

#[cfg(test)]
mod tests;
