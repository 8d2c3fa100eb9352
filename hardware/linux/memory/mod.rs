//! Main memory and swap, from `/proc/meminfo`.

use edgeorch_engines::contract::{Bytes, Memory};

use crate::Root;
use crate::findings::Findings;
use crate::linux::cgroup::Cgroups;

mod limit;

pub fn probe(root: &Root, cgroups: &Cgroups, findings: &mut Findings) -> Memory {
    let text = findings.take("memory", root.read("proc/meminfo")).unwrap_or_default();
    let total = findings.take("memory.total", size(&text, "MemTotal"));
    Memory {
        total,
        available: available(&text, findings),
        limit: limit::probe(root, cgroups, findings),
        ..Memory::default()
    }
}

/// Kernels before 3.14 have no `MemAvailable`. What is free is then a lower bound, and said to be one.
fn available(text: &str, findings: &mut Findings) -> Option<Bytes> {
    match (size(text, "MemAvailable"), size(text, "MemFree")) {
        (Ok(available), _) => Some(available),
        (Err(SizeFault::Missing(_)), Ok(free)) => {
            findings.unknown(
                "memory.available",
                "/proc/meminfo has no MemAvailable: MemFree is given, a lower bound",
            );
            Some(free)
        }
        (Err(fault), _) => findings.take("memory.available", Err(fault)),
    }
}

/// `MemTotal:       24684096 kB`; the kernel's kB are 1,024 bytes.
fn size(text: &str, key: &'static str) -> Result<Bytes, SizeFault> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .ok_or(SizeFault::Missing(key))?;
    let mut words = value.split_whitespace();
    let kib = words.next().and_then(|number| number.parse::<u64>().ok());
    match (kib.and_then(|kib| kib.checked_mul(Bytes::KIB)), words.next()) {
        (Some(bytes), Some("kB")) => Ok(Bytes(bytes)),
        _ => Err(SizeFault::Malformed(key)),
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum SizeFault {
    #[error("/proc/meminfo has no {0}")]
    Missing(&'static str),
    #[error("{0} in /proc/meminfo is no size in kB")]
    Malformed(&'static str),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_kibibytes_by_their_exact_name() {
        let text = "MemTotal:  100 kB\nSwapTotal: 0 kB\nSwap: 7 kB\n";
        assert_eq!(size(text, "MemTotal"), Ok(Bytes(102_400)));
        assert_eq!(size(text, "SwapTotal"), Ok(Bytes::ZERO));
        assert_eq!(size(text, "MemFree"), Err(SizeFault::Missing("MemFree")));
    }

    #[test]
    fn numbers_that_overflow_or_have_no_unit_are_malformed() {
        for line in [
            "MemTotal: 99999999999999999999 kB",
            "MemTotal: 18446744073709551615 kB",
            "MemTotal: 5",
            "MemTotal: x kB",
        ] {
            assert_eq!(size(line, "MemTotal"), Err(SizeFault::Malformed("MemTotal")), "{line}");
        }
    }

    #[test]
    fn an_old_kernel_gives_the_free_memory_and_says_that_it_is_a_lower_bound() {
        let mut findings = Findings::default();
        assert_eq!(available("MemFree: 4 kB\n", &mut findings), Some(Bytes(4096)));
        assert_eq!(findings.unknown_fields(), ["memory.available"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(MemTotal:? *[0-9a-z]{0,25} ?(kB)?\n)*|.*") {
            let _ = size(&text, "MemTotal");
            available(&text, &mut Findings::default());
        }
    }
}
