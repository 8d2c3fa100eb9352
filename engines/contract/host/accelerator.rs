//! GPUs and NPUs: what each is, what memory it has, and what slows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Bytes;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Accelerator {
    pub kind: AcceleratorKind,
    pub vendor: Vendor,
    /// The vendor's own index, for flags that name devices; null with a source where the vendor numbers none.
    pub index: Option<u32>,
    /// The vendor's lasting identity, such as `GPU-…`.
    pub uuid: Option<String>,
    pub name: Option<String>,
    /// Null with a source for parts of a chip that sit on no PCI bus.
    pub pci: Option<PciDevice>,
    /// Interfaces through which programs can compute on it here: driver and user library are both there.
    pub apis: Vec<Api>,
    pub memory: DeviceMemory,
    pub target: Option<Target>,
    /// As the vendor counts: streaming multiprocessors, compute units, Xe cores, Apple's GPU cores.
    pub cores: Option<u32>,
    pub driver: Option<Driver>,
    /// The newest run-time version that the driver serves, such as `CUDA 13.2`, `ROCm 6.4.1`.
    pub runtime: Option<String>,
    /// The PCI Express link; null with a source where there is none.
    pub link: Option<Link>,
    pub power: DevicePower,
    pub temperature_celsius: Option<f64>,
    pub clocks: Option<Clocks>,
    /// Why it runs below its full clock now; empty: nothing slows it.
    pub throttling: Option<Vec<Throttle>>,
    /// Parts that it is divided into (NVIDIA's MIG); programs see these instead of the whole. Empty: undivided.
    pub slices: Vec<Slice>,
    /// Types of weights that its hardware computes on or its runtime accepts, where that is known.
    pub weight_types: Option<Vec<String>>,
    /// What can't be measured, out of edgeorch's table of devices.
    pub nominal: Option<Nominal>,
}

impl Accelerator {
    /// A device of which nothing is known yet.
    pub fn new(kind: AcceleratorKind, vendor: Vendor) -> Accelerator {
        Accelerator {
            kind,
            vendor,
            index: None,
            uuid: None,
            name: None,
            pci: None,
            apis: Vec::new(),
            memory: DeviceMemory::default(),
            target: None,
            cores: None,
            driver: None,
            runtime: None,
            link: None,
            power: DevicePower::default(),
            temperature_celsius: None,
            clocks: None,
            throttling: None,
            slices: Vec::new(),
            weight_types: None,
            nominal: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AcceleratorKind {
    Gpu,
    Npu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    Nvidia,
    Amd,
    Intel,
    Apple,
    Qualcomm,
    Arm,
    Broadcom,
    Imagination,
    Rockchip,
    Hailo,
    Google,
    Huawei,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PciDevice {
    /// `0000:01:00.0`.
    pub address: String,
    /// Four hexadecimal digits, such as `10de`.
    pub vendor_id: String,
    /// Four hexadecimal digits, such as `2684`.
    pub device_id: String,
    /// Vendor and device of the board, such as `1458:40bf`.
    pub subsystem: Option<String>,
    /// Two hexadecimal digits, such as `c8`: some products differ in nothing else.
    pub revision: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    Cuda,
    Rocm,
    Metal,
    Vulkan,
    #[serde(rename = "opencl")]
    OpenCl,
    LevelZero,
    /// Windows' Direct3D 12 and DirectML.
    #[serde(rename = "directml")]
    DirectMl,
    /// Qualcomm's AI Engine Direct.
    Qnn,
    Xdna,
    #[serde(rename = "openvino")]
    OpenVino,
    Rknn,
    #[serde(rename = "hailort")]
    HailoRt,
    #[serde(rename = "edgetpu")]
    EdgeTpu,
    Cann,
    #[serde(rename = "coreml")]
    CoreMl,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceMemory {
    pub kind: Option<MemoryKind>,
    /// What programs can ever have on it.
    pub total: Option<Bytes>,
    /// What a new program could take now. For unified memory the system's available memory bounds it too.
    pub free: Option<Bytes>,
    /// What the total is made of, where it has several parts: `vram`, `gtt`, `carve-out`.
    pub parts: Vec<MemoryPart>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemoryKind {
    /// Its own.
    Dedicated,
    /// The system's, all of it or up to a limit.
    Unified,
    /// A part of the system's memory set aside by firmware, and more of it on demand.
    CarveOut,
    /// None to speak of: models live on the chip or stream from the system.
    OnChip,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryPart {
    pub name: String,
    pub total: Bytes,
    pub used: Option<Bytes>,
}

/// What code must be compiled for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// CUDA's, such as `9.0`.
    ComputeCapability(String),
    /// AMD's, such as `gfx1151`.
    Gfx(String),
    /// Others' own name of the architecture, such as `xe2-lpg`, `apple9`, `v73`.
    Named(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Driver {
    /// The kernel's or the vendor's name: `nvidia`, `amdgpu`, `xe`.
    pub name: String,
    /// Null with a source where it is part of the kernel and has no version of its own.
    pub version: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Link {
    /// Idle devices train down: this may be less than `best` without harm.
    pub now: Option<LaneRate>,
    /// The best that device and slot can do together.
    pub best: Option<LaneRate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LaneRate {
    /// PCI Express generation: 1 is 2.5 GT/s per lane, 5 is 32 GT/s.
    pub generation: u8,
    /// Lanes.
    pub width: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DevicePower {
    pub draw_watts: Option<f64>,
    pub limit_watts: Option<f64>,
    /// The highest limit that may be set.
    pub limit_max_watts: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clocks {
    pub core_mhz: Option<u32>,
    pub core_max_mhz: Option<u32>,
    pub memory_mhz: Option<u32>,
    pub memory_max_mhz: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// Its own power limit.
    PowerCap,
    /// Heat, told by the driver.
    Thermal,
    /// The hardware's emergency brake: heat, power or the supply.
    Hardware,
    /// The board or chassis asks for less.
    PowerBrake,
    /// Kept in step with another GPU.
    Sync,
    /// A clock set by an administrator.
    ClockSetting,
    /// Less than full voltage can be had.
    Reliability,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// The identity by which a program asks for it, such as `MIG-…`.
    pub uuid: Option<String>,
    /// `3g.40gb`; null where the interface gives none.
    pub profile: Option<String>,
    pub memory_total: Option<Bytes>,
    pub memory_free: Option<Bytes>,
    pub multiprocessors: Option<u32>,
}

/// Figures of the table of devices: what makers and databases print, not what was measured here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Nominal {
    /// The table's name of the device.
    pub device: String,
    /// Whether the figures are those of the laptop part, which are lower under the same name; null where it makes none.
    pub laptop: Option<bool>,
    /// 10⁹ bytes per second.
    pub bandwidth_gbs: Option<f64>,
    /// Dense, by the shader units.
    pub fp16_tflops: Option<f64>,
    /// Dense, by the matrix units.
    pub fp16_tensor_tflops: Option<f64>,
    /// Dense.
    pub int8_tops: Option<f64>,
    pub tdp_watts: Option<f64>,
    pub source: String,
}
