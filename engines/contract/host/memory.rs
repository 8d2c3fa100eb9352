//! Main memory: what there is, what a new process could take of it, and how fast it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StorageKind;
use crate::contract::Bytes;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// What the operating system manages.
    pub total: Option<Bytes>,
    /// What can be given out without swapping (`MemAvailable` on Linux).
    pub available: Option<Bytes>,
    /// The tightest limit that applies to this process; null with a source where none does.
    pub limit: Option<MemoryLimit>,
    pub swap: Vec<Swap>,
    /// Null with a source where the kernel has none.
    pub huge_pages: Option<HugePages>,
    /// Whether a GPU works in this same memory, so that what one takes the other lacks.
    pub unified: Option<bool>,
    /// Measured here and now.
    pub bandwidth: Option<Bandwidth>,
}

impl Memory {
    /// What a new process could take now: available memory, capped by what is left under the limit. Nothing where the
    /// available memory is unknown: no plan may count on memory that nobody saw.
    pub fn usable(&self) -> Bytes {
        let available = self.available.unwrap_or_default();
        match &self.limit {
            Some(limit) => available.min(limit.bytes.saturating_sub(limit.used)),
            None => available,
        }
    }

    /// The most that this machine, or this container, could ever give.
    pub fn ceiling(&self) -> Bytes {
        let total = self.total.unwrap_or_default();
        self.limit.as_ref().map_or(total, |limit| limit.bytes.min(total))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryLimit {
    pub bytes: Bytes,
    /// Of the limit, what is in use and can't be reclaimed (page cache not counted).
    pub used: Bytes,
    /// The file that says so, such as `/sys/fs/cgroup/memory.max`.
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Swap {
    /// `/dev/nvme0n1p3`, `/swapfile`.
    pub device: String,
    pub kind: SwapKind,
    pub size: Bytes,
    pub used: Bytes,
    /// What it lies on; null with a source for compressed memory.
    pub storage: Option<StorageKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SwapKind {
    Partition,
    File,
    /// Compressed memory: it takes from the same memory that it relieves.
    Zram,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HugePages {
    /// Bytes of one reserved page.
    pub size: Bytes,
    /// Pages reserved at boot or by an administrator; ordinary programs can't use them.
    pub reserved: u64,
    pub free: u64,
    /// `always`, `madvise` or `never`: transparent huge pages.
    pub transparent: Option<String>,
}

/// A triad (`a[i] = b[i] + s × c[i]`) over arrays larger than the caches; bytes are counted as STREAM counts them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bandwidth {
    /// With `threads` threads at once.
    pub bytes_per_second: u64,
    pub threads: u32,
    /// With one thread alone.
    pub one_thread_bytes_per_second: u64,
    /// Bytes of all arrays together.
    pub working_set: Bytes,
    /// How long the measurement took in all.
    pub milliseconds: u32,
}
