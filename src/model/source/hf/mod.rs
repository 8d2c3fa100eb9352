//! `hf:`: what a repository of the Hugging Face hub, or of a mirror of it, holds, and which of its files is meant.
//!
//! ```text
//! GET /api/models/ORG/REPO/tree/REVISION?recursive=true   names, sizes, and the SHA-256 of what git keeps outside (LFS)
//! GET /ORG/REPO/resolve/REVISION/PATH                     the file itself; the hub redirects to where it lies
//! ```
//!
//! `HF_ENDPOINT` names a mirror, as it does for the hub's own tools. No token is ever sent: a profile with a secret in
//! the environment could otherwise leak it to whatever address a mirror redirects to.

pub(in crate::model) mod choose;
mod error;
pub(in crate::model) mod folder;
mod listing;
mod locate;
mod repository;

use std::time::Duration;

use reqwest::{Client, Response, Url, header};
use tokio::time::timeout;

use super::{FetchError, https};
pub use choose::ChoiceError;
pub use error::HubError;
pub(in crate::model) use listing::Listed;
pub(super) use locate::{Form, Located, Wanted};
pub use repository::Repository;

/// The hub itself, where `HF_ENDPOINT` names no mirror.
const HUB: &str = "https://huggingface.co";

/// A repository's main branch has this name on the hub.
const MAIN: &str = "main";

/// Pages of one listing. The hub puts a thousand files on a page; no model has more than one.
const MAX_PAGES: usize = 16;

/// Files of one listing: as many as those pages have.
const MAX_FILES: usize = MAX_PAGES * 1000;

/// Bytes of one page. A thousand files take some 400 KB.
const MAX_PAGE: usize = 8 << 20;

/// A hub: where it is, and how long to wait for it.
#[derive(Clone, Debug)]
pub(in crate::model) struct Hub {
    endpoint: String,
    patience: Duration,
}

/// One revision of a repository.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Repo<'a> {
    pub name: &'a str,
    pub revision: Option<&'a str>,
}

impl Repo<'_> {
    fn revision(&self) -> &str {
        self.revision.unwrap_or(MAIN)
    }

    pub(in crate::model) fn shown(&self) -> String {
        let revision = self.revision.map(|revision| format!("@{revision}")).unwrap_or_default();
        format!("hf:{}{revision}", self.name)
    }
}

/// The hub's address, from what `HF_ENDPOINT` holds.
pub(super) fn endpoint(variable: Option<String>) -> String {
    variable.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| HUB.to_owned())
}

impl Hub {
    pub(in crate::model) fn new(endpoint: String, patience: Duration) -> Hub {
        Hub { endpoint, patience }
    }

    /// All files of a repository.
    ///
    /// # Errors
    /// It is not there, not open to everyone, or the hub can't be asked.
    pub(in crate::model) async fn list(&self, repo: Repo<'_>) -> Result<Vec<Listed>, FetchError> {
        let first = self.listing_url(repo)?;
        let client = https::client(&first, self.patience)?;
        let (mut url, mut files) = (first, Vec::new());
        for _ in 0..MAX_PAGES {
            let response = self.ask(&client, &url, repo).await?;
            let next =
                response.headers().get(header::LINK).and_then(|link| listing::next(link.to_str().ok()?));
            let page = self.page(response, repo).await?;
            files.extend(
                listing::read(&page).map_err(|cause| HubError::Listing { repo: repo.shown(), cause })?,
            );
            if files.len() > MAX_FILES {
                return Err(HubError::TooManyFiles { repo: repo.shown(), files: MAX_FILES }.into());
            }
            match next {
                None => return Ok(files),
                // Only the place in the list is taken from the answer, never another address.
                Some(query) => url.set_query(Some(&query)),
            }
        }
        Err(HubError::TooManyFiles { repo: repo.shown(), files: files.len() }.into())
    }

    /// Where a file of a repository can be had.
    pub(in crate::model) fn file_url(&self, repo: Repo<'_>, path: &str) -> Result<Url, FetchError> {
        let head = repo.name.split('/').chain(["resolve", repo.revision()]);
        self.url(head.chain(path.split('/')))
    }

    fn listing_url(&self, repo: Repo<'_>) -> Result<Url, FetchError> {
        let path = ["api", "models"].into_iter().chain(repo.name.split('/')).chain(["tree", repo.revision()]);
        let mut url = self.url(path)?;
        url.set_query(Some("recursive=true"));
        Ok(url)
    }

    /// An address below the endpoint. Each segment is escaped as a whole, so that a revision may hold slashes.
    fn url<'a>(&self, segments: impl Iterator<Item = &'a str>) -> Result<Url, FetchError> {
        let mut url = https::parse(&self.endpoint)?;
        url.set_query(None);
        let refused = || FetchError::Url { url: https::shown(&self.endpoint) };
        url.path_segments_mut().map_err(|()| refused())?.pop_if_empty().extend(segments);
        Ok(url)
    }

    async fn ask(&self, client: &Client, url: &Url, repo: Repo<'_>) -> Result<Response, HubError> {
        let shown = || repo.shown();
        let response = match timeout(self.patience, client.get(url.clone()).send()).await {
            Err(_) => return Err(HubError::Silent { repo: shown(), waited: self.patience }),
            Ok(Err(cause)) => return Err(HubError::Connection { repo: shown(), cause: cause.without_url() }),
            Ok(Ok(response)) => response,
        };
        match response.status().as_u16() {
            200 => Ok(response),
            status @ (401 | 403) => Err(HubError::Closed { repo: shown(), status }),
            404 => Err(HubError::NotFound { repo: shown() }),
            status => Err(HubError::Status { repo: shown(), status }),
        }
    }

    async fn page(&self, mut response: Response, repo: Repo<'_>) -> Result<Vec<u8>, HubError> {
        let mut page = Vec::new();
        loop {
            match timeout(self.patience, response.chunk()).await {
                Err(_) => return Err(HubError::Silent { repo: repo.shown(), waited: self.patience }),
                Ok(Err(cause)) => {
                    return Err(HubError::Connection { repo: repo.shown(), cause: cause.without_url() });
                }
                Ok(Ok(None)) => return Ok(page),
                Ok(Ok(Some(chunk))) if page.len().saturating_add(chunk.len()) > MAX_PAGE => {
                    return Err(HubError::LongPage { repo: repo.shown(), limit: MAX_PAGE });
                }
                Ok(Ok(Some(chunk))) => page.extend_from_slice(&chunk),
            }
        }
    }
}
