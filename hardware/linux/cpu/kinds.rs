//! Kinds of core: performance and efficiency, big and little.
//!
//! What tells them apart, the surest first: the kernel's own lists on x86 (`/sys/devices/cpu_core`, `cpu_atom`), the name that
//! `/proc/cpuinfo` gives to each core, first-level caches of different sizes, and the capacity by which the scheduler weighs
//! them. Which kind is the faster is that capacity too, else the highest clock.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use edgeorch_engines::contract::host::{CoreClass, CoreKind};

use super::arm::{self, ArmError};
use super::caches::Caches;
use super::cpu_list::CpuList;
use super::cpuinfo::{CpuInfo, Fields};
use super::cpus;
use super::topology::Topology;
use crate::Root;
use crate::findings::{Findings, printable};

const FIELD: &str = "cpu.core_kinds";
const ALIKE: &str = "nothing in /proc/cpuinfo or sysfs tells cores apart";
/// Fastest first.
const PMUS: [&str; 3] = ["cpu_core", "cpu_atom", "cpu_lowpower"];

/// Cores that are alike.
#[derive(Debug, Default)]
struct Group {
    name: Name,
    threads: Vec<u32>,
    capacity: Option<u64>,
    /// Highest and lowest clock in kHz.
    max: Option<u64>,
    min: Option<u64>,
    /// Whether some reach another highest clock than others.
    uneven: bool,
}

#[derive(Clone, Debug, Default)]
enum Name {
    Given(String),
    Unlisted(ArmError),
    /// One name stands for all cores.
    #[default]
    None,
}

/// Groups and what told them apart.
struct Grouping {
    groups: Vec<Group>,
    source: &'static str,
    /// The source has them by speed.
    ordered: bool,
}

pub fn probe(
    root: &Root,
    info: &CpuInfo,
    online: &[u32],
    topology: &Topology,
    caches: &Caches,
    findings: &mut Findings,
) -> Vec<CoreKind> {
    let listed: Vec<u32> = info.values("processor").filter_map(|number| number.parse().ok()).collect();
    let threads = if online.is_empty() { listed } else { online.to_vec() };
    if threads.is_empty() {
        findings.unknown(FIELD, "neither /sys/devices/system/cpu/online nor /proc/cpuinfo lists the CPUs");
        return Vec::new();
    }
    let mut grouping = told_apart(root, info, threads, caches);
    for group in &mut grouping.groups {
        group.look(root);
    }
    findings.known(FIELD, grouping.source);
    let classes = classes(&mut grouping);
    let alike = grouping.groups.len() == 1;
    let doubtful = info.first("vendor_id") == Some("AuthenticAMD");
    let kinds = grouping.groups.into_iter().zip(classes).enumerate();
    kinds
        .map(|(i, (group, class))| group.tell(i, class, Told { alike, doubtful, topology }, findings))
        .collect()
}

fn told_apart(root: &Root, info: &CpuInfo, threads: Vec<u32>, caches: &Caches) -> Grouping {
    let grouping = |lists: Vec<Vec<u32>>, source, ordered| {
        let group = |threads| Group { threads, ..Group::default() };
        Grouping { groups: lists.into_iter().map(group).collect(), source, ordered }
    };
    if let Some(lists) = by_kernel(root, &threads) {
        return grouping(lists, "/sys/devices/cpu_core, cpu_atom and cpu_lowpower", true);
    }
    let names = by_name(info, &threads);
    if names.len() > 1 {
        return Grouping { groups: names, source: "the names of the cores in /proc/cpuinfo", ordered: false };
    }
    if let Some(lists) = caches.kinds() {
        return grouping(
            lists,
            "first-level caches of different sizes in /sys/devices/system/cpu/cpu*/cache",
            false,
        );
    }
    let name = names.into_iter().next().map(|group| group.name).unwrap_or_default();
    let capacities = by_capacity(root, &threads);
    if capacities.len() > 1 {
        let group = |threads| Group { name: name.clone(), threads, ..Group::default() };
        let groups = capacities.into_values().map(group).collect();
        return Grouping { groups, source: "/sys/devices/system/cpu/cpu*/cpu_capacity", ordered: false };
    }
    let all = Group { name, threads, ..Group::default() };
    Grouping { groups: vec![all], source: ALIKE, ordered: true }
}

fn by_kernel(root: &Root, threads: &[u32]) -> Option<Vec<Vec<u32>>> {
    let cpus = |pmu: &str| {
        let list = CpuList::parse(&root.read(&format!("sys/devices/{pmu}/cpus")).ok()?)?;
        let own: Vec<u32> = threads.iter().copied().filter(|thread| list.contains(*thread)).collect();
        (!own.is_empty()).then_some(own)
    };
    let lists: Vec<Vec<u32>> = PMUS.iter().filter_map(|pmu| cpus(pmu)).collect();
    let complete = lists.iter().map(Vec::len).sum::<usize>() == threads.len();
    (lists.len() > 1 && complete).then_some(lists)
}

/// In the file's order. A file that leaves threads out tells nothing of kinds.
fn by_name(info: &CpuInfo, threads: &[u32]) -> Vec<Group> {
    let mut named: Vec<(u32, String, Name)> = arm::parts(info)
        .into_iter()
        .map(|(thread, part)| (thread, part.numbers, part.name.map_or_else(Name::Unlisted, Name::Given)))
        .collect();
    if named.is_empty() {
        let uarch = |fields: &Fields| {
            let name = printable(fields.get("uarch")?).ok().filter(|name| name != "-")?;
            Some((fields.get("processor")?.parse().ok()?, name.clone(), Name::Given(name)))
        };
        named = info.processors().filter_map(uarch).collect();
    }
    let mut kinds: Vec<(String, Group)> = Vec::new();
    for (thread, key, name) in named.into_iter().filter(|(thread, ..)| threads.contains(thread)) {
        match kinds.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.threads.push(thread),
            None => kinds.push((key, Group { name, threads: vec![thread], ..Group::default() })),
        }
    }
    let seen: usize = kinds.iter().map(|(_, group)| group.threads.len()).sum();
    if seen == threads.len() { kinds.into_iter().map(|(_, group)| group).collect() } else { Vec::new() }
}

fn by_capacity(root: &Root, threads: &[u32]) -> BTreeMap<u64, Vec<u32>> {
    let mut kinds: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for thread in threads {
        let Some(capacity) = cpus::number(root, *thread, "cpu_capacity") else { return BTreeMap::new() };
        kinds.entry(capacity).or_default().push(*thread);
    }
    kinds
}

/// Sorts the groups, fastest first, and gives each its class; `None` for all where nothing tells which is the faster.
fn classes(grouping: &mut Grouping) -> Vec<Option<CoreClass>> {
    let groups = &mut grouping.groups;
    let speed: Option<fn(&Group) -> Option<u64>> = if grouping.ordered {
        None
    } else {
        let speeds: [fn(&Group) -> Option<u64>; 2] = [|group| group.capacity, |group| group.max];
        speeds.into_iter().find(|speed| distinct(groups, *speed))
    };
    if let Some(speed) = speed {
        groups.sort_by_key(|group| Reverse(speed(group)));
    }
    let last = groups.len().saturating_sub(1);
    let class = |i| match i {
        _ if last == 0 || (speed.is_none() && !grouping.ordered) => None,
        0 => Some(CoreClass::Performance),
        i if i == last => Some(CoreClass::Efficiency),
        _ => Some(CoreClass::Middle),
    };
    (0..groups.len()).map(class).collect()
}

fn distinct(groups: &[Group], speed: fn(&Group) -> Option<u64>) -> bool {
    let mut speeds: Vec<Option<u64>> = groups.iter().map(speed).collect();
    speeds.sort_unstable();
    speeds.dedup();
    speeds.len() == groups.len() && speeds.iter().all(Option::is_some)
}

/// What holds for the whole CPU.
#[derive(Clone, Copy)]
struct Told<'a> {
    /// There is one kind only.
    alike: bool,
    /// AMD mixes full and compact cores with caches and names alike.
    doubtful: bool,
    topology: &'a Topology,
}

impl Group {
    fn look(&mut self, root: &Root) {
        let of = |file: &str| -> Vec<Option<u64>> {
            self.threads.iter().map(|thread| cpus::number(root, *thread, file)).collect()
        };
        self.capacity = of("cpu_capacity").into_iter().flatten().max();
        let highest = of("cpufreq/cpuinfo_max_freq");
        self.uneven = highest.iter().any(|clock| *clock != highest[0]);
        self.max = highest.into_iter().flatten().max();
        self.min = of("cpufreq/cpuinfo_min_freq").into_iter().flatten().min();
    }

    fn tell(self, i: usize, class: Option<CoreClass>, told: Told, findings: &mut Findings) -> CoreKind {
        let field = |name: &str| format!("{FIELD}[{i}].{name}");
        match &self.name {
            Name::Given(_) => findings.known(field("name"), "/proc/cpuinfo"),
            Name::Unlisted(error) => findings.unknown(field("name"), error),
            Name::None => findings.none(field("name"), "/proc/cpuinfo gives one name for the whole CPU"),
        }
        match class {
            Some(_) => {}
            None if !told.alike => {
                findings.unknown(field("class"), "neither capacity nor highest clock says which is the faster");
            }
            None if told.doubtful && self.uneven => findings.unknown(
                field("class"),
                "some cores reach a higher clock than others, and the kernel does not say whether they differ",
            ),
            None => findings.none(field("class"), ALIKE),
        }
        let threads = u32::try_from(self.threads.len()).unwrap_or(u32::MAX);
        let cores = told.topology.cores_of(&self.threads);
        if cores.is_none() {
            findings.unknown(
                field("cores"),
                "no topology in sysfs or /proc/cpuinfo: each hardware thread is counted as a core",
            );
        }
        CoreKind {
            name: match self.name {
                Name::Given(name) => Some(name),
                Name::Unlisted(_) | Name::None => None,
            },
            class,
            cores: cores.unwrap_or(threads),
            threads,
            max_mhz: clock(self.max, field("max_mhz"), "cpuinfo_max_freq", findings),
            min_mhz: clock(self.min, field("min_mhz"), "cpuinfo_min_freq", findings),
        }
    }
}

fn clock(khz: Option<u64>, field: String, file: &str, findings: &mut Findings) -> Option<u32> {
    let mhz = khz.and_then(|khz| u32::try_from(khz / 1000).ok()).filter(|mhz| *mhz > 0);
    match mhz {
        Some(_) => findings.known(field, format_args!("/sys/devices/system/cpu/cpu*/cpufreq/{file}")),
        None => findings.unknown(field, "the kernel does not control the clock here: there is no cpufreq"),
    }
    mhz
}

#[cfg(test)]
mod tests;
