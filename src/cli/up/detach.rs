//! `up --detach`: the daemon is a process of its own session. Until its models are ready it talks to the user's
//! terminal; then it closes its end of a pipe, which is what the first process waits for, and writes to a file.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Exit, Failure, block_on, terminal};
use crate::home::{self, Home};

/// Starts the background process and returns when it is ready, or with its failure.
pub(super) fn start(profile: &Path) -> Result<(), Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["up", "--detached", "-f"]).arg(profile);
    // A group of its own, so that Ctrl-C reaches this process alone, which passes it on: see `forward`.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
    let mut child = command.spawn()?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let output = child.stdout.take();
    block_on(async {
        let relay = tokio::task::spawn_blocking(move || relay(output));
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terms = signal(SignalKind::terminate())?;
        let mut relay = std::pin::pin!(relay);
        loop {
            tokio::select! {
                _ = &mut relay => return Ok(()),
                Some(()) = interrupts.recv() => drop(kill(pid, Signal::SIGINT)),
                Some(()) = terms.recv() => drop(kill(pid, Signal::SIGTERM)),
            }
        }
    })?
    .map_err(|error: std::io::Error| Failure::from(error))?;
    // The pipe is closed either because it is ready or because it has ended.
    match child.try_wait()? {
        None => Ok(()),
        Some(status) => Err(Failure::silent(exit(status.code()))),
    }
}

fn relay(output: Option<impl std::io::Read>) {
    let Some(output) = output else { return };
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        terminal::print(&format!("{line}\n"));
    }
}

fn exit(code: Option<i32>) -> Exit {
    match code {
        Some(2) => Exit::Usage,
        Some(3) => Exit::DoesNotFit,
        Some(4) => Exit::NotFound,
        Some(5) => Exit::Refused,
        Some(130) => Exit::Interrupted,
        _ => Exit::Failed,
    }
}

/// In the background process: no terminal any more, output to a file.
pub(super) fn leave_terminal(home: &Home) -> Result<(), Failure> {
    let path = home.logs().join("daemon.log");
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
    eprintln!("It goes on in the background; its own messages are in {}.", home::display(&path));
    let _ = nix::unistd::setsid();
    nix::unistd::dup2_stderr(&log)?;
    nix::unistd::dup2_stdout(&log)?;
    Ok(())
}
