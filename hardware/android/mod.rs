//! Android: Linux's files where the system shows them, and what its own services say. Apps and Termux may ask few of
//! those, adb's shell more.

mod battery;
mod machine;
mod os;
pub mod properties;
mod thermal;

use edgeorch_engines::contract::host::{Power, Thermal};

use crate::Root;
use crate::findings::Findings;
use crate::linux;
use crate::platform::System;

pub fn system(root: &Root, findings: &mut Findings) -> System {
    let properties = properties::read(root);
    let (cpu, memory) = linux::cpu_and_memory(root, findings);
    System {
        machine: machine::probe(root, &properties, findings),
        os: os::probe(root, &properties, findings),
        cpu,
        memory,
    }
}

pub fn power(root: &Root, findings: &mut Findings) -> (Power, Thermal) {
    let power = battery::probe(root, findings).unwrap_or_else(|| linux::supply(root, findings));
    let thermal = thermal::probe(root, findings).unwrap_or_else(|| linux::temperatures(root, findings));
    (power, thermal)
}
