//! Thermal zones and throttle counters.

use edgeorch_engines::contract::host::Thermal;

use crate::Root;
use crate::findings::Findings;

pub fn probe(_: &Root, findings: &mut Findings) -> Thermal {
    findings.unknown("thermal", "not probed yet");
    Thermal::default()
}
