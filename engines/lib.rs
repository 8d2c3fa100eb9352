//! What edgeorch knows about inference engines, and nothing else.
//!
//! This package is pure: no async, no network, no clock, no file access. Facts about a machine ([`Host`]) and a
//! model ([`Model`]) and a request for service ([`Ask`]) go in; a [`LaunchSpec`] comes out. The daemon in the root
//! package carries it out. Whoever adds an engine compiles only this.

pub mod contract;
pub mod manifest;

pub use contract::*;
