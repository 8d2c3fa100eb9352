//! What a killed daemon left, and the check after every stop that no descendant is left.
//!
//! Children of a daemon that is gone are ended and not adopted: a new daemon is not their parent, so it could neither
//! wait for them nor read their pipes, and would supervise an engine whose end and whose errors it can't see. Their
//! weights are still in the page cache, so the fresh start is a warm one.
//!
//! None of these processes is a child of ours, and the kernel tells of no stranger's end: so the process table is
//! read again and again, at growing intervals.

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::cgroup::Cgroup;
use super::child::signal_each;
use super::members;
use super::process::Process;
use super::record::{Record, RecordError, Records};

/// How long processes of a dead daemon may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// And after SIGKILL, in which the kernel frees their memory.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at the process table, at first and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

/// A launch of a dead daemon of which something was still running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swept {
    pub name: String,
    /// The processes that were ended, ascending.
    pub pids: Vec<u32>,
}

/// Reads well after "failed to ".
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error(
        "end processes {pids:?} of `{name}`: they survived SIGKILL, so they hang in the kernel; look at `dmesg`, and restart the machine if they stay"
    )]
    Survivors { name: String, pids: Vec<u32> },
    #[error("read the process table: is /proc mounted?")]
    Table {
        #[from]
        source: io::Error,
    },
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Ends whatever recorded launches left running, and forgets them. One that can't be ended does not keep the others
/// from being ended; its record stays, and its error is among the results. For a daemon that has started nothing yet:
/// it would end its own children, too.
pub async fn sweep(records: &Records) -> Result<Vec<Result<Swept, SweepError>>, RecordError> {
    let mut results = Vec::new();
    for record in records.list()? {
        match end(&record, records).await {
            Ok(pids) if pids.is_empty() => {}
            Ok(pids) => results.push(Ok(Swept { name: record.name, pids })),
            Err(error) => results.push(Err(error)),
        }
    }
    Ok(results)
}

/// Proves that no process of the launch is left, killing any that is. Fails after `patience`.
pub async fn verify_gone(record: &Record, patience: Duration) -> Result<(), SweepError> {
    let left =
        signal_until_gone(record, Signal::SIGKILL, Repeat::EachLook, patience, &mut BTreeSet::new()).await?;
    if left.is_empty() {
        Ok(())
    } else {
        Err(SweepError::Survivors { name: record.name.clone(), pids: left })
    }
}

/// Removes what a launch leaves in the cgroup tree and on disk. Only for one of which nothing runs any more.
pub(super) async fn release(record: &Record, records: &Records) -> Result<(), SweepError> {
    let (record, records) = (record.clone(), records.clone());
    tokio::task::spawn_blocking(move || release_now(&record, &records)).await.map_err(io::Error::other)?
}

/// The same where blocking does no harm. As long as the cgroup can't be removed, the record stays to remember it.
pub(super) fn release_now(record: &Record, records: &Records) -> Result<(), SweepError> {
    if let Some(dir) = &record.cgroup
        && let Err(error) = Cgroup::at(dir).remove()
    {
        tracing::debug!(%error, cgroup = %dir.display(), "empty cgroup is left to the next sweep");
        return Ok(());
    }
    Ok(records.remove(&record.nonce)?)
}

async fn end(record: &Record, records: &Records) -> Result<Vec<u32>, SweepError> {
    let mut seen = BTreeSet::new();
    // One SIGTERM only: llama-server takes the second one as an order to break off at once.
    signal_until_gone(record, Signal::SIGTERM, Repeat::Once, GRACE, &mut seen).await?;
    let left = signal_until_gone(record, Signal::SIGKILL, Repeat::EachLook, PATIENCE, &mut seen).await?;
    if !left.is_empty() {
        return Err(SweepError::Survivors { name: record.name.clone(), pids: left });
    }
    release(record, records).await?;
    Ok(seen.into_iter().collect())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// To each process when it is first seen.
    Once,
    /// To all that are left, at each look: something may fork while it is being killed.
    EachLook,
}

/// Returns the processes that are left at the deadline; all that were met go into `seen`.
async fn signal_until_gone(
    record: &Record,
    signal: Signal,
    repeat: Repeat,
    patience: Duration,
    seen: &mut BTreeSet<u32>,
) -> Result<Vec<u32>, SweepError> {
    let deadline = Instant::now() + patience;
    let mut pause = LOOK.0;
    loop {
        let left: Vec<u32> = look(record).await?.iter().map(|process| process.pid).collect();
        if left.is_empty() || Instant::now() >= deadline {
            return Ok(left);
        }
        let is_due = |pid: &u32| repeat == Repeat::EachLook || !seen.contains(pid);
        signal_each(left.iter().copied().filter(is_due), signal);
        seen.extend(&left);
        tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
        pause = (pause * 2).min(LOOK.1);
    }
}

/// Reads the process table off the runtime's own threads: it takes milliseconds.
async fn look(record: &Record) -> io::Result<Vec<Process>> {
    let record = record.clone();
    tokio::task::spawn_blocking(move || members::members(&record)).await.map_err(io::Error::other)?
}
