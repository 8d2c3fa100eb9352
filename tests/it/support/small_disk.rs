//! A real file system of a test's own, small or read-only. Permissions would not do: root ignores them.

use std::path::Path;
use std::process::Command;

use super::require;

/// Unmounted in the end.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, with the printed reason, where this user may not mount.
    pub fn mount(options: &str) -> Option<SmallDisk> {
        let folder = tempfile::Builder::new().prefix("edgeorch-disk-").tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output();
        if mount.is_ok_and(|mount| mount.status.success()) {
            return Some(SmallDisk(folder));
        }
        require::skip("mount", "this user may not mount a tmpfs");
        None
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy: a file that is still open must not leave the mount behind.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
