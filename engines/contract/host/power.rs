//! Where the power comes from, what limits it, and how warm the machine is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Power {
    pub supply: Option<PowerSupply>,
    pub batteries: Vec<Battery>,
    /// Settings that trade speed for power, each by the interface that holds it.
    pub modes: Vec<PowerMode>,
    /// Running average power limits (Intel and AMD processors).
    pub rapl: Vec<RaplDomain>,
    /// Null with a source on machines that have no such detector; Raspberry Pis do.
    pub under_voltage: Option<UnderVoltage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerSupply {
    Mains,
    Battery,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Battery {
    /// `BAT0`, `InternalBattery-0`.
    pub name: String,
    pub percent: Option<u32>,
    /// As the interface says: `charging`, `discharging`, `full`, `not charging`.
    pub status: Option<String>,
    /// What a full charge holds now, in percent of what it held when new.
    pub health_percent: Option<u32>,
    pub cycles: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PowerMode {
    /// `platform_profile`, `energy_performance_preference`, `scaling_governor`, `nvpmodel`, `low_power_mode`, `power_scheme`.
    pub interface: String,
    /// In the interface's own words: `balanced`, `MAXN`.
    pub value: String,
    /// Whether this setting is one that saves power at the cost of speed; null where its words are not known.
    pub saves_power: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RaplDomain {
    /// `package-0`, `dram`, `psys`.
    pub name: String,
    pub limits: Vec<PowerLimit>,
    /// Whether this process may read the energy counter.
    pub energy_readable: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PowerLimit {
    /// `long_term`, `short_term`, `peak_power`.
    pub name: String,
    pub watts: f64,
    /// Over which the average is held, in seconds.
    pub window_seconds: Option<f64>,
    pub enabled: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnderVoltage {
    pub now: bool,
    /// Null where only the last seconds are told.
    pub since_boot: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Thermal {
    pub zones: Vec<ThermalZone>,
    /// Whether heat slows the processor at this moment.
    pub throttled_now: Option<bool>,
    /// How often it did since boot, by kind.
    pub throttle_counts: Vec<ThrottleCount>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThermalZone {
    /// `x86_pkg_temp`, `cpu-thermal`, `k10temp Tctl`.
    pub name: String,
    pub celsius: Option<f64>,
    /// Where the machine begins to slow down; null with a source where none is set.
    pub slows_at_celsius: Option<f64>,
    /// Where the machine shuts down.
    pub critical_celsius: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThrottleCount {
    /// `core`, `package`, `soc`.
    pub name: String,
    pub count: u64,
}
