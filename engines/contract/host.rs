//! Facts about a machine, schema `edgeorch.host/v1`. A field that no source gives is `None` and listed in `unknown`.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Bytes;

/// One machine, as `edgeorch audit --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Always `edgeorch.host/v1`.
    pub schema: String,
    pub os: Os,
    pub cpu: Cpu,
    pub memory: Memory,
    /// Each accelerator once, by PCI address.
    pub gpus: Vec<Gpu>,
    /// What could not be found out, and why.
    pub unknown: Vec<Unknown>,
}

impl Host {
    pub const SCHEMA: &str = "edgeorch.host/v1";
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Os {
    /// `Debian GNU/Linux 12 (bookworm)`.
    pub name: Option<String>,
    /// `linux`, `macos`, `windows`.
    pub family: String,
    pub kernel: Option<String>,
    /// `glibc 2.36`, `musl`; decides which prebuilt engines can run.
    pub libc: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    X86_64,
    Aarch64,
    Armv7,
    Riscv64,
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cpu {
    pub architecture: Architecture,
    pub vendor: Option<String>,
    pub model: Option<String>,
    pub sockets: Option<u32>,
    pub physical_cores: Option<u32>,
    /// Hardware threads that are online.
    pub logical_cores: Option<u32>,
    /// What this process may use at once: affinity, cpuset and cgroup quota applied, rounded down, at least 1.
    pub usable_cores: u32,
    pub isa: BTreeSet<Isa>,
}

/// Instruction sets that engines are built for, by the kernel's own names for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Isa {
    #[serde(rename = "sse4_2")]
    Sse4_2,
    Avx,
    Avx2,
    Fma,
    F16c,
    Bmi2,
    #[serde(rename = "avx_vnni")]
    AvxVnni,
    Avx512f,
    Avx512bw,
    Avx512cd,
    Avx512dq,
    Avx512vl,
    #[serde(rename = "avx512vbmi")]
    Avx512Vbmi,
    #[serde(rename = "avx512_vnni")]
    Avx512Vnni,
    #[serde(rename = "avx512_bf16")]
    Avx512Bf16,
    #[serde(rename = "avx512_fp16")]
    Avx512Fp16,
    AmxTile,
    AmxInt8,
    AmxBf16,
    Neon,
    Fp16,
    Dotprod,
    I8mm,
    Bf16,
    Sve,
    Sve2,
    Sme,
    Rvv,
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // serde's name is the one name: a second table would drift from it.
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => f.pad(&name),
            _ => Err(fmt::Error),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    pub total: Bytes,
    /// What the kernel says can be given out without swapping (`MemAvailable`).
    pub available: Bytes,
    pub swap_total: Option<Bytes>,
    /// The tightest limit that applies to this process, where there is one.
    pub limit: Option<MemoryLimit>,
}

impl Memory {
    /// What a new process could take now: available memory, capped by what is left under the limit.
    pub fn usable(&self) -> Bytes {
        match &self.limit {
            Some(limit) => self.available.min(limit.bytes.saturating_sub(limit.used)),
            None => self.available,
        }
    }

    /// The most that this machine, or this container, could ever give.
    pub fn ceiling(&self) -> Bytes {
        self.limit.as_ref().map_or(self.total, |limit| limit.bytes.min(self.total))
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
pub struct Gpu {
    /// The vendor's own index, for flags that name devices.
    pub index: u32,
    pub name: Option<String>,
    /// `0000:01:00.0`.
    pub pci_address: Option<String>,
    pub memory_total: Option<Bytes>,
    pub memory_free: Option<Bytes>,
    pub driver: Option<String>,
    /// CUDA compute capability, such as `9.0`.
    pub compute_capability: Option<String>,
    /// Which interface gave these facts, such as `nvml`.
    pub source: String,
}

/// A fact that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// `cpu.model`, `gpus`.
    pub field: String,
    pub reason: String,
}
