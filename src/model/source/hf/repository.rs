//! What a repository holds, for whoever chooses among its models before any is fetched: one listing, and nothing more.

use std::time::Duration;

use tokio::time::timeout;

use super::{Hub, HubError, Listed, Repo, choose, folder};
use crate::model::source::{FetchError, Fetcher};

/// Without a byte. A plan waits for it, and is no worse than before where it does not come.
const STALL: Duration = Duration::from_secs(10);

/// For the whole listing: 16,000 files take some 6 MB, and those of a model's repository some kilobytes.
const DEADLINE: Duration = Duration::from_secs(30);

/// The main branch of a repository, as it was listed.
#[derive(Clone, Debug)]
pub struct Repository {
    files: Vec<Listed>,
}

impl Repository {
    /// Asks the hub. Whoever must stay off the network does not call it.
    ///
    /// # Errors
    /// It is not there, not open to everyone, or the hub can't be asked in time.
    pub async fn ask(name: &str) -> Result<Repository, FetchError> {
        Repository::of(&Hub::new(Fetcher::from_env().hub, STALL), name, DEADLINE).await
    }

    pub(in crate::model) async fn of(
        hub: &Hub,
        name: &str,
        deadline: Duration,
    ) -> Result<Repository, FetchError> {
        let repo = Repo { name, revision: None };
        match timeout(deadline, hub.list(repo)).await {
            Ok(files) => Ok(Repository { files: files? }),
            Err(_) => Err(HubError::Slow { repo: repo.shown(), waited: deadline }.into()),
        }
    }

    /// Whether this word names one model of GGUF, and all its files are there.
    pub fn has(&self, quant: &str) -> bool {
        choose::variant(&self.files, Some(quant)).is_ok()
    }

    /// Its models of GGUF, as each can be asked for.
    pub fn names(&self) -> Vec<String> {
        choose::names(&self.files)
    }

    pub fn is_folder(&self) -> bool {
        folder::files(&self.files).is_some()
    }
}

impl FetchError {
    /// Whether it tells of the repository itself, so that another try would end alike, and not of the way to the hub.
    pub fn is_of_repository(&self) -> bool {
        matches!(self, FetchError::Hub(HubError::Closed { .. } | HubError::NotFound { .. }))
    }
}
