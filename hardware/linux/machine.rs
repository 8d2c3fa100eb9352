//! Maker, model and kind of the machine.

use edgeorch_engines::contract::host::Machine;

use crate::Root;
use crate::findings::Findings;

pub fn probe(_: &Root, findings: &mut Findings) -> Machine {
    findings.unknown("machine", "not probed yet");
    Machine::default()
}
