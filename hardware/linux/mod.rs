//! Linux: facts out of `/proc`, `/sys` and `/etc`. Android shares most of them.

mod cgroup;
mod cpu;
mod libc;
mod machine;
mod memory;
mod os;
mod power;
mod storage;
mod thermal;

use edgeorch_engines::contract::host::{Cpu, Memory, Power, Thermal};

use crate::Root;
use crate::findings::Findings;
use crate::platform::System;

pub use power::probe as supply;
pub use storage::probe as storage;
pub use thermal::probe as temperatures;

pub fn system(root: &Root, findings: &mut Findings) -> System {
    let cgroups = cgroup::Cgroups::read(root);
    let cpu = cpu::probe(root, &cgroups, findings);
    System {
        machine: machine::probe(root, findings),
        os: os::probe(root, cpu.architecture, findings),
        memory: memory::probe(root, &cgroups, findings),
        cpu,
    }
}

/// What Android's kernel tells as Linux's does.
pub fn cpu_and_memory(root: &Root, findings: &mut Findings) -> (Cpu, Memory) {
    let cgroups = cgroup::Cgroups::read(root);
    let cpu = cpu::probe(root, &cgroups, findings);
    (cpu, memory::probe(root, &cgroups, findings))
}

pub fn power(root: &Root, findings: &mut Findings) -> (Power, Thermal) {
    (power::probe(root, findings), thermal::probe(root, findings))
}
