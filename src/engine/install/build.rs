//! cmake, with its percentages as progress and its last lines as the cause of a failure.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

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

impl Build<'_> {
    /// Configures and builds with `jobs` compilers at once.
    pub(super) async fn run(&self, jobs: u32, progress: &dyn Progress) -> Result<(), String> {
        progress.started("building with cmake (minutes; kept for the next start)", None);
        let mut configure = cmake(&self.source);
        configure.arg("-S").arg(&self.source).arg("-B").arg(&self.build).args(self.cmake);
        watch(configure, "cmake's configuration", progress).await?;
        let mut build = cmake(&self.source);
        build
            .arg("--build")
            .arg(&self.build)
            .arg("--parallel")
            .arg(jobs.to_string())
            .arg("--target")
            .args(self.targets);
        watch(build, "the build", progress).await?;
        progress.finished();
        Ok(())
    }
}

fn cmake(folder: &Path) -> Command {
    let mut command = Command::new("cmake");
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    // One stream, in order: cmake prints errors of compilers to either. The shell-free way is to give both the same pipe.
    command.process_group(0);
    command
}

async fn watch(mut command: Command, what: &str, progress: &dyn Progress) -> Result<(), String> {
    let (reader, writer) = std::io::pipe().map_err(|error| error.to_string())?;
    let second = writer.try_clone().map_err(|error| error.to_string())?;
    let mut child =
        command.stdout(writer).stderr(second).spawn().map_err(|error| format!("cmake: {error}"))?;
    // The command still holds the writing ends: without this the pipe never ends.
    drop(command);
    let group = Group(child.id());
    let mut lines =
        BufReader::new(tokio::fs::File::from_std(std::fs::File::from(std::os::fd::OwnedFd::from(reader))))
            .lines();
    let mut last = VecDeque::with_capacity(SHOWN);
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(percent) = percent(&line) {
            progress.message(percent);
        }
        if last.len() == SHOWN {
            last.pop_front();
        }
        last.push_back(line);
    }
    let status = child.wait().await.map_err(|error| error.to_string())?;
    group.done();
    if status.success() {
        return Ok(());
    }
    let shown = last.iter().map(|line| format!("\n      {line}")).collect::<String>();
    Err(format!("{what} failed; it ended with{shown}"))
}

/// `[ 48%]` of `[ 48%] Building CXX object …`.
fn percent(line: &str) -> Option<&str> {
    let end = line.find("%]")?;
    line.starts_with('[').then(|| line[1..=end].trim())
}

/// cmake's compilers are ended with it when the build is given up.
struct Group(Option<u32>);

impl Group {
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0.and_then(|pid| i32::try_from(pid).ok()) {
            let _ =
                nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read_from_both_generators_lines() {
        assert_eq!(percent("[ 48%] Building CXX object common/x.cpp.o"), Some("48%"));
        assert_eq!(percent("[100%] Built target llama-server"), Some("100%"));
        assert_eq!(percent("-- Found Threads: TRUE"), None);
    }
}
