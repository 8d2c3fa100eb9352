//! Facts about a machine, schema `edgeorch.host/v1`.
//!
//! Every field has a source or a reason. A value stands in [`Host::sources`] with where it came from; a null or an empty
//! list does too where it was looked at and there is none (no swap, no limit, a chip on no bus). What could not be found
//! out is null and stands in [`Host::unknown`] with the reason. Paths in both are those of the JSON, such as
//! `cpu.model` or `accelerators[0].memory.free`; an entry speaks for everything below it that has no entry of its own.

mod accelerator;
mod cpu;
mod memory;
mod power;
mod software;
mod storage;
mod system;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use accelerator::{
    Accelerator, AcceleratorKind, Api, Clocks, DeviceMemory, DevicePower, Driver, LaneRate, Link, MemoryKind,
    MemoryPart, Nominal, PciDevice, Slice, Target, Throttle, Vendor,
};
pub use cpu::{Architecture, Cache, CacheKind, CoreClass, CoreKind, Cpu, Isa, NumaNode};
pub use memory::{Bandwidth, HugePages, Memory, MemoryLimit, Swap, SwapKind};
pub use power::{
    Battery, Power, PowerLimit, PowerMode, PowerSupply, RaplDomain, Thermal, ThermalZone, ThrottleCount,
    UnderVoltage,
};
pub use software::{ContainerEngine, EngineFound, EngineOrigin, Library, Python, Software};
pub use storage::{ReadMethod, ReadSpeed, Storage, StorageKind};
pub use system::{Machine, MachineKind, Os, OsFamily};

/// One machine, as `edgeorch audit --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Host {
    /// Always `edgeorch.host/v1`.
    pub schema: String,
    pub machine: Machine,
    pub os: Os,
    pub cpu: Cpu,
    pub memory: Memory,
    /// Each accelerator once: those on a PCI bus by address, then those that are part of a chip.
    pub accelerators: Vec<Accelerator>,
    /// Where models are kept.
    pub storage: Storage,
    pub power: Power,
    pub thermal: Thermal,
    pub software: Software,
    /// Where each field came from.
    pub sources: BTreeMap<String, String>,
    /// What could not be found out, and why.
    pub unknown: Vec<Unknown>,
}

impl Host {
    pub const SCHEMA: &str = "edgeorch.host/v1";
}

/// A fact that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unknown {
    /// `cpu.model`, `accelerators[1].memory.free`.
    pub field: String,
    pub reason: String,
    /// How to find out, such as `run the audit as root`; null where nothing is known to help.
    pub remedy: Option<String>,
}
