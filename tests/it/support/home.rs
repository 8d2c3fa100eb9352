//! A home of a test's own, with the command line that belongs to it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Engine, processes};

/// Nobody listens on a port that only a system's own services could have.
pub const NO_HUB: &str = "http://127.0.0.1:1";

/// A fresh home in a temporary folder. Its engine is the only one on PATH. Clones share it; the last one to go removes
/// it.
#[derive(Clone)]
pub struct Home {
    folder: Arc<Folder>,
    pub env: Vec<(OsString, OsString)>,
}

impl Home {
    pub fn new(engine: &Engine) -> Home {
        let folder = tempfile::Builder::new().prefix("edgeorch-it-").tempdir().unwrap();
        let mut home = Home { folder: Arc::new(Folder(folder)), env: Vec::new() };
        // No test visits the hub; those that want one set their own.
        home.set("HF_ENDPOINT", NO_HUB);
        std::fs::create_dir(home.path()).unwrap();
        engine.put_into(home)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.0.path().join("home")
    }

    /// Beside the home: profiles, model files.
    pub fn outside(&self) -> &Path {
        self.folder.0.path()
    }

    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.env.push((name.into(), value.into()));
    }

    /// Writes a profile, and gives its path.
    pub fn profile(&self, text: &str) -> PathBuf {
        let path = self.outside().join("profile.yaml");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `edgeorch ARGUMENTS` in this home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgeorch"));
        command.args(arguments).env("EDGEORCH_HOME", self.path()).env_remove("EDGEORCH_LOG");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }
}

struct Folder(tempfile::TempDir);

/// A test that fails must not leave daemons in the background behind, and no test the empty cgroups of a daemon that it
/// killed: no later start in this home will clear them away.
impl Drop for Folder {
    fn drop(&mut self) {
        let home = self.0.path().join("home");
        for pid in processes::of_home(&home) {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
        let mut cgroups = recorded_cgroups(&home.join("children"));
        let deadline = Instant::now() + Duration::from_secs(5);
        // A process that is ending has no environment any more and still holds its cgroup; neither gives an event to
        // one who is not its parent.
        while !cgroups.is_empty() && Instant::now() < deadline {
            cgroups.retain(|cgroup| cgroup.exists() && std::fs::remove_dir(cgroup).is_err());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn recorded_cgroups(children: &Path) -> Vec<PathBuf> {
    let records = std::fs::read_dir(children).into_iter().flatten().flatten();
    let records = records.filter_map(|entry| {
        serde_json::from_slice::<serde_json::Value>(&std::fs::read(entry.path()).ok()?).ok()
    });
    records.filter_map(|record| Some(PathBuf::from(record["cgroup"].as_str()?))).collect()
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
