//! What the tests share: homes, daemons, engines, and the rule for what a machine lacks.

pub mod daemon;
pub mod engine;
pub mod home;
pub mod processes;
pub mod require;

pub use daemon::Daemon;
pub use engine::Engine;
pub use home::Home;
