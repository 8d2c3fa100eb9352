//! The one endpoint that clients speak to: OpenAI's API in front of the engines that run on this machine.
//!
//! ```text
//! listen ─▶ guard, auth ─▶ endpoint ─┬─▶ models, status      answered from the published routes
//!                                    └─▶ inbound ─▶ scan ─▶ proxy ─▶ waiting ─▶ upstream ─▶ stream
//! ```
//!
//! Bytes are forwarded untouched: of a body only the top-level `model` is read. The gateway reads [`Routes`] and
//! never touches a child; what it finds out about one it tells as a [`Signal`].

mod auth;
mod body;
mod endpoint;
mod errors;
mod guard;
mod headers;
mod inbound;
mod limits;
mod listen;
mod meters;
mod models;
mod proxy;
mod routes;
mod scan;
mod server;
mod status;
mod stream;
mod traffic;
mod upstream;
mod waiting;

#[cfg(test)]
mod tests;

pub use auth::{ApiKey, ApiKeyError};
pub use limits::Limits;
pub use listen::serve;
pub use routes::{Availability, ModelCard, Publisher, Route, Routes, Signal, Target};
pub use server::Gateway;
pub use traffic::Traffic;
