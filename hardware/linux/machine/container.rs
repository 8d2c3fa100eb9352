//! Whether this process is in a container, and whose: by the files, mounts and control groups that runtimes leave.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::hypervisor::{Layer, UNNAMED};
use crate::Root;
use crate::linux::mounts::{self, Mount};

/// Files that a runtime mounts over those of the image.
const MOUNTED: [&str; 3] = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];
const UNIONS: [&str; 3] = ["overlay", "fuse.fuse-overlayfs", "aufs"];

pub fn around(root: &Root) -> Option<Layer> {
    let mounts = mounts::read(root).ok();
    by_systemd(root)
        .or_else(|| by_group(&root.read("proc/self/cgroup").ok()?))
        .or_else(|| by_file(root, mounts.as_deref()))
        .or_else(|| by_mounts(mounts.as_deref()?))
}

fn by_systemd(root: &Root) -> Option<Layer> {
    const FILE: &str = "run/systemd/container";
    let text = root.read(FILE).ok()?;
    let name = TABLE.systemd.iter().find(|name| *name == text.trim())?;
    Some((name.clone(), format!("/{FILE}")))
}

fn by_file(root: &Root, mounts: Option<&[Mount]>) -> Option<Layer> {
    // Without a list of mounts there is nothing that speaks against the file.
    let contained = mounts.is_none_or(|mounts| mounts.iter().any(is_runtimes));
    let found = TABLE.files.iter().find(|file| root.exists(&file.path) && (contained || !file.stays))?;
    Some((found.name.clone(), format!("/{}", found.path)))
}

fn is_runtimes(mount: &Mount) -> bool {
    MOUNTED.contains(&mount.point.as_str())
        || (mount.point == "/" && UNIONS.contains(&mount.filesystem.as_str()))
}

/// `0::/system.slice/docker-0a….scope`, `4:memory:/docker/0a…`.
fn by_group(text: &str) -> Option<Layer> {
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let name = paths
        .flat_map(|path| path.split('/').zip(path.split('/').skip(1).chain([""])))
        .find_map(named_group)?;
    Some((name.to_owned(), "/proc/self/cgroup".to_owned()))
}

fn named_group((part, next): (&str, &str)) -> Option<&'static str> {
    let begins = TABLE.groups.iter().find(|group| part.starts_with(&group.begins)).map(|group| &group.name);
    begins.or_else(|| TABLE.folders.get(part).filter(|_| !next.is_empty())).map(String::as_str)
}

fn by_mounts(mounts: &[Mount]) -> Option<Layer> {
    let own = mounts.iter().find_map(|mount| TABLE.filesystems.get(&mount.filesystem));
    let named = own.or_else(|| mounts.iter().filter(|mount| is_runtimes(mount)).find_map(source));
    let name = named.cloned().or_else(|| is_confined(mounts).then(|| UNNAMED.to_owned()))?;
    Some((name, format!("/{}", mounts::MOUNTINFO)))
}

/// Live systems have a union of folders at the root too, but none takes away its own control groups.
fn is_confined(mounts: &[Mount]) -> bool {
    let union = mounts.iter().any(|mount| mount.point == "/" && UNIONS.contains(&mount.filesystem.as_str()));
    let read_only = |mount: &Mount| {
        mount.filesystem.starts_with("cgroup") && mount.options.first().is_some_and(|option| option == "ro")
    };
    union && mounts.iter().any(read_only)
}

fn source(mount: &Mount) -> Option<&'static String> {
    let upper = mount.options.iter().filter_map(|option| option.strip_prefix("upperdir="));
    let mut paths = std::iter::once(mount.root.as_str()).chain(upper);
    paths
        .find_map(|path| TABLE.sources.iter().find(|source| path.contains(&source.part)))
        .map(|source| &source.name)
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("containers.yaml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    files: Vec<Mark>,
    systemd: Vec<String>,
    groups: Vec<Group>,
    folders: BTreeMap<String, String>,
    sources: Vec<Source>,
    filesystems: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    path: String,
    name: String,
    #[serde(default)]
    stays: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    begins: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    part: String,
    name: String,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Node, Tree};

    fn around_is(files: &[(&str, &str)]) -> Option<String> {
        let nodes =
            files.iter().map(|(path, text)| ((*path).to_owned(), Node::File(text.as_bytes().to_vec())));
        around(&Root::of(nodes.collect::<Tree>())).map(|(name, _)| name)
    }

    const DISK: &str = "27 1 254:0 / / rw - ext4 /dev/vda rw\n";
    const HOSTS: &str = "30 1 254:0 /var/lib/docker/containers/0a/hosts /etc/hosts rw - ext4 /dev/sda1 rw\n";

    #[test]
    fn the_table_is_well_formed() {
        assert!(TABLE.files.len() == 2 && TABLE.groups.len() > 4 && TABLE.sources.len() > 3, "not read");
    }

    #[test]
    fn a_mark_that_stayed_on_a_virtual_machine_s_disk_is_no_container() {
        assert_eq!(around_is(&[(".dockerenv", ""), (mounts::MOUNTINFO, DISK)]), None);
        assert_eq!(around_is(&[(".dockerenv", ""), (mounts::MOUNTINFO, HOSTS)]).as_deref(), Some("docker"));
        assert_eq!(around_is(&[(".dockerenv", "")]).as_deref(), Some("docker"));
    }

    #[test]
    fn each_runtime_is_known_by_what_it_leaves() {
        let group = |path: &str| around_is(&[("proc/self/cgroup", &format!("0::{path}\n"))]);
        assert_eq!(group("/system.slice/docker-0a1b.scope").as_deref(), Some("docker"));
        assert_eq!(group("/docker/0a1b").as_deref(), Some("docker"));
        assert_eq!(group("/kubepods.slice/kubepods-pod1.slice").as_deref(), Some("kubernetes"));
        assert_eq!(around_is(&[("run/systemd/container", "lxc\n")]).as_deref(), Some("lxc"));
        assert_eq!(around_is(&[("run/.containerenv", "engine=\"podman-5.2\"\n")]).as_deref(), Some("podman"));
        let lxcfs = "40 1 0:50 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw\n";
        assert_eq!(around_is(&[(mounts::MOUNTINFO, lxcfs)]).as_deref(), Some("lxc"));
        let union = "40 1 0:50 / / rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/x/diff\n";
        assert_eq!(around_is(&[(mounts::MOUNTINFO, union)]).as_deref(), Some("docker"));
    }

    #[test]
    fn a_union_of_folders_is_a_container_s_where_control_groups_are_out_of_reach() {
        let root = "1 0 0:71 / / rw - overlay overlay rw\n";
        let groups =
            |access: &str| format!("{root}2 1 0:28 / /sys/fs/cgroup {access},nosuid - cgroup2 cgroup rw\n");
        assert_eq!(around_is(&[(mounts::MOUNTINFO, &groups("ro"))]).as_deref(), Some(UNNAMED));
        assert_eq!(around_is(&[(mounts::MOUNTINFO, &groups("rw"))]), None, "a live system");
    }

    #[test]
    fn the_services_of_a_host_are_no_containers() {
        for path in
            ["/system.slice/docker.service", "/docker", "/user.slice/user-1000.slice", "/lxc.monitor.x"]
        {
            assert_eq!(around_is(&[("proc/self/cgroup", &format!("0::{path}\n"))]), None, "{path}");
        }
        assert_eq!(around_is(&[("run/systemd/container", "\u{1b}[2J")]), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "([0-9]:[a-z]{0,3}:[a-z/.-]{0,20}\n)*|.*") {
            by_group(&text);
        }
    }
}
