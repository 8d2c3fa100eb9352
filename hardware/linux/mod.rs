//! Linux: facts out of `/proc`, `/sys` and `/etc`. Android shares most of them.

pub mod block;
mod cgroup;
mod class;
mod cpu;
mod device_tree;
mod libc;
mod machine;
mod memory;
pub mod mounts;
mod numa;
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
use cpu::cpuinfo::CpuInfo;

pub use storage::probe as storage;

pub fn system(root: &Root, findings: &mut Findings) -> System {
    let text = cpuinfo(root, findings);
    let info = CpuInfo::parse(&text);
    let (cpu, memory) = told(root, &info, findings);
    System {
        machine: machine::probe(root, &info, findings),
        os: os::probe(root, cpu.architecture, findings),
        cpu,
        memory,
    }
}

/// What Android's kernel tells as Linux's does.
pub fn cpu_and_memory(root: &Root, findings: &mut Findings) -> (Cpu, Memory) {
    let text = cpuinfo(root, findings);
    told(root, &CpuInfo::parse(&text), findings)
}

fn cpuinfo(root: &Root, findings: &mut Findings) -> String {
    findings.take("cpu", root.read("proc/cpuinfo")).unwrap_or_default()
}

fn told(root: &Root, info: &CpuInfo, findings: &mut Findings) -> (Cpu, Memory) {
    let cgroups = cgroup::Cgroups::read(root);
    let nodes = numa::probe(root, findings);
    let memory = memory::probe(root, &cgroups, &nodes, findings);
    (cpu::probe(root, info, &cgroups, nodes, findings), memory)
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
