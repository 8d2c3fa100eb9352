//! AMD's own tools, for what sysfs does not show: in some containers it shows nothing.
//!
//! Both are Python programs that take most of a second, so they are asked only where something is missing.

mod amd_smi;
mod quantity;
mod rocm_smi;

use std::thread;

use edgeorch_engines::contract::host::LaneRate;

use super::memory::Pool;
use crate::Root;
use crate::root::{Command, RunError};

const ROCM_SMI: Command = Command::new(
    "rocm-smi.json",
    "rocm-smi",
    &[
        "--showid",
        "--showproductname",
        "--showuniqueid",
        "--showbus",
        "--showmeminfo",
        "vram",
        "gtt",
        "--showtemp",
        "--showpower",
        "--showmaxpower",
        "--showclocks",
        "--showdriverversion",
        "--json",
    ],
);
const AMD_SMI_STATIC: Command = Command::new("amd-smi-static.json", "amd-smi", &["static", "--json"]);
const AMD_SMI_METRIC: Command = Command::new("amd-smi-metric.json", "amd-smi", &["metric", "--json"]);

/// What a tool says of one GPU.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Which tool.
    pub source: &'static str,
    /// `0000:03:00.0`, in lower case.
    pub address: Option<String>,
    pub device: Option<u16>,
    pub revision: Option<u8>,
    pub name: Option<String>,
    pub unique_id: Option<u64>,
    pub target: Option<String>,
    pub compute_units: Option<u32>,
    pub link: Option<LaneRate>,
    pub driver_version: Option<String>,
    pub vram: Option<Pool>,
    pub gtt: Option<Pool>,
    pub draw_watts: Option<f64>,
    pub limit_watts: Option<f64>,
    pub limit_max_watts: Option<f64>,
    pub celsius: Option<f64>,
    pub core_mhz: Option<u32>,
    pub core_max_mhz: Option<u32>,
    pub memory_mhz: Option<u32>,
    pub memory_max_mhz: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
pub enum SmiError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("{tool} printed no JSON that could be read")]
    Json {
        tool: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

/// What the first tool that answers says. A tool that hangs does so for its driver: the other would hang too, and there is
/// no time to wait for both.
pub fn ask(root: &Root) -> Result<Vec<Reading>, SmiError> {
    match root.run(&ROCM_SMI) {
        Ok(text) => rocm_smi::parse(&text),
        Err(error @ RunError::TimedOut { .. }) => Err(error.into()),
        Err(first) => match ask_amd_smi(root) {
            Err(SmiError::Run(error)) if error.is_not_found() => Err(first.into()),
            other => other,
        },
    }
}

/// What it is and how it does are two commands, and each takes its time.
fn ask_amd_smi(root: &Root) -> Result<Vec<Reading>, SmiError> {
    let (fixed, changing) = thread::scope(|scope| {
        let changing = scope.spawn(|| root.run(&AMD_SMI_METRIC));
        let fixed = root.run(&AMD_SMI_STATIC);
        (fixed, changing.join().ok().and_then(Result::ok))
    });
    amd_smi::parse(&fixed?, changing.as_deref())
}

/// Warnings stand before the JSON, and newer versions put notes after it.
fn json(tool: &'static str, text: &str) -> Result<serde_json::Value, SmiError> {
    let start = text.find(['{', '[']).unwrap_or(0);
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter();
    let value = values.next().unwrap_or(Ok(serde_json::Value::Null));
    value.map_err(|source| SmiError::Json { tool, source })
}

#[cfg(test)]
mod tests;
