//! edgeorch: a privacy-first orchestrator of local inference engines. Start with ARCHITECTURE.md.

pub mod gateway;
pub mod hardware;
pub mod launch;
pub mod model;
pub mod profile;
pub mod progress;
