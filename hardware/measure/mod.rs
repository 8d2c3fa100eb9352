//! The two measurements: how fast memory and storage are read. Each is bounded in time and in bytes.

mod bandwidth;
mod file;
mod read;
mod triad;

pub use bandwidth::{Given, bandwidth};
pub use read::read_speed;
