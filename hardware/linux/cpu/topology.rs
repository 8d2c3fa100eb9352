//! How the online hardware threads share cores and sockets, from `/sys/devices/system/cpu`.

use std::collections::BTreeSet;

use super::cpu_list::CpuList;
use super::cpuinfo::CpuInfo;
use crate::Root;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    pub sockets: Option<u32>,
    pub physical_cores: Option<u32>,
}

/// The hardware threads that are online; `None` where sysfs doesn't say.
pub fn online(root: &Root) -> Option<CpuList> {
    CpuList::parse(&root.read("sys/devices/system/cpu/online").ok()?).filter(|list| list.count() > 0)
}

/// Sysfs first: it says it on every architecture. `/proc/cpuinfo` does so on x86 only, and is the second choice.
pub fn read(root: &Root, online: Option<&CpuList>, info: &CpuInfo) -> Topology {
    let sysfs = online.map(|online| from_sysfs(root, online)).unwrap_or_default();
    let cpuinfo = from_cpuinfo(info);
    Topology {
        sockets: sysfs.sockets.or(cpuinfo.sockets),
        physical_cores: sysfs.physical_cores.or(cpuinfo.physical_cores),
    }
}

fn from_sysfs(root: &Root, online: &CpuList) -> Topology {
    let distinct = |names: &[&str]| -> Option<u32> {
        let mut values = BTreeSet::new();
        for cpu in online.iter() {
            let folder = format!("sys/devices/system/cpu/cpu{cpu}/topology");
            let value = names.iter().find_map(|name| root.read(&format!("{folder}/{name}")).ok())?;
            let value = value.trim();
            // The kernel writes -1 where firmware didn't tell.
            if value.is_empty() || value == "-1" {
                return None;
            }
            values.insert(value.to_owned());
        }
        u32::try_from(values.len()).ok().filter(|count| *count > 0)
    };
    Topology {
        sockets: distinct(&["physical_package_id"]),
        // Threads of one core have one list; the second name is that of kernels before 5.3.
        physical_cores: distinct(&["core_cpus_list", "thread_siblings_list"]),
    }
}

fn from_cpuinfo(info: &CpuInfo) -> Topology {
    let count = |n: usize| u32::try_from(n).ok().filter(|count| *count > 0);
    let cores: BTreeSet<_> = info.pairs("physical id", "core id").collect();
    let sockets: BTreeSet<_> = cores.iter().map(|(socket, _)| socket).collect();
    Topology { sockets: count(sockets.len()), physical_cores: count(cores.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_sysfs_the_cores_are_counted_by_socket_and_core_number() {
        let thread = |i: u32, socket: u32, core: u32| {
            format!("processor: {i}\nphysical id: {socket}\ncore id: {core}\n\n")
        };
        let text = [thread(0, 0, 0), thread(1, 0, 0), thread(2, 1, 0), thread(3, 1, 0)].concat();
        let topology = read(&Root::at("/nonexistent"), None, &CpuInfo::parse(&text));
        assert_eq!(topology, Topology { sockets: Some(2), physical_cores: Some(2) });
    }

    #[test]
    fn firmware_that_numbers_no_socket_leaves_sockets_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("sys/devices/system/cpu/cpu0/topology");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("physical_package_id"), "-1\n").unwrap();
        std::fs::write(place.join("thread_siblings_list"), "0\n").unwrap();
        let online = CpuList::parse("0").unwrap();
        let topology = read(&Root::at(folder.path()), Some(&online), &CpuInfo::default());
        assert_eq!(topology, Topology { sockets: None, physical_cores: Some(1) });
    }
}
