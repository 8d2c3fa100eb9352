//! Caches, from `/sys/devices/system/cpu/cpu*/cache/index*`: each thread lists those that it can reach, so a shared one is
//! seen many times and counted once.

use std::collections::{BTreeMap, BTreeSet};

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Cache, CacheKind};

use super::cpu_list::CpuList;
use super::cpus;
use crate::Root;
use crate::findings::Findings;

const FIELD: &str = "cpu.caches";
const SOURCE: &str = "/sys/devices/system/cpu/cpu*/cache";
/// A CPU has four or five.
const MOST_PER_THREAD: usize = 16;

#[derive(Debug, Default)]
pub struct Caches {
    /// Each cache and the threads that share it, as a normal text.
    seen: BTreeSet<(Shape, String)>,
    /// What the kernel's folders said, by index and sharing threads: most threads repeat it.
    known: BTreeMap<(String, String), Option<Shape>>,
    first_level: BTreeMap<u32, BTreeSet<Shape>>,
    /// A cache whose folder lacks something.
    incomplete: bool,
}

/// Level, kind and bytes.
type Shape = (u8, CacheKind, u64);

impl Caches {
    pub fn read(root: &Root, online: &[u32]) -> Caches {
        let mut caches = Caches::default();
        for cpu in online {
            let folder = format!("{}/cpu{cpu}/cache", cpus::FOLDER);
            let names = root.list(&folder).unwrap_or_default();
            for index in names.into_iter().filter(|name| name.starts_with("index")).take(MOST_PER_THREAD) {
                caches.look(root, *cpu, index);
            }
        }
        caches
    }

    fn look(&mut self, root: &Root, cpu: u32, index: String) {
        let file = |name: &str| cpus::read(root, cpu, &format!("cache/{index}/{name}"));
        // Kernels before 2.6.27 write a mask only.
        let shared = file("shared_cpu_list").and_then(|text| CpuList::parse(&text));
        let shared = shared.or_else(|| CpuList::from_mask(&file("shared_cpu_map")?));
        let Some(shared) = shared.filter(|shared| shared.count() > 0) else {
            self.incomplete = true;
            return;
        };
        let shared = shared.to_string();
        let key = (index.clone(), shared.clone());
        let shape = *self.known.entry(key).or_insert_with(|| {
            let level = file("level")?.parse().ok()?;
            Some((level, kind(&file("type")?)?, size(&file("size")?)?))
        });
        match shape {
            Some(shape) => {
                if shape.0 == 1 {
                    self.first_level.entry(cpu).or_default().insert(shape);
                }
                self.seen.insert((shape, shared));
            }
            None => self.incomplete = true,
        }
    }

    /// Cores that differ have first-level caches of different sizes: threads in groups of equal ones, if there are several.
    pub fn kinds(&self) -> Option<Vec<Vec<u32>>> {
        let mut kinds: BTreeMap<&BTreeSet<Shape>, Vec<u32>> = BTreeMap::new();
        for (cpu, shapes) in &self.first_level {
            kinds.entry(shapes).or_default().push(*cpu);
        }
        (kinds.len() > 1).then(|| kinds.into_values().collect())
    }

    pub fn tell(self, findings: &mut Findings) -> Vec<Cache> {
        if self.seen.is_empty() {
            findings
                .unknown(FIELD, format_args!("{SOURCE} does not say: firmware or hypervisor told no sizes"));
            return Vec::new();
        }
        findings.known(FIELD, SOURCE);
        if self.incomplete {
            findings
                .unknown(FIELD, format_args!("some of {SOURCE} lacks its level, size or sharing threads"));
        }
        let mut counts: BTreeMap<Shape, u32> = BTreeMap::new();
        for (shape, _) in self.seen {
            *counts.entry(shape).or_default() += 1;
        }
        let cache = |((level, kind, size), instances)| Cache { level, kind, size: Bytes(size), instances };
        counts.into_iter().map(cache).collect()
    }
}

fn kind(text: &str) -> Option<CacheKind> {
    match text {
        "Data" => Some(CacheKind::Data),
        "Instruction" => Some(CacheKind::Instruction),
        "Unified" => Some(CacheKind::Unified),
        _ => None,
    }
}

/// `48K`; the kernel's K are 1,024 bytes.
fn size(text: &str) -> Option<u64> {
    let kib: u64 = text.strip_suffix('K')?.parse().ok()?;
    kib.checked_mul(Bytes::KIB).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Tree};

    fn machine(caches: &[(u32, u32, [&str; 4])]) -> Root {
        let mut tree = Tree::default();
        for (cpu, index, values) in caches {
            for (name, value) in ["level", "type", "size", "shared_cpu_list"].iter().zip(values) {
                let path = format!("{}/cpu{cpu}/cache/index{index}/{name}", cpus::FOLDER);
                tree.put(&path, Node::File(format!("{value}\n").into_bytes()));
            }
        }
        Root::of(tree)
    }

    #[test]
    fn a_shared_cache_is_counted_once_and_cores_with_other_caches_are_of_another_kind() {
        let root = machine(&[
            (0, 0, ["1", "Data", "48K", "0-1"]),
            (1, 0, ["1", "Data", "48K", "0-1"]),
            (2, 0, ["1", "Data", "32K", "2"]),
            (0, 1, ["3", "Unified", "24576K", "0-2"]),
            (1, 1, ["3", "Unified", "24576K", "0-2"]),
            (2, 1, ["3", "Unified", "24576K", "0-2"]),
        ]);
        let caches = Caches::read(&root, &[0, 1, 2]);
        assert_eq!(caches.kinds(), Some(vec![vec![2], vec![0, 1]]));
        let told: Vec<_> = caches
            .tell(&mut Findings::default())
            .into_iter()
            .map(|cache| (cache.level, cache.size.0 >> 10, cache.instances))
            .collect();
        assert_eq!(told, [(1, 32, 1), (1, 48, 1), (3, 24576, 1)]);
    }

    #[test]
    fn what_lacks_a_size_is_told_and_the_rest_stands() {
        let root = machine(&[
            (0, 0, ["1", "Data", "", "0"]),
            (0, 1, ["2", "Unified", "512K", "0"]),
            (0, 2, ["3", "Trace", "1K", "0"]),
            (0, 3, ["3", "Unified", "99999999999999999999K", "0"]),
        ]);
        let mut findings = Findings::default();
        assert_eq!(Caches::read(&root, &[0]).tell(&mut findings).len(), 1);
        assert_eq!(findings.unknown_fields(), [FIELD]);
    }
}
