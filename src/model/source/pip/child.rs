//! pip as a child process: watched by its lines and by the bytes it writes, and killed with its whole group when it
//! stalls or nobody waits for it any more.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use edgeorch_engines::Bytes;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::super::FetchError;
use super::output::{self, Line};
use crate::model::store::disk;
use crate::progress::Progress;

/// How often the bytes on disk are counted.
const COUNT: Duration = Duration::from_millis(250);
/// Lines kept for the error.
const KEPT: usize = 40;

pub(super) enum Ended {
    Well,
    /// With its last lines, oldest first.
    Badly(Vec<String>),
    Stalled(Duration),
}

/// Runs `command`, which writes under `dir`, to its end.
pub(super) async fn run(
    mut command: Command,
    program: &Path,
    dir: &Path,
    patience: Duration,
    progress: &dyn Progress,
) -> Result<Ended, FetchError> {
    let fail = |cause| FetchError::Spawn { program: program.to_owned(), cause };
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(fail)?;
    let mut group = Group::of(child.id());
    let mut stdout = child.stdout.take().map(|pipe| BufReader::new(boxed(pipe)).lines());
    let mut stderr = child.stderr.take().map(|pipe| BufReader::new(boxed(pipe)).lines());
    let mut watch = Watch::new(patience, progress);
    let mut count = interval(COUNT);
    count.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            line = next(&mut stdout) => watch.line(line.map_err(fail)?),
            line = next(&mut stderr) => watch.line(line.map_err(fail)?),
            _ = count.tick() => watch.bytes(disk::size_of(dir)),
            () = sleep_until(watch.deadline) => return Ok(Ended::Stalled(patience)),
            ended = child.wait(), if stdout.is_none() && stderr.is_none() => {
                group.ended();
                let status = ended.map_err(fail)?;
                return Ok(if status.success() { Ended::Well } else { Ended::Badly(watch.lines.into()) });
            }
        }
    }
}

type Lines = tokio::io::Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>;

fn boxed(pipe: impl AsyncRead + Send + Unpin + 'static) -> Box<dyn AsyncRead + Send + Unpin> {
    Box::new(pipe)
}

/// The next line; never ready again once the pipe has ended.
async fn next(lines: &mut Option<Lines>) -> std::io::Result<String> {
    if let Some(open) = lines
        && let Some(line) = open.next_line().await?
    {
        return Ok(line);
    }
    // The loop must see the end: it waits for the child only then.
    if lines.take().is_some() {
        return Ok(String::new());
    }
    std::future::pending().await
}

/// What pip has shown so far, and until when it has to show more.
struct Watch<'a> {
    progress: &'a dyn Progress,
    patience: Duration,
    deadline: Instant,
    lines: VecDeque<String>,
    on_disk: Bytes,
    /// pip counts by itself: then the bytes on disk, which include copies, only prove that it lives.
    tells: bool,
    total: Option<Bytes>,
}

impl<'a> Watch<'a> {
    fn new(patience: Duration, progress: &'a dyn Progress) -> Watch<'a> {
        Watch {
            progress,
            patience,
            deadline: Instant::now() + patience,
            lines: VecDeque::new(),
            on_disk: Bytes::ZERO,
            tells: false,
            total: None,
        }
    }

    fn line(&mut self, line: String) {
        self.deadline = Instant::now() + self.patience;
        match output::parse(&line) {
            Line::Progress { done, total } => {
                self.tells = true;
                if let Some(total) = total.filter(|total| self.total != Some(*total)) {
                    self.progress.sized(total);
                    self.total = Some(total);
                }
                self.progress.advanced(done);
            }
            Line::Text("") => {}
            Line::Text(_) => {
                if self.lines.len() == KEPT {
                    self.lines.pop_front();
                }
                self.lines.push_back(line);
            }
        }
    }

    fn bytes(&mut self, on_disk: Bytes) {
        if on_disk == self.on_disk {
            return;
        }
        self.on_disk = on_disk;
        self.deadline = Instant::now() + self.patience;
        if !self.tells {
            self.progress.advanced(on_disk);
        }
    }
}

/// pip's process group: build tools that it starts die with it.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: Option<u32>) -> Group {
        Group(leader.and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    /// The leader is reaped: its number may be another's soon, and must not be signalled.
    fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails only where the group is gone already.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
