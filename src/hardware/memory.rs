//! Main memory and swap, from `/proc/meminfo`.

use edgeorch_engines::contract::{Bytes, Memory};

use super::cgroup::Cgroups;
use super::gaps::Gaps;
use super::{Root, limit};

/// Sizes that can't be had are 0, and in `unknown`: nothing is planned into memory that nobody saw.
pub fn probe(root: &Root, cgroups: &Cgroups, gaps: &mut Gaps) -> Memory {
    let text = gaps.take("memory", root.read("proc/meminfo")).unwrap_or_default();
    let total = gaps.take("memory.total", size(&text, "MemTotal"));
    Memory {
        total: total.unwrap_or_default(),
        available: available(&text, gaps),
        swap_total: gaps.take("memory.swap_total", size(&text, "SwapTotal")),
        limit: limit::probe(root, cgroups, gaps),
    }
}

/// Kernels before 3.14 have no `MemAvailable`. What is free is then a lower bound, and said to be one.
fn available(text: &str, gaps: &mut Gaps) -> Bytes {
    match (size(text, "MemAvailable"), size(text, "MemFree")) {
        (Ok(available), _) => available,
        (Err(SizeFault::Missing(_)), Ok(free)) => {
            gaps.note(
                "memory.available",
                "/proc/meminfo has no MemAvailable: MemFree is given, a lower bound",
            );
            free
        }
        (Err(fault), _) => gaps.take("memory.available", Err(fault)).unwrap_or_default(),
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
        let mut gaps = Gaps::default();
        assert_eq!(available("MemFree: 4 kB\n", &mut gaps), Bytes(4096));
        assert_eq!(gaps.fields(), ["memory.available"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(MemTotal:? *[0-9a-z]{0,25} ?(kB)?\n)*|.*") {
            let _ = size(&text, "MemTotal");
            available(&text, &mut Gaps::default());
        }
    }
}
