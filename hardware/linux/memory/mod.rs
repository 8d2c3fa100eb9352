//! Main memory and swap, from `/proc/meminfo` and `/proc/swaps`.

use edgeorch_engines::contract::host::NumaNode;
use edgeorch_engines::contract::{Bytes, Memory};

use crate::Root;
use crate::findings::Findings;
use crate::linux::cgroup::Cgroups;
use crate::linux::numa;
use meminfo::{SizeFault, size};

mod huge_pages;
mod limit;
pub mod meminfo;
mod swap;

pub fn probe(root: &Root, cgroups: &Cgroups, nodes: &[NumaNode], findings: &mut Findings) -> Memory {
    let text = findings.take("memory", root.read("proc/meminfo")).unwrap_or_default();
    let total = findings.learn("memory.total", "MemTotal in /proc/meminfo", size(&text, "MemTotal"));
    let available = available(&text, findings);
    let (total, available) = match numa::of_gpus(root, nodes) {
        Some(gpus) => without_gpus(total, available, gpus, findings),
        None => (total, available),
    };
    Memory {
        total,
        available,
        limit: limit::probe(root, cgroups, findings),
        swap: swap::probe(root, &text, findings),
        huge_pages: huge_pages::probe(root, &text, findings),
        ..Memory::default()
    }
}

/// Kernels before 3.14 have no `MemAvailable`. What is free is then a lower bound, and said to be one.
fn available(text: &str, findings: &mut Findings) -> Option<Bytes> {
    const FIELD: &str = "memory.available";
    match (size(text, "MemAvailable"), size(text, "MemFree")) {
        (Err(SizeFault::Missing(_)), Ok(free)) => {
            findings.known(FIELD, "MemFree in /proc/meminfo");
            findings.unknown(FIELD, "/proc/meminfo has no MemAvailable: MemFree is given, a lower bound");
            Some(free)
        }
        (available, _) => findings.learn(FIELD, "MemAvailable in /proc/meminfo", available),
    }
}

/// The kernel counts the memory that a GPU lends to the system as its own; programs that want main memory must not.
fn without_gpus(
    total: Option<Bytes>,
    available: Option<Bytes>,
    (lent, free): (Bytes, Bytes),
    findings: &mut Findings,
) -> (Option<Bytes>, Option<Bytes>) {
    let less = "less the GPUs' own memory, which the system counts as memory nodes without CPUs";
    for (field, key, value) in [("total", "MemTotal", total), ("available", "MemAvailable", available)] {
        if value.is_some() {
            findings.known(format!("memory.{field}"), format_args!("{key} in /proc/meminfo, {less}"));
        }
    }
    (total.map(|total| total.saturating_sub(lent)), available.map(|available| available.saturating_sub(free)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_kernel_gives_the_free_memory_and_says_that_it_is_a_lower_bound() {
        let mut findings = Findings::default();
        assert_eq!(available("MemFree: 4 kB\n", &mut findings), Some(Bytes(4096)));
        assert_eq!(findings.unknown_fields(), ["memory.available"]);
    }

    #[test]
    fn memory_lent_by_gpus_is_no_main_memory() {
        let mut findings = Findings::default();
        let lent = (Bytes(90), Bytes(80));
        let memory = without_gpus(Some(Bytes(340)), Some(Bytes(300)), lent, &mut findings);
        assert_eq!(memory, (Some(Bytes(250)), Some(Bytes(220))));
        assert!(findings.source("memory.total").unwrap().contains("GPU"));
    }
}
