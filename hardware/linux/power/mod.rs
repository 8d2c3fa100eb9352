//! Supply, batteries, modes, power limits and under-voltage.

mod battery;
mod modes;
mod nvpmodel;
mod rapl;
mod supply;
mod under_voltage;

use edgeorch_engines::contract::host::Power;

use super::pi::Firmware;
use crate::Root;
use crate::findings::Findings;

pub fn probe(root: &Root, firmware: &Firmware, findings: &mut Findings) -> Power {
    let (supply, batteries) = supply::probe(root, findings);
    Power {
        supply,
        batteries,
        modes: modes::probe(root, findings),
        rapl: rapl::probe(root, findings),
        under_voltage: under_voltage::probe(root, firmware, findings),
    }
}

#[cfg(test)]
mod tests;
