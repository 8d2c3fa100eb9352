//! Which pip to use: the first that answers `--version`.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::time::timeout;

use super::super::{FetchError, Fetcher};

/// uv has no download command of its own; it can run pip, which it may have to fetch first: the last resort.
const CANDIDATES: [(&str, &[&str]); 4] =
    [("python3", &["-m", "pip"]), ("pip3", &[]), ("pip", &[]), ("uv", &["tool", "run", "pip"])];

/// The first version with `--progress-bar=raw` (pip's changelog, 24.1).
const RAW_PROGRESS: (u32, u32) = (24, 1);

#[derive(Clone, Debug)]
pub(super) struct Pip {
    program: PathBuf,
    before: &'static [&'static str],
    version: (u32, u32),
}

impl Pip {
    pub async fn find(fetcher: &Fetcher) -> Result<Pip, FetchError> {
        let mut tried = Vec::new();
        for (name, before) in CANDIDATES {
            let Some(program) = which(name, &fetcher.search_path) else { continue };
            let pip = Pip { program, before, version: (0, 0) };
            match pip.ask_version(fetcher).await {
                Ok(version) => return Ok(Pip { version, ..pip }),
                Err(why) => tried.push(format!("{} ({why})", pip.shown())),
            }
        }
        Err(FetchError::NoPip { tried })
    }

    /// Debian has python3 without its pip module: an answer counts, not the program's being there.
    async fn ask_version(&self, fetcher: &Fetcher) -> Result<(u32, u32), String> {
        let mut command = self.command(fetcher);
        let asked = timeout(fetcher.patience.pip, command.arg("--version").output());
        let answer = match asked.await {
            Err(_) => return Err("it does not answer".to_owned()),
            Ok(Err(cause)) => return Err(cause.to_string()),
            Ok(Ok(answer)) => answer,
        };
        match parse_version(&String::from_utf8_lossy(&answer.stdout)) {
            Some(version) if answer.status.success() => Ok(version),
            _ => {
                let said = String::from_utf8_lossy(&answer.stderr);
                Err(said.trim().lines().next_back().unwrap_or("it tells no version").trim().to_owned())
            }
        }
    }

    pub fn command(&self, fetcher: &Fetcher) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(self.before)
            .env("PATH", &fetcher.search_path)
            // Its lines are read by us: they must be whole, plain, at once, and in English.
            .env("PYTHONUNBUFFERED", "1")
            .env("NO_COLOR", "1")
            // Nothing gets installed, so that a rule about where to install doesn't matter.
            .env("PIP_REQUIRE_VIRTUALENV", "false")
            .envs(fetcher.pip_env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    pub fn tells_progress(&self) -> bool {
        self.version >= RAW_PROGRESS
    }

    /// As a person would type it.
    pub fn shown(&self) -> String {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.before.iter().fold(name, |text, word| format!("{text} {word}"))
    }
}

/// `pip 23.2.1 from /usr/lib/…` → (23, 2).
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("pip ")?.split_whitespace().next()?.split('.');
    let mut number = || parts.next()?.parse().ok();
    Some((number()?, number().unwrap_or(0)))
}

fn which(name: &str, search_path: &OsStr) -> Option<PathBuf> {
    env::split_paths(search_path).map(|dir| dir.join(name)).find(|path| {
        path.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_pip_prints() {
        assert_eq!(parse_version("pip 23.2.1 from /usr/lib/python3 (python 3.11)"), Some((23, 2)));
        assert_eq!(parse_version("pip 26 from /x"), Some((26, 0)));
        assert_eq!(parse_version("Python 3.11"), None);
    }
}
