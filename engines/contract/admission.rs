//! What an engine can run: its backends, the types that each reads, what can be asked of it. Data of each `engine.yaml`;
//! [`Manifest::admits`](crate::manifest::Manifest::admits) holds a wish against it.
//!
//! Types of weights go by the names in [`Weights::by_type`](super::Weights): GGUF's tensor types (`Q4_K`), or the names
//! of the quantization ladder where a format has no tensor types (`AWQ-int4`, `FP8`).

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::host::{AcceleratorKind, Api, Vendor};
use super::{Architecture, Backend, KvType, OsFamily};

/// An engine's admission matrix: build × type × backend, and what can be asked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// What can be asked of it, where a backend does not say otherwise.
    pub can: BTreeSet<Feature>,
    /// What can't, and why: the rest of a sentence that begins with the engine's name. Each feature is in one of both.
    pub cannot: BTreeMap<Feature, String>,
    /// Lists of types that several backends share, by a name that is written `@name` where it is used.
    #[serde(default)]
    pub lists: BTreeMap<String, Vec<String>>,
    /// In the order in which they are preferred on a device that several can reach.
    pub backends: Vec<BackendRule>,
}

/// One backend of an engine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendRule {
    pub backend: Backend,
    /// What the device must offer; none for the CPU.
    #[serde(default)]
    pub api: Option<Api>,
    pub os: Vec<OsFamily>,
    /// Of the processor; none named means any.
    #[serde(default)]
    pub architectures: Vec<Architecture>,
    /// Of the device; none named means any.
    #[serde(default)]
    pub kind: Option<AcceleratorKind>,
    /// Of the device; none named means any.
    #[serde(default)]
    pub vendors: Vec<Vendor>,
    /// What code must run on; the default is any.
    #[serde(default)]
    pub device: DeviceRule,
    /// Types of weights that it runs. The first rule that names a type decides.
    pub weights: Vec<WeightRule>,
    pub cache: CacheRule,
    /// What can't be asked on this backend though the engine can, and why.
    #[serde(default)]
    pub cannot: BTreeMap<Feature, String>,
    /// Where all this is from.
    pub source: String,
}

/// What a device must be for code to run on it. A device whose target is unknown is taken to be none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceRule {
    /// The least of CUDA's compute capabilities, such as `8.9`.
    #[serde(default)]
    pub compute_capability: Option<String>,
    /// Targets by name, such as `gfx1100`; none named means any.
    #[serde(default)]
    pub targets: Vec<String>,
}

/// Types of weights and what they need.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightRule {
    /// Names of types, or `@list`.
    pub types: Vec<String>,
    /// The first build that is known to run them: `b11434` is held against build numbers, `0.11.0` against versions.
    #[serde(default)]
    pub since: Option<String>,
    #[serde(default)]
    pub device: DeviceRule,
    /// Why they do not run here: then the rule refuses.
    #[serde(default)]
    pub lacking: Option<String>,
}

/// Types of the key-value cache.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheRule {
    pub types: Vec<KvType>,
    /// Whether keys and values may differ in type.
    pub mixed: bool,
    /// Types that go with themselves only, where others may differ.
    #[serde(default)]
    pub alone: Vec<KvType>,
    /// Types of keys and of values that go together where others may not differ. Each of them is among `types` as well.
    #[serde(default)]
    pub pairs: Vec<(KvType, KvType)>,
    /// What a device must be for a type; the default is any.
    #[serde(default)]
    pub device: BTreeMap<KvType, DeviceRule>,
}

/// What can be asked of an engine beside serving a model from one memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Some layers on a device, the others computed on the host.
    PartialOffload,
    /// Layers over several devices.
    Split,
    /// Routed experts in host memory, the rest on a device.
    ExpertsOnHost,
    /// The key-value cache in host memory, layers on a device.
    CacheOnHost,
    /// One pool of cache for all requests, of which one may use all.
    UnifiedCache,
    /// Prompts of idle requests parked in host memory.
    PromptCache,
    /// Prompts of idle requests written to the disk, up to a limit.
    DiskCache,
    /// Both at once: what host memory has no room for goes to the disk.
    TieredCache,
    /// Weights in host memory as a mapped file that may be larger than memory.
    Mapped,
    /// LoRA.
    Adapters,
    /// Images or sound through a projector.
    Projector,
    Embeddings,
    /// Speculation with a smaller model.
    Draft,
    /// Speculation with the model's own prediction layers.
    Mtp,
    /// Speculation from the text before.
    Ngram,
    /// Speculation with a block-diffusion draft.
    Dflash,
}

impl Feature {
    pub const ALL: [Feature; 16] = [
        Feature::PartialOffload,
        Feature::Split,
        Feature::ExpertsOnHost,
        Feature::CacheOnHost,
        Feature::UnifiedCache,
        Feature::PromptCache,
        Feature::DiskCache,
        Feature::TieredCache,
        Feature::Mapped,
        Feature::Adapters,
        Feature::Projector,
        Feature::Embeddings,
        Feature::Draft,
        Feature::Mtp,
        Feature::Ngram,
        Feature::Dflash,
    ];
}

/// Why an engine can't serve a model as asked on a machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    #[error(
        "{engine} reads {reads}, not {format}; choose another engine, or the model in one of these formats"
    )]
    Format { engine: String, reads: String, format: &'static str },
    #[error("{engine} has no {backend} backend")]
    NoBackend { engine: String, backend: &'static str },
    #[error("{engine}'s {backend} backend does not run on {os}")]
    Os { engine: String, backend: &'static str, os: OsFamily },
    #[error("{engine}'s {backend} backend is not built for this processor's architecture")]
    Processor { engine: String, backend: &'static str },
    #[error("no accelerator here is one that {engine}'s {backend} backend can use: {why}")]
    NoDevice { engine: String, backend: &'static str, why: String },
    #[error("accelerator {device}: {why}")]
    Device { device: usize, why: String },
    #[error("{engine}'s {backend} backend does not run weights of type {kind}{why}")]
    Weights { engine: String, backend: &'static str, kind: String, why: String },
    #[error("{engine} {found} runs no {kind} on {backend}: it is since {since}; install a newer build")]
    Build { engine: String, found: String, kind: String, backend: &'static str, since: String },
    #[error("{engine}'s {backend} backend keeps no cache of type {kind}; it keeps {keeps}")]
    Cache { engine: String, backend: &'static str, kind: &'static str, keeps: String },
    #[error("{engine}'s {backend} backend keeps no cache of type {kind} here: {why}")]
    CacheDevice { engine: String, backend: &'static str, kind: &'static str, why: String },
    #[error("{engine}'s {backend} backend needs keys and values of one type, not {key} and {value}")]
    MixedCache { engine: String, backend: &'static str, key: &'static str, value: &'static str },
    #[error("{engine} {why}")]
    Cannot { engine: String, why: String },
}
