//! edgeorch: a privacy-first orchestrator of local inference engines. Start with ARCHITECTURE.md.

pub mod cli;
pub mod control;
pub mod daemon;
mod doctor;
pub mod engine;
pub mod gateway;
pub mod home;
pub mod launch;
pub mod ledger;
pub mod model;
pub mod plan;
pub mod profile;
pub mod progress;
pub mod reconcile;
pub mod report;
mod stamp;
pub mod supervise;
pub mod telemetry;
#[cfg(test)]
#[path = "../tests/support/program.rs"]
mod test_program;
