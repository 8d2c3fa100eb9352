//! Archives: checked by digest before anything is read from them, unpacked without ever leaving their folder.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::model::store::Digest;
use crate::progress::Meter;

/// Of one unpacked archive; llama.cpp's Vulkan wheel holds 160 MiB.
const LARGEST: u64 = 4 << 30;

/// Compares the file with the digest that the manifest pins.
pub(super) fn check(archive: &Path, sha256: &str, meter: &Meter) -> Result<(), String> {
    let found = Digest::of_file(archive, meter).map_err(|error| error.to_string())?;
    if found.as_str() == sha256 {
        return Ok(());
    }
    Err(format!("its sha256 is {found}, expected {sha256}: it was changed on the way or replaced"))
}

/// All files of one folder of a wheel, flat, executable.
pub(super) fn wheel(archive: &Path, folder: &str, into: &Path) -> Result<(), String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    std::fs::create_dir_all(into).map_err(|error| text(&error))?;
    let mut zip = zip::ZipArchive::new(File::open(archive).map_err(|error| text(&error))?)
        .map_err(|error| text(&error))?;
    let mut total = 0u64;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|error| text(&error))?;
        let entry_name = entry.name().map_err(|error| text(&error))?.into_owned();
        let Some(name) =
            entry_name.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned)
        else {
            continue;
        };
        if name.is_empty() || name.contains('/') || name == ".." {
            continue;
        }
        total = total.saturating_add(entry.size());
        if total > LARGEST {
            return Err("it unpacks to more than 4 GiB".into());
        }
        let path = into.join(&name);
        let size = entry.size();
        let mut file = File::create(&path).map_err(|error| text(&error))?;
        std::io::copy(&mut (&mut entry).take(size), &mut file).map_err(|error| text(&error))?;
        executable(&path)?;
    }
    if total == 0 { Err(format!("it holds no {folder}")) } else { Ok(()) }
}

/// The folder of a tar.gz that holds `program`, flat, wherever in the archive it lies.
pub(super) fn release(archive: &Path, program: &str, into: &Path) -> Result<(), String> {
    let tree = into.with_extension("tree");
    untar(archive, &tree)?;
    let found = walk(&tree, program, 4).ok_or_else(|| format!("it holds no {program}"))?;
    let folder = found.parent().ok_or("it has no folder")?;
    std::fs::rename(folder, into).map_err(|error| error.to_string())?;
    let _ = std::fs::remove_dir_all(&tree);
    executable(&into.join(program))
}

fn walk(folder: &Path, name: &str, depth: u32) -> Option<PathBuf> {
    let entries: Vec<_> =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let here =
        entries.iter().find(|path| path.file_name().is_some_and(|file| file == name) && path.is_file());
    here.cloned().or_else(|| {
        let folders = entries.iter().filter(|path| depth > 0 && path.is_dir() && !path.is_symlink());
        folders.filter_map(|path| walk(path, name, depth - 1)).next()
    })
}

/// A source package; returns the one folder at its top.
pub(super) fn sdist(archive: &Path, into: &Path) -> Result<PathBuf, String> {
    let tree = into.join("tree");
    untar(archive, &tree)?;
    let mut tops = std::fs::read_dir(&tree)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()));
    tops.next().ok_or_else(|| "it is empty".to_owned())
}

fn untar(archive: &Path, into: &Path) -> Result<(), String> {
    std::fs::create_dir_all(into).map_err(|error| error.to_string())?;
    let file = File::open(archive).map_err(|error| error.to_string())?;
    let mut tar = tar::Archive::new(GzDecoder::new(file).take(LARGEST));
    for entry in tar.entries().map_err(|error| error.to_string())? {
        let mut entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path().map_err(|error| error.to_string())?.into_owned();
        if path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(format!("it wants to write to {}", path.display()));
        }
        entry.unpack_in(into).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn executable(path: &Path) -> Result<(), String> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())
}

/// One file of a release.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) url: String,
    pub(super) sha256: Digest,
}

#[derive(Deserialize)]
struct Listing {
    assets: Vec<ListedAsset>,
}

#[derive(Deserialize)]
struct ListedAsset {
    name: String,
    browser_download_url: String,
    /// `sha256:HEX`; missing for files uploaded before the listing gave digests.
    digest: Option<String>,
}

/// A listing that does not come within this is taken as out of reach: the next source is tried.
const REACH: Duration = Duration::from_secs(8);

/// Finds the asset in the release's listing.
pub(super) async fn find_asset(listing: &str, suffix: &str) -> Result<Asset, String> {
    let client = reqwest::Client::builder()
        .timeout(REACH)
        .user_agent("edgeorch")
        .build()
        .map_err(|error| error.to_string())?;
    let out_of_reach = |_| "it can't be reached from here".to_owned();
    let response = client.get(listing).send().await.map_err(out_of_reach)?;
    if !response.status().is_success() {
        return Err(format!("its listing answers with {}", response.status()));
    }
    let body = response.bytes().await.map_err(out_of_reach)?;
    let listing: Listing =
        serde_json::from_slice(&body).map_err(|error| format!("its listing can't be read: {error}"))?;
    let asset = listing.assets.into_iter().find(|asset| asset.name.ends_with(suffix));
    let asset = asset.ok_or_else(|| format!("its listing has no file that ends with {suffix}"))?;
    let sha256 = asset.digest.as_deref().and_then(|digest| digest.strip_prefix("sha256:"));
    let sha256 = sha256
        .and_then(|digest| digest.parse().ok())
        .ok_or("its listing gives no digest to check the file with")?;
    Ok(Asset { url: asset.browser_download_url, sha256 })
}
