//! vLLM: planned for, with files that start it. The values of its flags, the pool of its cache, and its memory.

use std::sync::OnceLock;

use crate::contract::{Ask, Charge, Deployment, Engine, Host, Model, Order, Refusal};
use crate::manifest::Manifest;

mod deploy;
mod disk;
mod flags;
mod kinds;
mod memory;
mod pool;
#[cfg(test)]
mod tests;

/// The adapter. It has no state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vllm;

impl Engine for Vllm {
    fn manifest(&self) -> &Manifest {
        static MANIFEST: OnceLock<Manifest> = OnceLock::new();
        MANIFEST.get_or_init(|| Manifest::parse(include_str!("engine.yaml")))
    }

    fn memory(&self, model: &Model, ask: &Ask, host: &Host) -> Vec<Charge> {
        memory::charges(model, ask, host)
    }

    fn deploy(&self, order: &Order<'_>) -> Result<Deployment, Refusal> {
        deploy::files(self, order)
    }
}
