//! How the online hardware threads share cores and sockets, from `/sys/devices/system/cpu`.

use std::collections::{BTreeMap, BTreeSet};

use super::cpuinfo::CpuInfo;
use super::cpus;
use crate::Root;

const SYSFS: &str = "/sys/devices/system/cpu/cpu*/topology";
const CPUINFO: &str = "physical id and core id in /proc/cpuinfo";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    pub sockets: Option<Count>,
    pub physical_cores: Option<Count>,
    /// By thread, what tells its core from the others; empty where that is unknown of any thread.
    cores: BTreeMap<u32, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub count: u32,
    pub source: &'static str,
}

impl Topology {
    /// How many cores these threads run on; `None` where that is unknown of one of them.
    pub fn cores_of(&self, threads: &[u32]) -> Option<u32> {
        let cores: Option<BTreeSet<&String>> = threads.iter().map(|thread| self.cores.get(thread)).collect();
        count(cores?.len())
    }
}

/// Sysfs first: it says it on every architecture. `/proc/cpuinfo` does so on x86 only, and is the second choice.
pub fn read(root: &Root, online: &[u32], info: &CpuInfo) -> Topology {
    let sysfs = from_sysfs(root, online);
    let cpuinfo = from_cpuinfo(info);
    Topology {
        sockets: sysfs.sockets.or(cpuinfo.sockets),
        physical_cores: sysfs.physical_cores.or(cpuinfo.physical_cores),
        cores: if sysfs.cores.is_empty() { cpuinfo.cores } else { sysfs.cores },
    }
}

fn from_sysfs(root: &Root, online: &[u32]) -> Topology {
    let by_thread = |names: &[&str]| -> Option<BTreeMap<u32, String>> {
        let value = |cpu: u32| {
            let value = names.iter().find_map(|name| cpus::read(root, cpu, &format!("topology/{name}")))?;
            // The kernel writes -1 where firmware didn't tell.
            (!value.is_empty() && value != "-1").then_some((cpu, value))
        };
        online.iter().map(|cpu| value(*cpu)).collect()
    };
    // Threads of one core have one list; the second name is that of kernels before 5.3.
    let cores = by_thread(&["core_cpus_list", "thread_siblings_list"]).unwrap_or_default();
    let sockets = by_thread(&["physical_package_id"]).unwrap_or_default();
    Topology { sockets: distinct(&sockets, SYSFS), physical_cores: distinct(&cores, SYSFS), cores }
}

fn from_cpuinfo(info: &CpuInfo) -> Topology {
    let places: BTreeMap<u32, (String, String)> = info
        .processors()
        .filter_map(|processor| {
            let (socket, core) = (processor.get("physical id")?, processor.get("core id")?);
            let place = ((*socket).to_owned(), format!("{socket}/{core}"));
            Some((processor.get("processor")?.parse().ok()?, place))
        })
        .collect();
    let sockets = places.iter().map(|(thread, (socket, _))| (*thread, socket.clone())).collect();
    let cores = places.into_iter().map(|(thread, (_, core))| (thread, core)).collect();
    Topology { sockets: distinct(&sockets, CPUINFO), physical_cores: distinct(&cores, CPUINFO), cores }
}

fn distinct(by_thread: &BTreeMap<u32, String>, source: &'static str) -> Option<Count> {
    let values: BTreeSet<&String> = by_thread.values().collect();
    Some(Count { count: count(values.len())?, source })
}

fn count(n: usize) -> Option<u32> {
    u32::try_from(n).ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(topology: &Topology) -> (Option<u32>, Option<u32>) {
        let count = |count: Option<Count>| count.map(|count| count.count);
        (count(topology.sockets), count(topology.physical_cores))
    }

    #[test]
    fn without_sysfs_the_cores_are_counted_by_socket_and_core_number() {
        let thread = |i: u32, socket: u32, core: u32| {
            format!("processor: {i}\nphysical id: {socket}\ncore id: {core}\n\n")
        };
        let text = [thread(0, 0, 0), thread(1, 0, 0), thread(2, 1, 0), thread(3, 1, 0)].concat();
        let topology = read(&Root::at("/nonexistent"), &[], &CpuInfo::parse(&text));
        assert_eq!(shape(&topology), (Some(2), Some(2)));
        assert_eq!(topology.cores_of(&[0, 1]), Some(1));
        assert_eq!(topology.cores_of(&[0, 9]), None);
    }

    #[test]
    fn firmware_that_numbers_no_socket_leaves_sockets_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("sys/devices/system/cpu/cpu0/topology");
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("physical_package_id"), "-1\n").unwrap();
        std::fs::write(place.join("thread_siblings_list"), "0\n").unwrap();
        let topology = read(&Root::at(folder.path()), &[0], &CpuInfo::default());
        assert_eq!(shape(&topology), (None, Some(1)));
    }
}
