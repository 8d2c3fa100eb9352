//! The whole program, as people run it: the real binary, real children, a real llama-server with real weights where
//! this machine can have them, and the fake engine for faults that a real one can't be made to show.

// A panic is how a test fails; clippy.toml's exemption ends at the functions that carry #[test].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod architecture;
#[path = "../support/gguf_builder.rs"]
mod gguf_builder;
mod papers;
mod smoke;
mod support;
