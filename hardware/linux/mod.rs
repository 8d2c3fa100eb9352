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

use edgeorch_engines::contract::host::{Power, Thermal};

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

pub fn power(root: &Root, findings: &mut Findings) -> (Power, Thermal) {
    let firmware = pi::read(root);
    (power::probe(root, &firmware, findings), thermal::probe(root, &firmware, findings))
}
