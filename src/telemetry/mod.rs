//! What the program says of itself while it runs. Nothing here leaves the machine: metrics are pulled, never pushed.

pub mod metrics;
