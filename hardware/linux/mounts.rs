//! What is mounted where, from `/proc/self/mountinfo` (see proc_pid_mountinfo(5)):
//!
//! ```text
//! 31 23 0:28 /group /mount/point rw,… [optional fields] - cgroup source rw,memory
//! ```

use crate::Root;
use crate::root::ReadError;

pub const MOUNTINFO: &str = "proc/self/mountinfo";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `254:1`; with a major number of 0 it is no block device's.
    pub device: String,
    /// The folder of that file system that is seen at the mount point.
    pub root: String,
    /// An absolute path.
    pub point: String,
    pub filesystem: String,
    /// `/dev/nvme0n1p2`, `server:/export`, or whatever the file system calls itself.
    pub source: String,
    /// Of the mount, then of the file system.
    pub options: Vec<String>,
}

pub fn read(root: &Root) -> Result<Vec<Mount>, ReadError> {
    root.read(MOUNTINFO).map(|text| parse(&text))
}

/// Lines of another shape are passed over.
pub fn parse(mountinfo: &str) -> Vec<Mount> {
    mountinfo.lines().filter_map(Mount::parse).collect()
}

/// The mount that a path of this machine lies in. Of two at one point the later hides the earlier.
pub fn holding<'a>(mounts: &'a [Mount], path: &str) -> Option<&'a Mount> {
    mounts.iter().filter(|mount| mount.holds(path)).max_by_key(|mount| mount.point.len())
}

impl Mount {
    fn parse(line: &str) -> Option<Mount> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(2);
        let (device, root, point) = (before.next()?, unescape(before.next()?), unescape(before.next()?));
        let own = before.next().unwrap_or_default();
        let mut after = after.split(' ');
        let (filesystem, source) = (after.next()?, unescape(after.next().unwrap_or_default()));
        let options = own.split(',').chain(after.next().unwrap_or_default().split(','));
        point.starts_with('/').then_some(Mount {
            device: device.to_owned(),
            root,
            point,
            filesystem: filesystem.to_owned(),
            source,
            options: options.filter(|option| !option.is_empty()).map(str::to_owned).collect(),
        })
    }

    fn holds(&self, path: &str) -> bool {
        match path.strip_prefix(self.point.trim_end_matches('/')) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

/// The kernel writes blanks, tabs, line feeds and backslashes in paths as `\040`.
pub fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) => {
                out.push(char::from(code));
                out.push_str(&part[3..]);
            }
            None => {
                out.push('\\');
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = "\
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 259:2 /models /srv/my\\040models ro - btrfs /dev/nvme0n1p2 rw,subvol=/models
31 27 0:40 / /srv/my\\040models/net rw - nfs4 nas:/export rw,vers=4.2
";

    #[test]
    fn the_longest_mount_point_holds_a_path() {
        let mounts = parse(TABLE);
        let holder = |path: &str| holding(&mounts, path).map(|mount| mount.filesystem.as_str());
        assert_eq!(holder("/swapfile"), Some("ext4"));
        assert_eq!(holder("/srv/my models"), Some("btrfs"));
        assert_eq!(holder("/srv/my models 2"), Some("ext4"));
        assert_eq!(holder("/srv/my models/net/a"), Some("nfs4"));
    }

    #[test]
    fn each_field_is_read() {
        let mount = &parse(TABLE)[1];
        assert_eq!((mount.device.as_str(), mount.root.as_str()), ("259:2", "/models"));
        assert_eq!((mount.point.as_str(), mount.source.as_str()), ("/srv/my models", "/dev/nvme0n1p2"));
        assert_eq!(mount.options, ["ro", "rw", "subvol=/models"]);
        assert_eq!(unescape("a\\b\\9"), "a\\b\\9");
    }

    #[test]
    fn of_two_mounts_at_one_point_the_later_is_seen() {
        let mounts = parse("1 1 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:5 / / rw - overlay overlay rw\n");
        assert_eq!(holding(&mounts, "/x").map(|mount| mount.filesystem.as_str()), Some("overlay"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(lines in "([^\n]{0,60}\n){0,3}", tail in "[ -~\\\\ü]{0,20}") {
            parse(&lines);
            let mounts = parse(&format!("1 2 3:4 /a\\{tail} /b{tail} {lines} - x {tail} rw\n"));
            holding(&mounts, &lines);
        }
    }
}
