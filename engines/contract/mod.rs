//! The vocabulary that every part of edgeorch shares, and the [`Engine`] trait that adapters implement.

pub mod admission;
pub mod ask;
pub mod charge;
pub mod counters;
pub mod deploy;
pub mod engine;
pub mod host;
pub mod launch;
pub mod measured;
pub mod model;
pub mod placement;
pub mod rehearsal;
pub mod source;
pub mod units;

pub use admission::{Admission, BackendRule, CacheRule, DeviceRule, Feature, Obstacle, WeightRule};
pub use ask::{Adapter, Ask, Fidelity, KvType, Layout, Projector, Speculation, SpeculationMethod, Task};
pub use charge::{Charge, Part};
pub use counters::{Counters, Counting};
pub use deploy::{DeployFile, Deployment, Order, User};
pub use engine::{Binary, DeviceName, Engine, Files, Refusal, Seat};
pub use host::{Architecture, Cpu, Host, Isa, Memory, MemoryLimit, Os, OsFamily, Unknown};
pub use launch::{Cause, Exit, Flag, HttpCall, LaunchSpec, Method, Probe, ProbeAnswer, StopRecipe};
pub use measured::Buffer;
pub use model::{
    Basis, Chooser, Experts, Format, Index, Layer, LayerWeights, Model, Recurrent, Rows, State, Tokenizer,
    Weights,
};
pub use placement::{Backend, Place, Placement, Share};
pub use rehearsal::Rehearsal;
pub use source::{Source, SourceError};
pub use units::Bytes;
