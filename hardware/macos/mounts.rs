//! `mount` and `df`: which file system holds a folder, and the room on it.
//!
//! The root of macOS is a sealed volume that nobody can write. `/Users` and its like look as if they were on it and lie on the
//! data volume: firmlinks, listed in `/usr/share/firmlinks`, which neither `mount` nor a path shows.

use edgeorch_engines::contract::Bytes;

use crate::root::Command;

pub const MOUNT: Command = Command::new("mount", "mount", &[]);
/// Kilobytes and inodes.
pub const DF: Command = Command::new("df", "df", &["-ki"]);

pub const FIRMLINKS: &str = "usr/share/firmlinks";
const DATA: &str = "/System/Volumes/Data";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// `/dev/disk3s5`, `//user@server/share`.
    pub device: String,
    pub point: String,
    /// `apfs`.
    pub filesystem: String,
    pub local: bool,
    pub read_only: bool,
}

/// `/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)`.
pub fn mounts(text: &str) -> Vec<Mount> {
    text.lines().filter_map(mount).collect()
}

fn mount(line: &str) -> Option<Mount> {
    // A mount point may hold anything, an option no parenthesis.
    let (place, options) = line.trim_end().strip_suffix(')')?.rsplit_once(" (")?;
    let (device, point) = place.split_once(" on /")?;
    let mut options = options.split(", ");
    let filesystem = options.next().filter(|name| !name.is_empty())?.to_owned();
    let options: Vec<&str> = options.collect();
    Some(Mount {
        device: device.to_owned(),
        point: format!("/{point}"),
        filesystem,
        local: options.contains(&"local"),
        read_only: options.contains(&"read-only"),
    })
}

/// The mount that holds a folder: the deepest one above it, or the data volume where a firmlink leads there.
pub fn holder<'a>(mounts: &'a [Mount], firmlinks: &str, folder: &str) -> Option<&'a Mount> {
    let deepest = |folder: &str| {
        mounts.iter().filter(|mount| is_below(folder, &mount.point)).max_by_key(|mount| mount.point.len())
    };
    let found = deepest(folder)?;
    let linked = firmlinks.lines().find_map(|line| {
        let (system, data) = line.split_once('\t')?;
        is_below(folder, system.trim())
            .then(|| folder.replacen(system.trim(), &format!("{DATA}/{}", data.trim()), 1))
    });
    match linked {
        Some(folder) if found.point == "/" => deepest(&folder),
        _ => Some(found),
    }
}

fn is_below(folder: &str, point: &str) -> bool {
    let point = point.trim_end_matches('/');
    folder.strip_prefix(point).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A line of `df -ki`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub total: Bytes,
    pub free: Bytes,
    pub inodes_used: u64,
    pub inodes_free: u64,
}

/// ```text
/// Filesystem     1024-blocks      Used Available Capacity iused      ifree %iused  Mounted on
/// /dev/disk3s5     482797652 305127716 160244856    66% 1877312 1602448560    0%   /System/Volumes/Data
/// ```
pub fn room(text: &str, point: &str) -> Result<Room, RoomError> {
    let line = text.lines().find_map(|line| {
        let before = line.strip_suffix(point)?;
        // The mount point is the last column, so a share is what comes before it.
        before.trim_end().ends_with('%').then_some(before)
    });
    let fields: Vec<&str> = line.ok_or(RoomError::Missing)?.split_whitespace().collect();
    // From the right: the device's name may hold blanks.
    let [.., total, _, free, _, used, inodes, _] = fields[..] else { return Err(RoomError::Ragged) };
    let number = |field: &str| field.parse::<u64>().map_err(|_| RoomError::Ragged);
    let kibibytes = |field: &str| number(field)?.checked_mul(Bytes::KIB).map(Bytes).ok_or(RoomError::Ragged);
    Ok(Room {
        total: kibibytes(total)?,
        free: kibibytes(free)?,
        inodes_used: number(used)?,
        inodes_free: number(inodes)?,
    })
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    #[error("df does not list this file system")]
    Missing,
    #[error("df's line about this file system is not as it should be")]
    Ragged,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOUNTS: &str = "/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)\n\
        devfs on /dev (devfs, local, nobrowse)\n\
        /dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse, protect, root data)\n\
        map auto_home on /System/Volumes/Data/home (autofs, automounted, nobrowse)\n\
        //me@nas._smb._tcp.local/Team%20Share on /Volumes/Team Share (x) (smbfs, nodev, nosuid, mounted by me)\n\
        /dev/disk5s2 on /Volumes/models (apfs, local, nodev, nosuid, journaled, noowners)\n";
    const LINKS: &str =
        "/Applications\tApplications\n/Users\tUsers\n/usr/local\tusr/local\n/Volumes\tVolumes\n";

    fn holds(folder: &str) -> Option<String> {
        holder(&mounts(MOUNTS), LINKS, folder).map(|mount| mount.point.clone())
    }

    #[test]
    fn a_home_folder_lies_on_the_data_volume_though_its_path_does_not_say_so() {
        assert_eq!(holds("/Users/me/models").as_deref(), Some("/System/Volumes/Data"));
        assert_eq!(holds("/usr/local/share").as_deref(), Some("/System/Volumes/Data"));
        assert_eq!(holds("/Usersx").as_deref(), Some("/"));
        assert_eq!(holds("/").as_deref(), Some("/"));
    }

    #[test]
    fn what_is_mounted_below_a_firmlink_is_its_own() {
        assert_eq!(holds("/Volumes/models/gguf").as_deref(), Some("/Volumes/models"));
        assert_eq!(holds("/Volumes/modelsx").as_deref(), Some("/System/Volumes/Data"));
    }

    #[test]
    fn names_with_blanks_and_parentheses_are_whole() {
        let share = mounts(MOUNTS).into_iter().find(|mount| mount.filesystem == "smbfs").unwrap();
        assert_eq!(share.point, "/Volumes/Team Share (x)");
        assert!(!share.local && !share.read_only);
        assert!(mounts(MOUNTS)[0].read_only);
    }

    const DF: &str = "Filesystem     1024-blocks      Used Available Capacity iused      ifree %iused  Mounted on\n\
        /dev/disk3s1s1   482797652  12252760 160244856     8%  426031 1602448560    0%   /\n\
        /dev/disk3s5     482797652 305127716 160244856    66% 1877312 1602448560    0%   /System/Volumes/Data\n\
        map auto_home            0         0         0   100%       0          0  100%   /System/Volumes/Data/home\n\
        //me@nas/Team%20Share 1000  10 990     2%      10        990    1%   /Volumes/Team Share\n";

    #[test]
    fn the_room_is_that_of_the_very_mount_point() {
        let found = room(DF, "/System/Volumes/Data").unwrap();
        assert_eq!((found.total.0, found.free.0), (482_797_652 << 10, 160_244_856 << 10));
        assert_eq!(room(DF, "/").unwrap().inodes_used, 426_031);
        assert_eq!(room(DF, "/Volumes/Team Share").unwrap().free, Bytes(990 << 10));
        assert_eq!(room(DF, "/Volumes/none"), Err(RoomError::Missing));
    }

    #[test]
    fn ragged_lines_are_none() {
        assert_eq!(room("/dev/disk1 5 5%  /\n", "/"), Err(RoomError::Ragged));
        assert_eq!(room("/dev/disk1 x 1 2 3% 4 5 6%  /\n", "/"), Err(RoomError::Ragged));
        assert_eq!(room("d 18446744073709551615 1 2 3% 4 5 6%  /\n", "/"), Err(RoomError::Ragged));
        assert_eq!(mounts("/dev/disk1 on / apfs\nx\n on / ()\n"), []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "([a-z/é]{0,5} on /?[a-z ]{0,5} ?\\(?[a-z, -]{0,9}\\)?\n)*|.*", folder in "/?[a-zé/]{0,9}") {
            let mounts = mounts(&text);
            let _ = (holder(&mounts, &text, &folder), room(&text, &folder));
        }
    }
}
