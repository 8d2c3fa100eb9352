//! What the tests share: homes, daemons, engines, and the rule for what a machine lacks.

pub mod ask;
pub mod client;
pub mod daemon;
pub mod engine;
pub mod file_server;
pub mod heard;
pub mod home;
pub mod hub;
pub mod lines;
pub mod processes;
pub mod refusal;
pub mod repositories;
pub mod require;
pub mod small_disk;
pub mod split;
pub mod wait;

pub use daemon::Daemon;
pub use engine::Engine;
pub use home::Home;
