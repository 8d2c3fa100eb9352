//! What edgeorch knows about inference engines, and nothing else.
//!
//! This package is pure: no async, no network, no clock, no file access. Facts about a machine ([`Host`]) and a
//! model ([`Model`]) and a request for service ([`Ask`]) go in; a [`LaunchSpec`] comes out. The daemon in the root
//! package carries it out. Whoever adds an engine compiles only this.

mod chain;
pub mod contract;
mod listed;
pub mod llama_cpp;
pub mod manifest;
pub mod mlx;
pub mod ollama;
pub mod quote;
pub mod ranks;
pub mod script;
pub mod split;
pub mod sum;
pub mod tensorrt_llm;
pub mod vllm;

pub use chain::chain;
pub use contract::*;
pub use listed::listed;

/// Every engine that edgeorch knows, in the order in which they are preferred.
pub fn all() -> &'static [&'static dyn Engine] {
    &[&llama_cpp::LlamaCpp, &vllm::Vllm, &mlx::Mlx, &tensorrt_llm::TensorRtLlm, &ollama::Ollama]
}

/// The first that edgeorch can start.
pub fn preferred() -> Option<&'static dyn Engine> {
    all().iter().copied().find(|engine| engine.manifest().launches)
}

/// The engine of this id.
pub fn find(id: &str) -> Option<&'static dyn Engine> {
    all().iter().copied().find(|engine| engine.manifest().id == id)
}
