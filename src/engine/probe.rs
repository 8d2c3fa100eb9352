//! What a program says of itself: `--help` decides which flags may be used, `--version` is shown to people. Cached by
//! path, size and modification time, because a help text costs a start of the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

use edgeorch_engines::manifest::Manifest;
use edgeorch_engines::{Binary, Exit};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::{EngineError, Found};
use crate::chain::chain;
use crate::launch::{self, SpawnError, exit_of};

/// A program that hasn't printed its flags by then never will.
const PATIENCE: Duration = Duration::from_secs(20);
/// llama-server's help has 59 KB.
const LONGEST: u64 = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cached {
    size: u64,
    mtime_ns: u128,
    help: String,
    version: Option<String>,
}

type Cache = BTreeMap<PathBuf, Cached>;

/// Asks the program, or the cache in `engines`.
///
/// # Errors
/// [`EngineError::NotRunnable`] with the reason: not there, not executable, another architecture, killed by SIGILL, no
/// flags in what it prints.
pub async fn ask(found: &Found, manifest: &Manifest, engines: &Path) -> Result<Binary, EngineError> {
    let fail = |why: String| EngineError::NotRunnable { program: found.program.clone(), why };
    let facts = found.program.metadata().map_err(|error| fail(error.to_string()))?;
    let mtime = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let key = (facts.len(), mtime.map_or(0, |time| time.as_nanos()));

    let path = engines.join("help-cache.json");
    let mut cache = load(&path);
    let known = cache.get(&found.program).filter(|cached| (cached.size, cached.mtime_ns) == key).cloned();
    let cached = match known {
        Some(cached) => cached,
        None => {
            let help = run(found, &manifest.help).await.map_err(fail)?;
            if !help.lines().any(|line| line.trim_start().starts_with('-')) {
                return Err(fail(format!("`{}` prints no flags", manifest.help.join(" "))));
            }
            let version = run(found, &manifest.version).await.map_err(fail)?;
            let version = version.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned);
            let cached = Cached { size: key.0, mtime_ns: key.1, help, version };
            cache.insert(found.program.clone(), cached.clone());
            store(&path, &cache);
            cached
        }
    };
    Ok(Binary {
        program: found.program.clone(),
        help: cached.help,
        version: cached.version,
        library_path: found.library_path.clone(),
    })
}

fn load(path: &Path) -> Cache {
    std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// A cache that can't be written costs time, nothing else.
fn store(path: &Path, cache: &Cache) {
    let Ok(bytes) = serde_json::to_vec(cache) else { return };
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    if std::fs::write(&partial, bytes).and_then(|()| std::fs::rename(&partial, path)).is_err() {
        let _ = std::fs::remove_file(&partial);
    }
}

/// stdout and stderr together: llama-server prints its version to stderr.
async fn run(found: &Found, arguments: &[String]) -> Result<String, String> {
    // The C library would feed a file that the kernel does not know to a shell.
    let program = launch::check(&found.program).map_err(|error| chain(&error))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(libraries) = &found.library_path {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let mut child = command.spawn().map_err(|error| chain(&SpawnError::from_exec(&found.program, error)))?;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read = async {
        let read_out = async {
            match stdout {
                Some(pipe) => pipe.take(LONGEST).read_to_end(&mut out).await.map(drop),
                None => Ok(()),
            }
        };
        let read_err = async {
            match stderr {
                Some(pipe) => pipe.take(LONGEST).read_to_end(&mut err).await.map(drop),
                None => Ok(()),
            }
        };
        let (first, second) = tokio::join!(read_out, read_err);
        first.and(second)?;
        child.wait().await
    };
    let name = arguments.join(" ");
    let status = match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Err(format!("`{name}`: {error}")),
        Err(_) => return Err(format!("`{name}` did not end within {} s", PATIENCE.as_secs())),
    };
    let text = String::from_utf8_lossy(&[out, err].concat()).into_owned();
    match exit_of(status) {
        Exit::Code(0) => Ok(text),
        Exit::Signal(4) => {
            Err(format!("`{name}` dies of an illegal instruction: this build needs a newer CPU"))
        }
        Exit::Signal(signal) => Err(format!("`{name}` dies of signal {signal}")),
        Exit::Code(code) => {
            let last =
                text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it prints nothing");
            Err(format!("`{name}` ends with {code}: {last}"))
        }
    }
}
