//! Linux: facts out of `/proc`, `/sys` and `/etc`. Android shares most of them.

pub mod block;
mod cgroup;
mod class;
mod cpu;
mod libc;
mod machine;
mod memory;
pub mod mounts;
mod os;
mod pi;
mod power;
mod storage;
mod thermal;
pub mod zones;

use edgeorch_engines::contract::host::{Cpu, Memory, Power, Thermal};

use crate::Root;
use crate::findings::Findings;
use crate::platform::System;

pub use storage::probe as storage;

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
    let firmware = pi::read(root);
    (power::probe(root, &firmware, findings), thermal::probe(root, &firmware, findings))
}

/// What the kernel says of power, where nobody else does.
pub fn supply(root: &Root, findings: &mut Findings) -> Power {
    power::probe(root, &pi::read(root), findings)
}

/// What the kernel says of heat, where nobody else does.
pub fn temperatures(root: &Root, findings: &mut Findings) -> Thermal {
    thermal::probe(root, &pi::read(root), findings)
}
