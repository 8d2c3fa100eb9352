//! The processor: what it is, how many cores of which kind, what they can do.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Bytes;

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
    /// Cores that differ, fastest first; one entry where all are alike.
    pub core_kinds: Vec<CoreKind>,
    /// Instruction sets that every core has.
    pub isa: BTreeSet<Isa>,
    pub caches: Vec<Cache>,
    /// Memory nodes by number. One node on machines without NUMA.
    pub numa_nodes: Vec<NumaNode>,
}

/// Cores of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CoreKind {
    /// `Cortex-A76`; null where the kernel gives one name for the whole CPU.
    pub name: Option<String>,
    /// Null with a source where all cores are alike.
    pub class: Option<CoreClass>,
    /// Online cores.
    pub cores: u32,
    /// Their online hardware threads.
    pub threads: u32,
    /// The highest clock that the hardware allows, turbo included.
    pub max_mhz: Option<u32>,
    /// The lowest clock.
    pub min_mhz: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoreClass {
    /// The fastest kind of a mixed CPU.
    Performance,
    /// A kind between the fastest and the slowest.
    Middle,
    /// The slowest kind of a mixed CPU.
    Efficiency,
}

/// Caches of one level and kind, all of one size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cache {
    pub level: u8,
    pub kind: CacheKind,
    /// Bytes of each.
    pub size: Bytes,
    /// How many there are.
    pub instances: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CacheKind {
    Data,
    Instruction,
    Unified,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NumaNode {
    pub node: u32,
    /// Its CPUs as the kernel lists them, such as `0-15,32-47`; empty for memory without CPUs (HBM, CXL, GPU memory).
    pub cpus: String,
    pub memory_total: Option<Bytes>,
    pub memory_free: Option<Bytes>,
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
