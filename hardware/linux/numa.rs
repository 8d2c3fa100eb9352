//! Memory nodes, from `/sys/devices/system/node`: which CPUs are near which memory.
//!
//! A node without CPUs is memory of another kind: high-bandwidth, CXL, or a GPU's own memory that its driver lends to the
//! system (POWER9 with V100, Grace Hopper). The last is no main memory, and the driver says which nodes are its own.

use std::collections::BTreeSet;

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::NumaNode;

use super::cpu::cpu_list::CpuList;
use super::memory::meminfo;
use crate::Root;
use crate::findings::Findings;

const FIELD: &str = "cpu.numa_nodes";
const FOLDER: &str = "sys/devices/system/node";
/// Linux' own bound (`MAX_NUMNODES`).
const MOST: usize = 1024;
/// Ranges in one node's list of CPUs: a longer list is no real node's.
const LONGEST: usize = 64 << 10;

pub fn probe(root: &Root, findings: &mut Findings) -> Vec<NumaNode> {
    let Ok(names) = root.list(FOLDER) else { return without_numa(root, findings) };
    let mut numbers: Vec<u32> =
        names.iter().filter_map(|name| name.strip_prefix("node")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.truncate(MOST);
    if numbers.is_empty() {
        findings.unknown(FIELD, "/sys/devices/system/node lists no node");
        return Vec::new();
    }
    findings.known(FIELD, "/sys/devices/system/node");
    numbers.into_iter().enumerate().map(|(i, number)| node(root, i, number, findings)).collect()
}

fn node(root: &Root, i: usize, number: u32, findings: &mut Findings) -> NumaNode {
    let folder = format!("{FOLDER}/node{number}");
    let field = |name: &str| format!("{FIELD}[{i}].{name}");
    let list = root.read(&format!("{folder}/cpulist")).ok();
    let list = list.filter(|text| text.len() <= LONGEST).and_then(|text| CpuList::parse(&text));
    if list.is_none() {
        findings.unknown(field("cpus"), format_args!("/{folder}/cpulist holds no list of CPUs"));
    }
    // `Node 0 MemTotal:       32489480 kB`.
    let text = root.read(&format!("{folder}/meminfo")).unwrap_or_default();
    let text: String =
        text.lines().filter_map(|line| Some(line.splitn(3, ' ').nth(2)?.to_owned() + "\n")).collect();
    let mut size = |name: &str, key| {
        let size = meminfo::size(&text, key).ok();
        if size.is_none() {
            findings.unknown(field(name), format_args!("/{folder}/meminfo has no {key} in kB"));
        }
        size
    };
    NumaNode {
        node: number,
        memory_total: size("memory_total", "MemTotal"),
        memory_free: size("memory_free", "MemFree"),
        cpus: list.map(|list| list.to_string()).unwrap_or_default(),
    }
}

/// A kernel built without NUMA has the folder of CPUs and none of nodes.
fn without_numa(root: &Root, findings: &mut Findings) -> Vec<NumaNode> {
    let online = root.read("sys/devices/system/cpu/online").ok().and_then(|text| CpuList::parse(&text));
    let Some(online) = online else {
        findings.unknown(FIELD, "/sys/devices/system/node does not exist");
        return Vec::new();
    };
    findings.known(FIELD, "the whole machine: this kernel knows no memory nodes");
    let text = root.read("proc/meminfo").unwrap_or_default();
    let mut size = |name: &str, key| {
        let size = meminfo::size(&text, key);
        findings.take(&format!("{FIELD}[0].{name}"), size)
    };
    vec![NumaNode {
        node: 0,
        memory_total: size("memory_total", "MemTotal"),
        memory_free: size("memory_free", "MemFree"),
        cpus: online.to_string(),
    }]
}

/// What the nodes hold that are a GPU's own memory: total and free.
pub fn of_gpus(root: &Root, nodes: &[NumaNode]) -> Option<(Bytes, Bytes)> {
    const GPUS: &str = "proc/driver/nvidia/gpus";
    let gpus = root.list(GPUS).unwrap_or_default();
    let lent: BTreeSet<u32> = gpus
        .iter()
        .take(MOST)
        .filter_map(|gpu| lent_node(&root.read(&format!("{GPUS}/{gpu}/numa_status")).ok()?))
        .collect();
    let theirs = || nodes.iter().filter(|node| lent.contains(&node.node) && node.cpus.is_empty());
    let sum = |size: fn(&NumaNode) -> Option<Bytes>| -> Bytes {
        Bytes(theirs().filter_map(size).fold(0, |sum: u64, size| sum.saturating_add(size.0)))
    };
    theirs().next()?;
    Some((sum(|node| node.memory_total), sum(|node| node.memory_free)))
}

/// `Node:      250`, if its memory is in use by the system (`Status:    online`).
fn lent_node(status: &str) -> Option<u32> {
    let value = |key: &str| Some(status.lines().find_map(|line| line.strip_prefix(key))?.trim());
    if value("Status:")? != "online" {
        return None;
    }
    value("Node:")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Node, Tree};

    fn machine(files: &[(&str, &str)]) -> Root {
        let nodes =
            files.iter().map(|(path, text)| ((*path).to_owned(), Node::File(text.as_bytes().to_vec())));
        Root::of(nodes.collect::<Tree>())
    }

    #[test]
    fn memory_that_a_gpu_lends_is_told_from_other_memory_without_cpus() {
        let root = machine(&[
            ("sys/devices/system/node/node0/cpulist", "0-3\n"),
            ("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:  100 kB\nNode 0 MemFree:  50 kB\n"),
            ("sys/devices/system/node/node2/cpulist", "\n"),
            ("sys/devices/system/node/node2/meminfo", "Node 2 MemTotal:  30 kB\nNode 2 MemFree:  30 kB\n"),
            ("sys/devices/system/node/node10/cpulist", "\n"),
            ("sys/devices/system/node/node10/meminfo", "Node 10 MemTotal:  8 kB\nNode 10 MemFree:  7 kB\n"),
            ("sys/devices/system/node/possible", "0-255\n"),
            ("proc/driver/nvidia/gpus/0004:04:00.0/numa_status", "Node:      10\nStatus:    online\n"),
            ("proc/driver/nvidia/gpus/0004:05:00.0/numa_status", "Node:      0\nStatus:    offline\n"),
        ]);
        let mut findings = Findings::default();
        let nodes = probe(&root, &mut findings);
        assert_eq!(nodes.iter().map(|node| node.node).collect::<Vec<_>>(), [0, 2, 10]);
        assert_eq!(of_gpus(&root, &nodes), Some((Bytes(8 << 10), Bytes(7 << 10))));
        assert!(findings.unknown_fields().is_empty());
    }

    #[test]
    fn a_kernel_without_nodes_is_one_node_with_everything() {
        let root = machine(&[
            ("sys/devices/system/cpu/online", "0-1\n"),
            ("proc/meminfo", "MemTotal: 100 kB\nMemFree: 50 kB\n"),
        ]);
        let nodes = probe(&root, &mut Findings::default());
        assert_eq!((nodes.len(), nodes[0].cpus.as_str()), (1, "0-1"));
        assert_eq!(of_gpus(&root, &nodes), None);
    }

    #[test]
    fn what_a_node_does_not_say_is_unknown_by_its_field() {
        let root = machine(&[("sys/devices/system/node/node3/cpulist", "3-1\n")]);
        let mut findings = Findings::default();
        assert_eq!(probe(&root, &mut findings).len(), 1);
        let fields = ["cpus", "memory_total", "memory_free"].map(|name| format!("{FIELD}[0].{name}"));
        assert_eq!(findings.unknown_fields(), fields);
    }

    proptest! {
        #[test]
        fn any_status_is_read_without_a_panic(text in "((Node|Status): *[a-z0-9]{0,12}\n)*|.*") {
            lent_node(&text);
        }
    }
}
