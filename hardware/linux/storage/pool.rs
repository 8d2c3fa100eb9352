//! The devices of a file system that spans several: btrfs tells them in sysfs, ZFS through its own command.

use std::collections::BTreeSet;

use edgeorch_engines::contract::host::StorageKind;

use crate::linux::block::{self, BlockError};
use crate::linux::mounts::Mount;
use crate::root::RunError;
use crate::{Command, Root};

/// Members looked at; a tree that was made to mislead may list any number.
const MOST: usize = 256;

const ZPOOL: Command = Command::new("zpool-list.tsv", "zpool", &["list", "-v", "-H", "-P", "-L"]);

#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    #[error(transparent)]
    Block(#[from] BlockError),
    #[error("the devices of the pool can't be had")]
    Zpool(#[source] RunError),
    #[error("zpool list names no device of {0}")]
    Unlisted(String),
    #[error("the pool lies on devices of different kinds: {0}")]
    Mixed(String),
}

/// All disks below the pool, joined with `+`, and their kind.
pub fn bottom(root: &Root, mount: &Mount) -> Result<(String, StorageKind), PoolError> {
    let members = match mount.filesystem.as_str() {
        "zfs" => {
            let pool = mount.source.split('/').next().unwrap_or_default();
            let listed = zpool_members(&root.run(&ZPOOL).map_err(PoolError::Zpool)?, pool);
            if listed.is_empty() {
                return Err(PoolError::Unlisted(pool.to_owned()));
            }
            listed
        }
        // bcachefs joins its devices with colons.
        _ => btrfs_members(root, &mount.source)
            .unwrap_or_else(|| mount.source.split(':').map(str::to_owned).collect()),
    };
    if let [one] = members.as_slice() {
        return Ok(block::kind(root, one)?);
    }
    let mut names = BTreeSet::new();
    let mut kinds: Vec<StorageKind> = Vec::new();
    for member in members.iter().take(MOST) {
        let (name, kind) = block::kind(root, member)?;
        names.extend(name.split('+').map(str::to_owned));
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let names = names.into_iter().collect::<Vec<_>>().join("+");
    match kinds.as_slice() {
        [kind] => Ok((names, *kind)),
        _ => Err(PoolError::Mixed(names)),
    }
}

/// `/sys/fs/btrfs/UUID/devices` names every member of the file system that the mounted one belongs to.
fn btrfs_members(root: &Root, source: &str) -> Option<Vec<String>> {
    let real = root.real_path(source).unwrap_or_else(|_| source.to_owned());
    let device = real.rsplit('/').next()?;
    let mut pools = root.list("sys/fs/btrfs").ok()?.into_iter().take(MOST);
    pools.find_map(|pool| {
        let members = root.list(&format!("sys/fs/btrfs/{pool}/devices")).ok()?;
        members.iter().any(|member| member == device).then_some(members)
    })
}

/// The data devices of one pool, from what `zpool list -v -H -P -L` prints: fields divided by tabs, a pool's line at the
/// margin, its members below it after a tab. A line at the margin whose size is a dash heads devices of another use (logs,
/// cache, spares).
fn zpool_members(printed: &str, pool: &str) -> Vec<String> {
    let mut members = Vec::new();
    let mut ours = false;
    for line in printed.lines() {
        let mut fields = line.split('\t').map(str::trim);
        let (first, second) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        if !first.is_empty() {
            ours = first == pool && second != "-";
        } else if ours && second.starts_with("/dev/") {
            members.push(second.to_owned());
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // As `zpool list -vHPL` of OpenZFS 2.2 prints; sizes shortened.
    const LIST: &str = "\
backup\t928G\t1G\t927G\t-\t-\t0%\t0%\t1.00x\tONLINE\t-
\t/dev/sdc1\t931G\t1G\t927G\t-\t-\t0%\t0.1%\t-\tONLINE
tank\t7.25T\t2.1T\t5.15T\t-\t-\t3%\t29%\t1.00x\tONLINE\t-
\tmirror-0\t3.62T\t1T\t2.62T\t-\t-\t3%\t29%\t-\tONLINE
\t/dev/sda1\t3.64T\t-\t-\t-\t-\t-\t-\t-\tONLINE
\t/dev/sdb1\t3.64T\t-\t-\t-\t-\t-\t-\t-\tONLINE
logs\t-\t-\t-\t-\t-\t-\t-\t-\t-
\t/dev/nvme0n1p4\t16G\t0\t15.5G\t-\t-\t0%\t0%\t-\tONLINE
";

    #[test]
    fn a_pool_s_data_lies_on_its_own_members_and_not_on_its_log() {
        assert_eq!(zpool_members(LIST, "tank"), ["/dev/sda1", "/dev/sdb1"]);
        assert_eq!(zpool_members(LIST, "backup"), ["/dev/sdc1"]);
        assert_eq!(zpool_members(LIST, "logs"), Vec::<String>::new());
        assert_eq!(zpool_members("no pools available\n", "tank"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[\t\na-z/ -]*", pool in ".*") {
            zpool_members(&text, &pool);
        }
    }
}
