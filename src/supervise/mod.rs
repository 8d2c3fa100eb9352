//! Supervision: one actor per instance, driven by a pure state machine. It knows `launch`, not models.
//!
//! ```text
//! Command ─▶ ┌ task ────────────────────────────┐ ─▶ watch<Snapshot>
//! exit    ─▶ │ Lifecycle::on(event) ─▶ [Action] │ ─▶ Notice (prepare, drain)
//! probes  ─▶ └──────────────────────────────────┘
//! ```

pub mod http;
pub mod instance;
pub mod lifecycle;
pub mod metrics;
pub mod probe;
pub mod restart;
pub mod task;

pub use instance::{Command, Instance, Notice, Snapshot};
pub use metrics::Meters;
