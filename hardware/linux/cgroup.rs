//! Which control groups this process is in, and where they are mounted.
//!
//! `/proc/self/cgroup` gives the group's path within each hierarchy, `/proc/self/mountinfo` where (and from which group on)
//! that hierarchy is mounted. There may be version 1 hierarchies, one per controller, the version 2 hierarchy, or both at
//! once ("hybrid"). A limit of any ancestor binds, so a controller is asked about the whole chain:
//!
//! ```text
//! 4:memory:/docker/ab   +   … /docker /sys/fs/cgroup/memory … - cgroup cgroup rw,memory
//!   → sys/fs/cgroup/memory/ab, sys/fs/cgroup/memory
//! ```

use super::mounts::{self, Mount};
use crate::Root;
use edgeorch_engines::chain;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// One group, by its folder below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub version: Version,
    pub folder: String,
}

impl Group {
    pub fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }
}

/// The process's place in every mounted hierarchy.
#[derive(Debug)]
pub struct Cgroups {
    seats: Vec<Seat>,
    /// Why there are no seats, if a file could not be read.
    pub fault: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Seat {
    kind: Kind,
    mount: String,
    /// The group below the mount point, such as `/a/b`; empty at the mount point itself.
    below: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    V1 { controllers: Vec<String> },
    V2,
}

impl Cgroups {
    pub fn read(root: &Root) -> Cgroups {
        let files =
            root.read("proc/self/cgroup").and_then(|groups| Ok((groups, root.read(mounts::MOUNTINFO)?)));
        match files {
            Ok((groups, mountinfo)) => Cgroups { seats: seats(&groups, &mountinfo), fault: None },
            Err(error) => Cgroups { seats: Vec::new(), fault: Some(chain(&error)) },
        }
    }

    /// The groups that may limit this process by `controller`: its own first, then each ancestor that can be seen.
    pub fn ancestry(&self, controller: &str) -> Vec<Group> {
        self.seats.iter().filter(|seat| seat.kind.has(controller)).flat_map(Seat::ancestry).collect()
    }
}

impl Kind {
    /// The version 2 hierarchy may have any controller: those it lacks have no files.
    fn has(&self, controller: &str) -> bool {
        match self {
            Kind::V1 { controllers } => controllers.iter().any(|name| name == controller),
            Kind::V2 => true,
        }
    }
}

impl Seat {
    fn ancestry(&self) -> Vec<Group> {
        let version = match self.kind {
            Kind::V1 { .. } => Version::V1,
            Kind::V2 => Version::V2,
        };
        let mut groups = Vec::new();
        let mut below = self.below.trim_end_matches('/');
        loop {
            groups.push(Group { version, folder: format!("{}{below}", self.mount) });
            match below.rfind('/') {
                Some(end) => below = &below[..end],
                None => return groups,
            }
        }
    }
}

/// Pure: the two files in, the places out. Lines of another shape are passed over.
fn seats(groups: &str, mountinfo: &str) -> Vec<Seat> {
    let hierarchies: Vec<Hierarchy> =
        mounts::parse(mountinfo).into_iter().filter_map(Hierarchy::of).collect();
    groups
        .lines()
        .filter_map(|line| {
            let (kind, path) = membership(line)?;
            let fits =
                || hierarchies.iter().filter(|hierarchy| hierarchy.carries(&kind)).map(|found| &found.mount);
            // A hierarchy may be mounted twice: the mount that shows our own group is the one to read. Where none does
            // (the container sees the host's path but only its own subtree), the mount point is our group or above it.
            let (mount, below) = fits()
                .find_map(|mount| Some((mount, below(path, &mount.root)?)))
                .or_else(|| Some((fits().next()?, "")))?;
            let point = mount.point.trim_matches('/').to_owned();
            Some(Seat { kind, mount: point, below: below.to_owned() })
        })
        .collect()
}

/// `4:memory:/a`, `3:cpu,cpuacct:/`, `0::/a`. Hierarchies without a controller (`1:name=systemd:/`) limit nothing.
fn membership(line: &str) -> Option<(Kind, &str)> {
    let mut parts = line.splitn(3, ':');
    let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    let kind = match controllers {
        "" if number == "0" => Kind::V2,
        "" => return None,
        named if named.starts_with("name=") => return None,
        list => Kind::V1 { controllers: list.split(',').map(str::to_owned).collect() },
    };
    path.starts_with('/').then_some((kind, path))
}

/// The part of `path` below `group`, `None` if it lies elsewhere. `/..` means: outside of our cgroup namespace.
fn below<'a>(path: &'a str, group: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(group.trim_end_matches('/'))?;
    let inside = rest.is_empty() || rest.starts_with('/');
    (inside && rest.split('/').all(|name| name != "..")).then_some(rest)
}

/// A mounted hierarchy.
struct Hierarchy {
    version: Version,
    mount: Mount,
}

impl Hierarchy {
    fn of(mount: Mount) -> Option<Hierarchy> {
        let version = match mount.filesystem.as_str() {
            "cgroup" => Version::V1,
            "cgroup2" => Version::V2,
            _ => return None,
        };
        Some(Hierarchy { version, mount })
    }

    fn carries(&self, kind: &Kind) -> bool {
        match (kind, self.version) {
            (Kind::V2, Version::V2) => true,
            (Kind::V1 { controllers }, Version::V1) => {
                controllers.iter().all(|name| self.mount.options.contains(name))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
