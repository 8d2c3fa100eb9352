//! Model files: where they come from, where they lie, what their headers say.

pub mod adapter;
pub mod catalogue;
pub mod draft;
pub mod facts;
pub mod gguf;
pub mod hf;
pub mod projector;
pub mod remote;
pub mod safetensors;
pub mod source;
pub mod store;
