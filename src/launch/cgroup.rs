//! A cgroup v2 of its own for each child, below the daemon's: `cgroup.kill` ends everything in it at once, however
//! it forked. No controller is switched on there, so no delegation of limits is needed; only the right to make a folder.
//!
//! Where that is not allowed (an ordinary user's shell, most containers) children go without, and the reason is kept.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::nonce::Nonce;

/// How long an empty cgroup may still look busy.
const UNLINKING: Duration = Duration::from_millis(50);

/// Why children get no cgroup of their own. Process group and mark still hold them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCgroup {
    #[error("no cgroup v2 is mounted")]
    NotMounted,
    #[error("this process has no cgroup v2 that is visible here")]
    Outside,
    #[error("{} can't be made: {reason}", .dir.display())]
    Refused { dir: PathBuf, reason: String },
    #[error("the child could not be moved into {}", .dir.display())]
    NotEntered { dir: PathBuf },
}

/// The daemon's own cgroup, below which children get theirs.
#[derive(Clone, Debug)]
pub(super) struct Parent(PathBuf);

impl Parent {
    /// Reads `/proc/self`; the folder can lie under `/sys/fs/cgroup` or, on hybrid systems, `/sys/fs/cgroup/unified`.
    pub fn locate() -> Result<Parent, NoCgroup> {
        let read = |file| std::fs::read_to_string(file).unwrap_or_default();
        own_folder(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo")).map(Parent)
    }

    pub fn create(&self, nonce: &Nonce) -> Result<Cgroup, NoCgroup> {
        let dir = self.0.join(format!("edgeorch-{nonce}"));
        match std::fs::create_dir(&dir) {
            Ok(()) => Ok(Cgroup { dir }),
            Err(error) => Err(NoCgroup::Refused { dir, reason: error.to_string() }),
        }
    }
}

/// A child's cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cgroup {
    dir: PathBuf,
}

impl Cgroup {
    /// One that was made earlier, perhaps by a daemon that is gone.
    pub fn at(dir: &Path) -> Cgroup {
        Cgroup { dir: dir.to_owned() }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writing `0` to this file moves the writing process in: done by the child between fork and exec, so that
    /// nothing it does can happen outside.
    pub fn entry(&self) -> io::Result<File> {
        File::options().write(true).open(self.dir.join("cgroup.procs"))
    }

    pub fn contains(&self, pid: u32) -> bool {
        let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
        let own = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        own.lines().any(|line| line.starts_with("0::") && line.ends_with(&*name))
    }

    pub fn processes(&self) -> io::Result<Vec<u32>> {
        let text = std::fs::read_to_string(self.dir.join("cgroup.procs"))?;
        Ok(text.lines().filter_map(|line| line.parse().ok()).collect())
    }

    /// SIGKILL to everything inside, forks in flight included. Needs Linux 5.14; without it an error is returned.
    pub fn kill(&self) -> io::Result<()> {
        File::options().write(true).open(self.dir.join("cgroup.kill"))?.write_all(b"1")
    }

    /// Fails while anything lives inside; gone already is fine. May block for [`UNLINKING`]: the kernel takes a
    /// process out a moment after it has reported its end, and tells nobody when.
    pub fn remove(&self) -> io::Result<()> {
        let deadline = Instant::now() + UNLINKING;
        loop {
            match std::fs::remove_dir(&self.dir) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline => {
                    std::thread::sleep(UNLINKING / 50);
                }
                done => return done,
            }
        }
    }

    /// OOM kills inside; None where the memory controller is not switched on for it.
    pub fn oom_kills(&self) -> Option<u64> {
        counter(&std::fs::read_to_string(self.dir.join("memory.events")).ok()?, "oom_kill")
    }
}

/// The value of a `name value` line.
pub(super) fn counter(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The pure part of [`Parent::locate`]: `cgroup` is `/proc/self/cgroup`, `mountinfo` its neighbour (proc(5)).
fn own_folder(cgroup: &str, mountinfo: &str) -> Result<PathBuf, NoCgroup> {
    let own = cgroup.lines().find_map(|line| line.strip_prefix("0::")).ok_or(NoCgroup::NotMounted)?;
    let (root, mount) = mountinfo.lines().find_map(cgroup2_mount).ok_or(NoCgroup::NotMounted)?;
    let below = Path::new(own).strip_prefix(root).map_err(|_| NoCgroup::Outside)?;
    Ok(Path::new(mount).join(below))
}

/// `id parent dev root mount options [optional…] - type source super`: root and mount point of a cgroup2 line.
fn cgroup2_mount(line: &str) -> Option<(&str, &str)> {
    let (left, right) = line.split_once(" - ")?;
    if right.split(' ').next()? != "cgroup2" {
        return None;
    }
    let mut fields = left.split(' ').skip(3);
    Some((fields.next()?, fields.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn a_unified_mount_gives_the_path_below_it() {
        let mountinfo = "25 20 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        assert_eq!(
            own_folder("0::/system.slice/edgeorch.service\n", mountinfo),
            Ok(PathBuf::from("/sys/fs/cgroup/system.slice/edgeorch.service"))
        );
    }

    #[test]
    fn a_hybrid_system_has_it_under_unified() {
        let cgroup = "4:memory:/somewhere\n0::/\n";
        assert_eq!(own_folder(cgroup, HYBRID), Ok(PathBuf::from("/sys/fs/cgroup/unified")));
    }

    #[test]
    fn a_container_that_sees_only_its_own_part_is_resolved_below_the_mounts_root() {
        let mountinfo = "700 690 0:30 /docker/abc /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n";
        assert_eq!(own_folder("0::/docker/abc/x\n", mountinfo), Ok(PathBuf::from("/sys/fs/cgroup/x")));
        assert_eq!(own_folder("0::/docker/other\n", mountinfo), Err(NoCgroup::Outside));
    }

    #[test]
    fn cgroup_v1_alone_is_reported_as_not_mounted() {
        assert_eq!(own_folder("4:memory:/x\n", HYBRID), Err(NoCgroup::NotMounted));
        assert_eq!(
            own_folder("0::/\n", "32 31 0:29 / /a rw - cgroup cgroup rw\n"),
            Err(NoCgroup::NotMounted)
        );
    }

    #[test]
    fn a_counter_is_not_mistaken_for_one_with_a_longer_name() {
        let events = "low 0\noom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!(counter(events, "oom_kill"), Some(2));
        assert_eq!(counter(events, "oom_kil"), None);
    }
}
