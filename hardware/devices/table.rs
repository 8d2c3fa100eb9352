//! Entries of the table, and which of them a device is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{AcceleratorKind, Nominal, Vendor};
use serde::Deserialize;

use super::Identity;

/// All files, in one list. A test proves that each is well-formed.
pub static TABLE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    FILES
        .iter()
        .flat_map(|(_, text)| serde_saphyr::from_str::<Vec<Entry>>(text).unwrap_or_default())
        .collect()
});

pub const FILES: [(&str, &str); 6] = [
    ("amd", include_str!("amd.yaml")),
    ("apple", include_str!("apple.yaml")),
    ("integrated", include_str!("integrated.yaml")),
    ("intel", include_str!("intel.yaml")),
    ("npu", include_str!("npu.yaml")),
    ("nvidia", include_str!("nvidia.yaml")),
];

/// PCI ids of graphics processors, and whether the file they are in is that of the integrated ones.
static INTEGRATED: LazyLock<BTreeMap<String, bool>> = LazyLock::new(|| {
    let of_file = |(name, text): &(&str, &str)| {
        let entries = serde_saphyr::from_str::<Vec<Entry>>(text).unwrap_or_default();
        let integrated = |id: &str| *name == "integrated" || id == GB10;
        let gpus = entries.into_iter().filter(|entry| entry.kind == AcceleratorKind::Gpu);
        gpus.flat_map(|entry| entry.matching.pci).map(|id| (id.clone(), integrated(&id))).collect::<Vec<_>>()
    };
    FILES.iter().flat_map(of_file).collect()
});

/// The one chip among NVIDIA's cards that shares the memory of its processor.
const GB10: &str = "10de:2e12";

pub fn is_integrated(id: &str) -> Option<bool> {
    INTEGRATED.get(id).copied()
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// To show, not to match.
    pub device: String,
    #[serde(rename = "match")]
    pub matching: Match,
    #[serde(default = "gpu")]
    pub kind: AcceleratorKind,
    /// Whether it is the laptop part of the name; absent where one id serves both.
    #[serde(default)]
    pub laptop: Option<bool>,
    #[serde(default)]
    pub bandwidth_gbs: Option<f64>,
    #[serde(default)]
    pub fp16_tflops: Option<f64>,
    #[serde(default)]
    pub fp16_tensor_tflops: Option<f64>,
    #[serde(default)]
    pub int8_tops: Option<f64>,
    #[serde(default)]
    pub tdp_watts: Option<f64>,
    pub source: String,
}

/// All that is given must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// `vendor:device`, one of them.
    pub pci: Vec<String>,
    /// PCI revisions, one of them.
    pub revision: Vec<String>,
    /// `vendor:device` of the board, one of them.
    pub subsystem: Vec<String>,
    /// The nominal size of its memory, where one id covers several.
    pub memory: Option<Size>,
    /// Apple's name of the chip, exactly.
    pub chip: Option<String>,
    pub gpu_cores: Option<u32>,
    /// Device-tree strings, one of them.
    pub compatible: Vec<String>,
}

/// `24GiB`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Size(pub Bytes);

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Size, String> {
        text.parse().map(Size).map_err(|error| format!("{text}: {error}"))
    }
}

fn gpu() -> AcceleratorKind {
    AcceleratorKind::Gpu
}

/// Drivers report less than the nominal size: they keep some, and error correction takes a sixteenth.
const MEMORY_TOLERANCE: f64 = 0.1;

/// The entry that is this device. Of several, one that names the revision, then the one whose memory is nearest.
pub fn find(identity: &Identity<'_>) -> Option<&'static Entry> {
    let found = TABLE.iter().filter(|entry| entry.is(identity));
    found.min_by(|a, b| a.distance(identity).total_cmp(&b.distance(identity)))
}

impl Entry {
    fn is(&self, identity: &Identity<'_>) -> bool {
        let accelerator = identity.accelerator;
        let pci = accelerator.pci.as_ref();
        let holds = |wanted: &[String], has: Option<&String>| {
            wanted.is_empty() || has.is_some_and(|value| wanted.contains(value))
        };
        let wanted = &self.matching;
        self.kind == accelerator.kind
            && self.is_named_by(identity)
            && holds(&wanted.revision, pci.and_then(|pci| pci.revision.as_ref()))
            && holds(&wanted.subsystem, pci.and_then(|pci| pci.subsystem.as_ref()))
            && self.memory_distance(identity).is_some_and(|distance| distance <= MEMORY_TOLERANCE)
    }

    /// By one of the three identities that a device can have.
    fn is_named_by(&self, identity: &Identity<'_>) -> bool {
        let wanted = &self.matching;
        if let Some(chip) = &wanted.chip {
            let accelerator = identity.accelerator;
            return accelerator.vendor == Vendor::Apple
                && accelerator.name.as_ref() == Some(chip)
                && accelerator.cores == wanted.gpu_cores;
        }
        identity.is_one_of(&wanted.pci) || identity.is_part_of(&wanted.compatible)
    }

    /// How far the device's memory is from the nominal one, as a share of it; none where a size is asked for and unknown.
    fn memory_distance(&self, identity: &Identity<'_>) -> Option<f64> {
        let Some(Size(nominal)) = self.matching.memory else { return Some(0.0) };
        let total = identity.accelerator.memory.total?;
        Some((total.0 as f64 - nominal.0 as f64).abs() / nominal.0 as f64)
    }

    /// The less, the better it fits.
    fn distance(&self, identity: &Identity<'_>) -> f64 {
        let unnamed = if self.matching.revision.is_empty() { 1.0 } else { 0.0 };
        unnamed + self.memory_distance(identity).unwrap_or(1.0)
    }

    /// By the contract's names.
    pub fn figures(&self) -> [(&'static str, Option<f64>); 5] {
        [
            ("bandwidth_gbs", self.bandwidth_gbs),
            ("fp16_tflops", self.fp16_tflops),
            ("fp16_tensor_tflops", self.fp16_tensor_tflops),
            ("int8_tops", self.int8_tops),
            ("tdp_watts", self.tdp_watts),
        ]
    }

    pub fn nominal(&self) -> Nominal {
        Nominal {
            device: self.device.clone(),
            laptop: self.laptop,
            bandwidth_gbs: self.bandwidth_gbs,
            fp16_tflops: self.fp16_tflops,
            fp16_tensor_tflops: self.fp16_tensor_tflops,
            int8_tops: self.int8_tops,
            tdp_watts: self.tdp_watts,
            source: self.source.clone(),
        }
    }
}
