//! The vocabulary that every part of edgeorch shares, and the [`Engine`] trait that adapters implement.

pub mod ask;
pub mod engine;
pub mod host;
pub mod launch;
pub mod model;
pub mod source;
pub mod units;

pub use ask::{Ask, KvType, Task};
pub use engine::{Binary, Engine, Overhead, Refusal, Seat};
pub use host::{Architecture, Cpu, Host, Isa, Memory, MemoryLimit, Os, OsFamily, Unknown};
pub use launch::{Cause, Exit, Flag, HttpCall, LaunchSpec, Method, Probe, ProbeAnswer, StopRecipe};
pub use model::{Attention, Experts, Layer, Model, TensorBytes};
pub use source::{Source, SourceError};
pub use units::Bytes;
