//! The two measurements: how fast memory and storage are read. Each is bounded in time and in bytes.

use edgeorch_engines::contract::host::{Bandwidth, ReadSpeed};

use crate::Root;
use crate::findings::Findings;

pub fn bandwidth(_: &Root, _usable_cores: u32, findings: &mut Findings) -> Option<Bandwidth> {
    findings.unknown("memory.bandwidth", "not measured yet");
    None
}

/// Of a file below the folder: an absolute path of the audited machine.
pub fn read_speed(_: &Root, _folder: &str, findings: &mut Findings) -> Option<ReadSpeed> {
    findings.unknown("storage.read", "not measured yet");
    None
}
