//! cmake, with its percentages as progress and its last lines as the cause of a failure.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use edgeorch_engines::{Bytes, Host};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::process::Command;

use super::super::find::executable;
use crate::progress::Progress;

/// A source tree to be built.
pub(super) struct Build<'a> {
    pub(super) source: PathBuf,
    pub(super) build: PathBuf,
    pub(super) cmake: &'a [String],
    pub(super) targets: &'a [String],
}

/// Lines of the output that a failure shows.
const SHOWN: usize = 12;
/// What one compiler may take: llama.cpp's larger C++ files need most of it.
const PER_COMPILER: Bytes = Bytes::gib(1);

/// How many compilers may run at once without driving a small machine into its swap.
pub(super) fn jobs(host: &Host) -> u64 {
    let by_memory = host.memory.usable().0 / PER_COMPILER.0;
    by_memory.min(u64::from(host.cpu.usable_cores)).max(1)
}

impl Build<'_> {
    /// Configures and builds with `jobs` compilers at once.
    pub(super) async fn run(
        &self,
        search_path: &OsStr,
        jobs: u64,
        progress: &dyn Progress,
    ) -> Result<(), String> {
        progress.note("Building from source: this takes minutes, once.");
        progress.started("building with cmake", None);
        let mut configure = self.cmake(search_path);
        configure.arg("-S").arg(&self.source).arg("-B").arg(&self.build).args(self.cmake);
        if executable("make", search_path).is_none() {
            // cmake looks for make alone unless told otherwise.
            configure.args(["-G", "Ninja"]);
        }
        watch(configure, "cmake's configuration", progress).await?;
        let mut build = self.cmake(search_path);
        build.arg("--build").arg(&self.build);
        build.arg("--parallel").arg(jobs.to_string()).arg("--target").args(self.targets);
        watch(build, "the build", progress).await?;
        progress.finished();
        Ok(())
    }

    fn cmake(&self, search_path: &OsStr) -> Command {
        let mut command = Command::new("cmake");
        command.current_dir(&self.source).env("PATH", search_path).stdin(Stdio::null());
        // A repository that the home happens to lie in is not the engine's: its commit must not become the version.
        if let Some(above) = self.source.parent() {
            command.env("GIT_CEILING_DIRECTORIES", above);
        }
        command
    }
}

async fn watch(command: Command, what: &str, progress: &dyn Progress) -> Result<(), String> {
    let mut last = VecDeque::with_capacity(SHOWN);
    let ended = follow(command, |line| {
        if let Some(percent) = percent(&line) {
            progress.reached(percent);
        }
        if last.len() == SHOWN {
            last.pop_front();
        }
        last.push_back(line);
    });
    let status = ended.await.map_err(|error| format!("cmake can't be run: {error}"))?;
    if status.success() {
        return Ok(());
    }
    let shown: String = last.iter().map(|line| format!("\n      {line}")).collect();
    Err(format!("{what} failed; its last lines:{shown}"))
}

/// Runs the command to its end, and hands over what it prints. stdout and stderr share one pipe, so that a compiler's
/// message stands where it belongs.
async fn follow(mut command: Command, mut each: impl FnMut(String)) -> io::Result<ExitStatus> {
    let (writer, reader) = pipe::pipe()?;
    let writer = writer.into_blocking_fd()?;
    command.stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let mut child = command.kill_on_drop(true).spawn()?;
    // The command still holds the writing ends: without this the pipe never ends.
    drop(command);
    let mut group = Group(child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw));
    let mut lines = BufReader::new(reader).split(b'\n');
    while let Some(line) = lines.next_segment().await? {
        each(String::from_utf8_lossy(&line).trim_end().to_owned());
    }
    let status = child.wait().await;
    // Reaped: the number may be another's soon.
    group.0 = None;
    status
}

/// 48 of `[ 48%] Building CXX object …`, or of ninja's `[12/25] …`.
fn percent(line: &str) -> Option<u8> {
    let (count, _) = line.strip_prefix('[')?.split_once(']')?;
    if let Some(percent) = count.strip_suffix('%') {
        return percent.trim().parse().ok().filter(|percent| *percent <= 100);
    }
    let (done, all) = count.split_once('/')?;
    let (done, all): (u32, u32) = (done.parse().ok()?, all.parse().ok()?);
    u8::try_from(done.checked_mul(100)?.checked_div(all)?).ok().filter(|percent| *percent <= 100)
}

/// cmake's compilers are ended with it when the build is given up.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It fails only where the group is gone already.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_from_both_generators_lines() {
        assert_eq!(percent("[ 48%] Building CXX object common/x.cpp.o"), Some(48));
        assert_eq!(percent("[100%] Built target llama-server"), Some(100));
        assert_eq!(percent("[12/25] Building C object x.o"), Some(48));
        for other in ["-- Found Threads: TRUE", "[]", "[1/0] x", "[101%] x", "[Makefile] x"] {
            assert_eq!(percent(other), None, "{other}");
        }
    }

    #[test]
    fn a_small_machine_compiles_one_file_at_a_time() {
        let mut host: Host =
            serde_json::from_str(include_str!("../../../engines/contract/host.example.json")).unwrap();
        host.cpu.usable_cores = 4;
        host.memory.limit = None;
        let mut with = |available| {
            host.memory.available = Some(available);
            jobs(&host)
        };
        assert_eq!((with(Bytes::mib(700)), with(Bytes::gib(3)), with(Bytes::gib(64))), (1, 3, 4));
    }
}
