//! A running child: how to wait for it, signal it, and make sure that nothing of it is left.
//!
//! After [`Child::wait`] the leader is gone but its descendants may not be: every launch ends with
//! [`Child::kill_all`], also when the child has ended by itself. A child that is dropped without it is killed on the
//! spot, and unless it was seen to be gone its record stays, so that the next sweep can check.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use edgeorch_engines::Exit;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::cgroup::{Cgroup, NoCgroup};
use super::logs::{Capture, Logs};
use super::members::members;
use super::memory::{GroupMemory, OomWatch};
use super::record::{Leader, Record, Records};
use super::spawn::Launcher;
use super::sweep::{SweepError, release, release_now, verify_gone};

/// How long the pipes are read after the child's end. What it wrote itself is there at once; a descendant that
/// holds them open could keep them for ever.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long the kernel may take to end processes after SIGKILL: freeing many GiB, or GPU memory, takes seconds.
const KILL_PATIENCE: Duration = Duration::from_secs(10);

/// What holds the child together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Containment {
    /// Its own cgroup, beside the process group.
    Cgroup(PathBuf),
    /// The process group alone, and why.
    GroupOnly(NoCgroup),
}

impl Containment {
    pub fn cgroup(&self) -> Option<&Path> {
        match self {
            Containment::Cgroup(dir) => Some(dir),
            Containment::GroupOnly(_) => None,
        }
    }
}

#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    leader: Leader,
    /// Set once the leader has been reaped: from then on its pid may be a stranger's.
    exit: Option<Exit>,
    /// Whether it is known that nothing is left.
    is_settled: bool,
    record: Record,
    records: Records,
    containment: Containment,
    oom: OomWatch,
    capture: Capture,
    /// Keeps the spawning thread alive, whose end the kernel would take for the daemon's.
    _launcher: Launcher,
}

/// What a launch hands over.
pub(super) struct Parts {
    pub process: tokio::process::Child,
    pub leader: Leader,
    pub record: Record,
    pub records: Records,
    pub containment: Containment,
    pub oom: OomWatch,
    pub logs: Logs,
    pub launcher: Launcher,
}

impl Child {
    pub(super) fn new(parts: Parts) -> Child {
        let mut process = parts.process;
        let capture = parts.logs.capture(process.stdout.take(), process.stderr.take());
        Child {
            process,
            leader: parts.leader,
            exit: None,
            is_settled: false,
            record: parts.record,
            records: parts.records,
            containment: parts.containment,
            oom: parts.oom,
            capture,
            _launcher: parts.launcher,
        }
    }

    /// Also the id of its process group.
    pub fn pid(&self) -> u32 {
        self.leader.pid
    }

    /// Clock ticks since boot; none where there is no procfs.
    pub fn start_time(&self) -> Option<u64> {
        self.leader.start_time
    }

    /// What is known of the launch on disk; [`verify_gone`] and [`GroupMemory::of`] take it.
    pub fn record(&self) -> &Record {
        &self.record
    }

    pub fn containment(&self) -> &Containment {
        &self.containment
    }

    /// The last lines that it printed, oldest first, at most 200. Complete once [`Child::wait`] has returned.
    pub fn last_lines(&self) -> Vec<String> {
        self.capture.lines()
    }

    /// Main memory of all its processes. Reads `/proc` at once; fails where that can't be read.
    pub fn memory(&self) -> io::Result<GroupMemory> {
        GroupMemory::of(&self.record)
    }

    /// Whether the OOM killer has been at work since the launch; see [`OomWatch::has_fired`].
    pub fn oom_has_fired(&self) -> Option<bool> {
        self.oom.has_fired()
    }

    /// Waits until the child itself has ended and its last words are read. May be dropped and called again.
    /// Fails only if something else in this process has reaped the child.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        let exit = self.reap().await?;
        self.capture.finish(LAST_WORDS).await;
        Ok(exit)
    }

    /// Sends to every process of the group. That it has none left is no error.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let sent = match self.exit {
            None => killpg(group(self.leader), signal),
            // The group's id is free for others now: only processes that are surely ours get the signal.
            Some(_) => {
                return members(&self.record).map(|left| signal_each(left.iter().map(|p| p.pid), signal));
            }
        };
        match sent {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// SIGKILL to everything that belongs to the launch, until nothing is left; then cgroup and record are removed.
    pub async fn kill_all(&mut self) -> Result<(), SweepError> {
        self.kill_now();
        // Should it hang in the kernel, the check below is what says so.
        let _ = tokio::time::timeout(KILL_PATIENCE, self.reap()).await;
        self.capture.finish(LAST_WORDS).await;
        verify_gone(&self.record, KILL_PATIENCE).await?;
        self.is_settled = true;
        release(&self.record, &self.records).await
    }

    async fn reap(&mut self) -> io::Result<Exit> {
        if let Some(exit) = self.exit {
            return Ok(exit);
        }
        let exit = exit_of(self.process.wait().await?);
        self.exit = Some(exit);
        Ok(exit)
    }

    /// Kills without waiting: first what can be named at once, then what has left the group.
    fn kill_now(&self) {
        let is_killed = self.containment.cgroup().is_some_and(|dir| Cgroup::at(dir).kill().is_ok());
        if !is_killed && self.exit.is_none() {
            let _ = killpg(group(self.leader), Signal::SIGKILL);
        }
        if let Ok(left) = members(&self.record) {
            signal_each(left.iter().map(|process| process.pid), Signal::SIGKILL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        self.kill_now();
        // What was ended only now takes its time to go, and its record is left to the next sweep.
        let is_gone = self.exit.is_some() && members(&self.record).is_ok_and(|left| left.is_empty());
        if is_gone && let Err(error) = release_now(&self.record, &self.records) {
            tracing::warn!(%error, "traces of a child that is gone are left to the next start");
        }
    }
}

/// A pid that is gone meanwhile is what was wanted.
pub(super) fn signal_each(pids: impl Iterator<Item = u32>, signal: Signal) {
    for pid in pids {
        let _ = kill(pid_of(pid), signal);
    }
}

fn group(leader: Leader) -> Pid {
    pid_of(leader.pid)
}

/// Linux pids end at 2^22, other systems' below 2^31.
fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed())
}

pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (_, Some(signal)) => Exit::Signal(signal),
        (code, None) => Exit::Code(code.unwrap_or_default()),
    }
}
