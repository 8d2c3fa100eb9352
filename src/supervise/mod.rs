//! Supervision: one actor per instance, driven by a pure state machine. It knows `launch`, not models.

pub mod lifecycle;
pub mod restart;
