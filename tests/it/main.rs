//! The whole program, as people run it: the real binary, real children, a real llama-server with real weights where
//! this machine can have them, and the fake engine for faults that a real one can't be made to show.

// A panic is how a test fails, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod architecture;
mod audit;
mod bad_input_engine;
mod bad_input_model;
mod bad_input_place;
mod bad_input_profile;
mod fault_kill;
mod fault_left_over;
mod fault_serving;
mod fault_start;
#[path = "../support/gguf_builder.rs"]
mod gguf_builder;
mod ledger;
mod papers;
mod plan_elsewhere;
mod plan_refusal;
mod plan_report;
#[path = "../support/program.rs"]
mod program;
mod real_api;
mod real_client;
mod real_commands;
mod real_death;
mod real_flags;
mod real_leave;
mod real_memory;
mod real_parts;
mod real_plan;
mod real_stop;
mod real_up;
mod repositories_choice;
mod repositories_parts;
mod smoke;
mod support;
