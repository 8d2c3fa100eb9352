//! The listing of a project's latest release, as forges give it: which file suits, where it lies, what it must contain.

use std::time::Duration;

use serde::Deserialize;

use crate::model::source::client;
use crate::model::store::Digest;
use edgeorch_engines::chain;

/// A listing of hundreds of files has some 100 KB.
const LONGEST: usize = 8 << 20;

/// One file of a release.
#[derive(Debug)]
pub(super) struct Asset {
    pub url: String,
    pub sha256: Digest,
}

#[derive(Deserialize)]
struct Listing {
    assets: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    browser_download_url: String,
    /// `sha256:HEX`; missing for files uploaded before the listing gave digests.
    digest: Option<String>,
}

/// Fetches the listing, and finds in it the file whose name ends with `suffix`.
pub(super) async fn find(listing: &str, suffix: &str, patience: Duration) -> Result<Asset, String> {
    match tokio::time::timeout(patience, fetch(listing, patience)).await {
        Ok(body) => choose(&body?, suffix),
        Err(_) => Err(format!("its listing did not come within {patience:?}")),
    }
}

async fn fetch(listing: &str, patience: Duration) -> Result<Vec<u8>, String> {
    let (client, url) = client(listing, patience).map_err(|error| format!("failed to {}", chain(&error)))?;
    let out_of_reach = |error: reqwest::Error| {
        tracing::debug!(%error, "a release listing can't be reached");
        "it can't be reached from here".to_owned()
    };
    let mut response = client.get(url).send().await.map_err(out_of_reach)?;
    if !response.status().is_success() {
        return Err(format!("its listing answers with {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(out_of_reach)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err("its listing has more than 8 MiB".into());
        }
    }
    Ok(body)
}

fn choose(body: &[u8], suffix: &str) -> Result<Asset, String> {
    let listing: Listing =
        serde_json::from_slice(body).map_err(|error| format!("its listing can't be read: {error}"))?;
    let asset = listing.assets.into_iter().find(|asset| asset.name.ends_with(suffix));
    let asset = asset.ok_or_else(|| format!("its listing has no file that ends with {suffix}"))?;
    let sha256 = asset.digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:"));
    let sha256 = sha256.and_then(|digest| digest.parse().ok());
    match sha256 {
        Some(sha256) => Ok(Asset { url: asset.browser_download_url, sha256 }),
        None => Err(format!("its listing gives no SHA-256 to check {} with", asset.name)),
    }
}
