//! The measurements that the constants were fitted on, with their devices, models and files.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::Backend;
use serde::Deserialize;

use super::steps::{Kind, Steps};
use super::tables::{CONSTANTS, Class, Traits, read};

pub static ROWS: LazyLock<Rows> = LazyLock::new(|| read(include_str!("rows.yaml")));

/// Measurements.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    pub devices: BTreeMap<String, Device>,
    pub models: BTreeMap<String, Dimensions>,
    pub files: BTreeMap<String, File>,
    pub sources: Vec<Source>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// What is left out together when the fit is tested.
    pub family: String,
    /// 10⁹ bytes per second: nominal of devices, measured of processors; none where only prefill is used.
    #[serde(default)]
    pub bandwidth: Option<f64>,
    #[serde(default)]
    pub fp16: Option<f64>,
    #[serde(default)]
    pub tensor: Option<f64>,
    #[serde(default)]
    pub cores: Option<u32>,
    #[serde(default)]
    pub vendor: String,
    #[serde(default)]
    pub target: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimensions {
    /// As GGUF files name it.
    pub architecture: String,
    pub layers: u32,
    /// Of the layers, those with routed experts, with a recurrent state, and with a feed-forward network alone.
    #[serde(default)]
    pub experts: u32,
    #[serde(default)]
    pub recurrent: u32,
    #[serde(default)]
    pub feed_forward: u32,
    /// Whether each layer has embeddings of its own.
    #[serde(default)]
    pub side: bool,
    /// 10⁹ that a token is multiplied with.
    pub active: f64,
    /// Elements of K and V per token over all layers that keep the whole context.
    pub rows: u64,
    /// The same of layers with a window, and the window.
    #[serde(default)]
    pub windowed: [u64; 2],
    /// Elements of the states of all layers, of 4 bytes, read and written for each token.
    #[serde(default)]
    pub state: u64,
    /// Heads × head size of the queries.
    pub attention: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub model: String,
    /// Of most of its weights.
    #[serde(rename = "type")]
    pub weight_type: String,
    /// 10⁹ bytes that one token reads.
    pub reads: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub source: String,
    pub build: u32,
    pub backend: Backend,
    /// Whether it is a score board: many kinds of hardware with one model, by one rule.
    #[serde(default)]
    pub yardstick: bool,
    /// The operating system, where it makes a difference and is told.
    #[serde(default)]
    pub system: Option<String>,
    pub rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub on: String,
    pub file: String,
    /// Tokens per second, at this average depth of the context.
    #[serde(default)]
    pub tg: Option<f64>,
    #[serde(default = "short")]
    pub depth: u64,
    /// Tokens of the prompt per second, behind so many others.
    #[serde(default)]
    pub pp: Option<f64>,
    #[serde(default)]
    pub after: u64,
    /// Tokens of that prompt.
    #[serde(default = "prompt")]
    pub prompt: u64,
    /// Of processors.
    #[serde(default)]
    pub threads: Option<u32>,
}

/// Half of what the usual test generates.
fn short() -> u64 {
    64
}

/// What the usual test reads.
fn prompt() -> u64 {
    512
}

impl Dimensions {
    /// Bytes of rows in 16 bits, and of states, that a token reads and writes at this depth.
    pub fn context(&self, depth: u64) -> f64 {
        const F16: f64 = 2.0;
        const READ_AND_WRITTEN: f64 = 2.0 * 4.0;
        let [windowed, window] = self.windowed;
        let rows = self.rows as f64 * depth as f64 + windowed as f64 * depth.min(window) as f64;
        rows * F16 + self.state as f64 * READ_AND_WRITTEN
    }

    /// Operations of all layers.
    pub fn steps(&self) -> f64 {
        let steps = Steps::of(&self.architecture);
        let attention = self.layers.saturating_sub(self.recurrent + self.feed_forward);
        let of = |count: u32, kind| f64::from(count) * steps.layer(kind, self.side);
        of(attention, Kind::Attention)
            + of(self.recurrent, Kind::Recurrent)
            + of(self.feed_forward, Kind::KeepsNothing)
            + f64::from(self.experts) * steps.experts()
    }
}

impl Source {
    /// The kind of a device, as these were measured on it.
    pub fn class(&self, device: &Device) -> Class {
        let traits = Traits {
            vendor: &device.vendor,
            target: &device.target,
            cores: device.cores.unwrap_or(0),
            system: self.system.as_deref(),
        };
        CONSTANTS.class(self.backend, &traits)
    }
}
