use super::*;
use crate::{Node, Tree};

struct Machine {
    tree: Tree,
    cpuinfo: String,
}

/// Threads by number: what each one's folder says.
fn machine(cpus: &[&[(&str, &str)]], cpuinfo: &str) -> Machine {
    let mut tree = Tree::default();
    for (cpu, files) in cpus.iter().enumerate() {
        for (file, text) in *files {
            let path = format!("{}/cpu{cpu}/{file}", cpus::FOLDER);
            tree.put(&path, Node::File(format!("{text}\n").into_bytes()));
        }
    }
    Machine { tree, cpuinfo: cpuinfo.to_owned() }
}

impl Machine {
    fn with(mut self, path: &str, text: &str) -> Machine {
        self.tree.put(path, Node::File(text.as_bytes().to_vec()));
        self
    }

    fn kinds(self, threads: u32) -> (Vec<CoreKind>, Findings) {
        let root = Root::of(self.tree);
        let online: Vec<u32> = (0..threads).collect();
        let info = CpuInfo::parse(&self.cpuinfo);
        let topology = super::super::topology::read(&root, &online, &info);
        let mut findings = Findings::default();
        let caches = Caches::read(&root, &online);
        let kinds = probe(&root, &info, &online, &topology, &caches, &mut findings);
        (kinds, findings)
    }
}

/// Class, cores, threads, highest clock.
fn shape(kinds: &[CoreKind]) -> Vec<(Option<CoreClass>, u32, u32, Option<u32>)> {
    kinds.iter().map(|kind| (kind.class, kind.cores, kind.threads, kind.max_mhz)).collect()
}

fn arm(parts: &[&str]) -> String {
    let section =
        |(i, part): (usize, &&str)| format!("processor: {i}\nCPU implementer: 0x41\nCPU part: {part}\n\n");
    parts.iter().enumerate().map(section).collect()
}

const PERFORMANCE: Option<CoreClass> = Some(CoreClass::Performance);
const MIDDLE: Option<CoreClass> = Some(CoreClass::Middle);
const EFFICIENCY: Option<CoreClass> = Some(CoreClass::Efficiency);

#[test]
fn the_kernel_s_lists_tell_performance_from_efficiency_cores() {
    let first = [("topology/core_cpus_list", "0-1"), ("cpufreq/cpuinfo_max_freq", "5000000")];
    let last = [("topology/core_cpus_list", "2"), ("cpufreq/cpuinfo_max_freq", "3900000")];
    let hybrid = machine(&[&first, &first, &last], "processor: 0\nvendor_id: GenuineIntel\n")
        .with("sys/devices/cpu_core/cpus", "0-1\n")
        .with("sys/devices/cpu_atom/cpus", "2\n");
    let (kinds, findings) = hybrid.kinds(3);
    assert_eq!(shape(&kinds), [(PERFORMANCE, 1, 2, Some(5000)), (EFFICIENCY, 1, 1, Some(3900))]);
    assert!(findings.source("cpu.core_kinds[0].name").is_some());
}

#[test]
fn big_and_little_are_named_and_ordered_by_what_the_scheduler_thinks_of_them() {
    let cpu = |capacity| [("cpu_capacity", capacity), ("topology/core_cpus_list", "x")];
    let (little, middle, big) = (cpu("300"), cpu("700"), cpu("1024"));
    let (kinds, _) =
        machine(&[&little, &middle, &big, &little], &arm(&["0xd80", "0xd81", "0xd82", "0xd80"])).kinds(4);
    let names: Vec<_> = kinds.iter().map(|kind| kind.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["Cortex-X4", "Cortex-A720", "Cortex-A520"]);
    let classes: Vec<_> = kinds.iter().map(|kind| (kind.class, kind.threads)).collect();
    assert_eq!(classes, [(PERFORMANCE, 1), (MIDDLE, 1), (EFFICIENCY, 2)]);
}

#[test]
fn kinds_without_a_measure_of_speed_have_no_class_and_threads_without_topology_are_said_to_be_cores() {
    let (kinds, findings) = machine(&[], &arm(&["0xd03", "0xd08"])).kinds(2);
    assert_eq!(shape(&kinds), [(None, 1, 1, None), (None, 1, 1, None)]);
    let unknown = findings.unknown_fields();
    for field in ["class", "cores", "max_mhz", "min_mhz"] {
        assert!(unknown.contains(&format!("cpu.core_kinds[1].{field}").as_str()), "{field}");
    }
}

#[test]
fn one_kind_is_no_class_and_a_list_that_leaves_a_thread_out_is_not_believed() {
    let lists = machine(&[], "processor: 0\nvendor_id: GenuineIntel\n")
        .with("sys/devices/cpu_core/cpus", "0\n")
        .with("sys/devices/cpu_atom/cpus", "1\n");
    let (kinds, findings) = lists.kinds(4);
    assert_eq!(kinds.len(), 1);
    assert_eq!(findings.source("cpu.core_kinds[0].class"), Some(ALIKE));
}

#[test]
fn compact_cores_that_only_their_clock_betrays_are_left_in_doubt() {
    let (full, compact) =
        ([("cpufreq/cpuinfo_max_freq", "5100000")], [("cpufreq/cpuinfo_max_freq", "3300000")]);
    let (kinds, findings) =
        machine(&[&full, &compact], "processor: 0\nvendor_id: AuthenticAMD\nprocessor: 1\n").kinds(2);
    assert_eq!((kinds.len(), kinds[0].max_mhz), (1, Some(5100)));
    assert!(findings.unknown_fields().contains(&"cpu.core_kinds[0].class"));
}

#[test]
fn cores_with_numbers_that_no_table_has_are_a_kind_without_a_name() {
    let (kinds, findings) = machine(&[], &arm(&["0xd0b", "0xfff"])).kinds(2);
    let names: Vec<_> = kinds.iter().map(|kind| kind.name.as_deref()).collect();
    assert_eq!(names, [Some("Cortex-A76"), None]);
    assert!(findings.unknown_fields().contains(&"cpu.core_kinds[1].name"));
}
