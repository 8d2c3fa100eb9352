//! Windows: what CIM classes and the registry say, as PowerShell prints them in JSON, and a few programs' own output.
//!
//! Starting PowerShell takes most of half a second, so each part of the audit asks one script (`scripts/`), and the parts
//! ask side by side. What needs a call into Windows itself is not asked: reasons say so.

mod cpu;
mod isa;
mod machine;
mod memory;
mod os;
mod power;
pub mod powershell;
mod scheme;
mod storage;
mod thermal;

use edgeorch_engines::contract::host::{Machine, Power, Thermal};

use crate::findings::Findings;
use crate::platform::System;
use crate::root::{Command, Root};
use edgeorch_engines::chain;
use powershell::{arguments, ask, script};

pub use storage::probe as storage;

const SYSTEM: Command = script("windows-system.json", arguments!("scripts/system.ps1"));
const POWER: Command = script("windows-power.json", arguments!("scripts/power.ps1"));

pub fn system(root: &Root, findings: &mut Findings) -> System {
    match ask(root, &SYSTEM) {
        Ok(answer) => System {
            machine: machine::probe(&answer, findings),
            os: os::probe(&answer, findings),
            cpu: cpu::probe(root, &answer, findings),
            memory: memory::probe(&answer, findings),
        },
        Err(error) => {
            let why = chain(&error);
            for field in ["machine", "memory"] {
                findings.unknown(field, &why);
            }
            System {
                machine: Machine::default(),
                os: os::without_powershell(root, &why, findings),
                cpu: cpu::without_powershell(root, &why, findings),
                memory: Default::default(),
            }
        }
    }
}

pub fn power(root: &Root, findings: &mut Findings) -> (Power, Thermal) {
    match ask(root, &POWER) {
        Ok(answer) => (power::probe(root, &answer, findings), thermal::probe(&answer, findings)),
        Err(error) => {
            let why = chain(&error);
            for field in ["power", "thermal"] {
                findings.unknown(field, &why);
            }
            let modes = scheme::active(root, findings).map(|scheme| scheme.mode).into_iter().collect();
            (Power { modes, ..Power::default() }, Thermal::default())
        }
    }
}
