//! `folders/HEX/NAME`: the blobs of a model that has several files, side by side and by name, because engines find the
//! others from the first one's name.
//!
//! A file is the blob under a second name (a hard link): nothing is kept twice, a copied store stays whole, and a container
//! or service that sees the folder alone sees the files. Where the file system has no such links, it is a symbolic one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::reference::Reference;
use super::{Store, StoreError, disk};

/// A folder that is being laid out begins with this; digests don't.
pub(super) const NEW: &str = ".new-";

impl Store {
    /// Lays out the folder of a reference whose blobs are all here, wholly or not at all.
    pub(super) fn lay_out(&self, reference: &Reference) -> Result<(), StoreError> {
        disk::create_dir(&self.folders())?;
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |cause| StoreError::io("create", &path, cause)
        };
        let folder = tempfile::Builder::new()
            .prefix(NEW)
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir_in(self.folders())
            .map_err(fail(&self.folders()))?;
        for member in &reference.members {
            let path = folder.path().join(&member.name);
            if let Some(parent) = path.parent() {
                disk::create_dir(parent)?;
            }
            let blob = self.blob(&member.digest);
            if fs::hard_link(&blob, &path).is_err() {
                symlink(upwards(&member.name, &member.digest), &path).map_err(fail(&path))?;
            }
        }
        disk::sync_dir(folder.path())?;
        let place = self.folder(&reference.digest);
        // One that is there can only be the same, or damaged.
        disk::remove(&place)?;
        let made = folder.keep();
        fs::rename(&made, &place).map_err(|cause| StoreError::io("rename the folder to", &place, cause))?;
        disk::sync_dir(&self.folders())
    }
}

/// Where the blob lies, seen from a file of a folder: a copied store holds no path of the machine that it came from.
fn upwards(name: &str, digest: &super::Digest) -> PathBuf {
    // Out of the folder, out of `folders`, and out of each folder within.
    let up = "../".repeat(name.split('/').count() + 1);
    Path::new(&up).join("blobs/sha256").join(digest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbolic_link_leads_from_the_folder_to_the_blob() {
        let digest: super::super::Digest = "ab".repeat(32).parse().unwrap();
        let hex = digest.as_str();
        for (name, link) in [
            ("a.gguf", format!("../../blobs/sha256/{hex}")),
            ("1_Pooling/config.json", format!("../../../blobs/sha256/{hex}")),
        ] {
            assert_eq!(upwards(name, &digest), Path::new(&link), "{name}");
        }
    }
}
