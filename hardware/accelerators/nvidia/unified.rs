//! Memory that a GPU shares with its processor: what the system has of it.

use edgeorch_engines::contract::Bytes;

use crate::Root;

pub const SOURCE: &str = "/proc/meminfo: the GPU shares the system's memory";

/// The system's memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    pub total: Option<Bytes>,
    pub available: Option<Bytes>,
}

pub fn read(root: &Root) -> Memory {
    let text = root.read("proc/meminfo").unwrap_or_default();
    Memory { total: size(&text, "MemTotal"), available: size(&text, "MemAvailable") }
}

/// `MemTotal:       127600748 kB`
fn size(text: &str, key: &str) -> Option<Bytes> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let kib: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(Bytes::KIB).map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_by_their_exact_name() {
        let text = "MemTotal:  100 kB\nMemAvailableX: 7 kB\nMemFree: 99999999999999999999 kB\n";
        assert_eq!(size(text, "MemTotal"), Some(Bytes(102_400)));
        assert_eq!(
            (size(text, "MemAvailable"), size(text, "MemFree"), size("", "MemTotal")),
            (None, None, None)
        );
    }
}
