//! Lines of `/proc/meminfo`: `MemTotal:       24684096 kB`.

use edgeorch_engines::contract::Bytes;

/// The kernel's kB are 1,024 bytes.
pub fn size(text: &str, key: &'static str) -> Result<Bytes, SizeFault> {
    let mut words = value(text, key).ok_or(SizeFault::Missing(key))?.split_whitespace();
    let kib = words.next().and_then(|number| number.parse::<u64>().ok());
    match (kib.and_then(|kib| kib.checked_mul(Bytes::KIB)), words.next()) {
        (Some(bytes), Some("kB")) => Ok(Bytes(bytes)),
        _ => Err(SizeFault::Malformed(key)),
    }
}

/// A number without a unit, such as `HugePages_Total:       0`.
pub fn count(text: &str, key: &'static str) -> Result<u64, SizeFault> {
    let value = value(text, key).ok_or(SizeFault::Missing(key))?;
    value.trim().parse().map_err(|_| SizeFault::NoCount(key))
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeFault {
    #[error("/proc/meminfo has no {0}")]
    Missing(&'static str),
    #[error("{0} in /proc/meminfo is no size in kB")]
    Malformed(&'static str),
    #[error("{0} in /proc/meminfo is no number")]
    NoCount(&'static str),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_kibibytes_by_their_exact_name() {
        let text = "MemTotal:  100 kB\nSwapTotal: 0 kB\nSwap: 7 kB\nHugePages_Total:  12\n";
        assert_eq!(size(text, "MemTotal"), Ok(Bytes(102_400)));
        assert_eq!(size(text, "SwapTotal"), Ok(Bytes::ZERO));
        assert_eq!(size(text, "MemFree"), Err(SizeFault::Missing("MemFree")));
        assert_eq!(count(text, "HugePages_Total"), Ok(12));
        assert_eq!(count(text, "MemTotal"), Err(SizeFault::NoCount("MemTotal")));
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

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(MemTotal:? *[0-9a-z]{0,25} ?(kB)?\n)*|.*") {
            let _ = (size(&text, "MemTotal"), count(&text, "MemTotal"));
        }
    }
}
