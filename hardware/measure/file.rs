//! Which file to read for a measurement: the largest one below the models folder. Links are not followed: they may lead to
//! another disk.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// Smaller files are read before a disk gets going.
pub const LEAST: u64 = 16 << 20;
/// Of edgeorch's own program, which is smaller than a model.
const LEAST_OWN: u64 = 4 << 20;
/// Names looked at: a folder with more has had its chance.
const MOST: usize = 4096;

#[derive(Debug, PartialEq, Eq)]
pub struct Chosen {
    pub path: PathBuf,
    pub bytes: u64,
    /// No file below the folder is large enough: this one lies on the same device.
    pub own_program: bool,
}

pub fn choose(folder: &Path) -> Option<Chosen> {
    largest_below(folder).or_else(|| own_program(folder))
}

fn largest_below(folder: &Path) -> Option<Chosen> {
    let device = device(&fs::metadata(folder).ok()?);
    let mut largest: Option<Chosen> = None;
    let mut folders = vec![folder.to_owned()];
    let mut left = MOST;
    while let Some(entries) = folders.pop().map(fs::read_dir) {
        for entry in entries.into_iter().flatten().flatten() {
            left = match left.checked_sub(1) {
                Some(left) => left,
                None => return largest,
            };
            // Of the entry itself: a link's target is not looked at.
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() && self::device(&found) == device {
                folders.push(entry.path());
            } else if found.is_file()
                && found.len() >= LEAST.max(largest.as_ref().map_or(0, |file| file.bytes + 1))
            {
                largest = Some(Chosen { path: entry.path(), bytes: found.len(), own_program: false });
            }
        }
    }
    largest
}

fn own_program(folder: &Path) -> Option<Chosen> {
    // The folder may not be there yet.
    let there = folder.ancestors().find_map(|folder| fs::metadata(folder).ok())?;
    let path = std::env::current_exe().ok()?;
    let found = fs::metadata(&path).ok()?;
    let device = device(&found).filter(|own| Some(*own) == device(&there));
    (device.is_some() && found.len() >= LEAST_OWN).then_some(Chosen {
        path,
        bytes: found.len(),
        own_program: true,
    })
}

/// A number that two files on one file system share.
#[cfg(unix)]
fn device(found: &Metadata) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    Some(found.dev())
}

#[cfg(not(unix))]
fn device(_: &Metadata) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn sized(path: PathBuf, bytes: u64) -> PathBuf {
        File::create(&path).unwrap().set_len(bytes).unwrap();
        path
    }

    #[test]
    fn the_largest_file_of_any_depth_is_chosen() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        sized(folder.path().join("small"), LEAST - 1);
        sized(folder.path().join("blobs/a"), LEAST);
        let largest = sized(folder.path().join("blobs/sha256/b"), LEAST + 1);
        let chosen = Chosen { path: largest, bytes: LEAST + 1, own_program: false };
        assert_eq!(choose(folder.path()), Some(chosen));
    }

    #[test]
    #[cfg(unix)]
    fn links_are_not_followed() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let large = sized(elsewhere.path().join("large"), LEAST);
        std::os::unix::fs::symlink(large, folder.path().join("model")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("models")).unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("round")).unwrap();
        assert_eq!(largest_below(folder.path()), None);
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_file_of_its_own() {
        assert_eq!(largest_below(Path::new("/no/such/folder")), None);
        assert!(choose(Path::new("/no/such/folder")).is_none_or(|chosen| chosen.own_program));
    }
}
