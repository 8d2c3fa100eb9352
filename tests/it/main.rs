//! The whole program, as people run it: the real binary, real children, a real llama-server with real weights where
//! this machine can have them, and the fake engine for faults that a real one can't be made to show.

#[path = "../support/gguf_builder.rs"]
mod gguf_builder;
mod real_api;
mod real_client;
mod real_commands;
mod real_death;
mod real_flags;
mod real_leave;
mod real_plan;
mod real_stop;
mod real_up;
mod smoke;
mod support;
