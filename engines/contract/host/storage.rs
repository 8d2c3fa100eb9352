//! The storage that holds the models: room, kind, and how fast it reads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Bytes;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Storage {
    /// The folder that was looked at.
    pub path: Option<String>,
    /// Where its file system is mounted.
    pub mount: Option<String>,
    /// `ext4`, `btrfs`, `nfs4`, `apfs`.
    pub filesystem: Option<String>,
    /// The device at the bottom, below partitions, encryption and volumes: `nvme0n1`.
    pub device: Option<String>,
    /// As the device names itself.
    pub model: Option<String>,
    pub kind: Option<StorageKind>,
    pub total: Option<Bytes>,
    /// What an ordinary user may still write.
    pub free: Option<Bytes>,
    /// Null with a source where the file system has no fixed number.
    pub inodes_total: Option<u64>,
    pub inodes_free: Option<u64>,
    pub read_only: Option<bool>,
    /// Measured here and now.
    pub read: Option<ReadSpeed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StorageKind {
    Nvme,
    /// SATA, SAS or USB without moving parts.
    Ssd,
    Hdd,
    Emmc,
    Sd,
    /// A virtual machine's disk: what lies below is the host's.
    Virtual,
    Network,
    /// A container's writable layer, or another union of folders whose bottom can't be seen.
    Overlay,
    /// Memory: tmpfs, ramfs.
    Memory,
}

/// Sequential reading of a file that exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadSpeed {
    pub bytes_per_second: u64,
    pub method: ReadMethod,
    /// How much was read.
    pub bytes: Bytes,
    pub milliseconds: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadMethod {
    /// Past the page cache (`O_DIRECT`).
    Direct,
    /// Through the page cache, after asking the kernel to drop the file from it; may be too high.
    Cached,
}
