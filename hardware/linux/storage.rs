//! The device and file system below a folder.

use edgeorch_engines::contract::host::Storage;

use crate::Root;
use crate::findings::Findings;

pub fn probe(_: &Root, folder: &str, findings: &mut Findings) -> Storage {
    findings.unknown("storage", "not probed yet");
    Storage { path: Some(folder.to_owned()), ..Storage::default() }
}
