//! Engines, container engines and driver libraries on the machine.

use edgeorch_engines::contract::host::Software;

use crate::Root;
use crate::findings::Findings;

pub fn probe(_: &Root, findings: &mut Findings) -> Software {
    findings.unknown("software", "not probed yet");
    Software::default()
}
