//! macOS: what `sysctl`, `system_profiler`, `vm_stat`, `pmset`, `notifyutil`, `mount`, `df`, `ioreg` and Metal tell.
//!
//! Each command has two seconds, and those of one part run side by side: `system_profiler` alone may take one. None needs
//! root, and none is asked for serial numbers: `system_profiler` runs at its `mini` level, which leaves personal data out.

mod cpu;
pub mod ioreg;
mod machine;
mod memory;
pub mod metal;
mod mounts;
mod os;
mod pmset;
mod power;
pub mod profiler;
mod storage;
pub mod sysctl;
mod thermal;
pub mod vm_stat;

use std::thread;

use edgeorch_engines::contract::host::{Power, Thermal};

use crate::findings::Findings;
use crate::platform::System;
use crate::root::{Command, Root, RunError};
use sysctl::Sysctl;

pub use storage::probe as storage;

pub fn system(root: &Root, findings: &mut Findings) -> System {
    let (sysctl, [hardware, versions, pages]) =
        Sysctl::read_with(root, [&profiler::HARDWARE, &os::SW_VERS, &vm_stat::VM_STAT]);
    let hardware = profiler::first(&profiler::HARDWARE, hardware);
    System {
        machine: machine::probe(&sysctl, &hardware, findings),
        os: os::probe(&sysctl, versions, findings),
        cpu: cpu::probe(&sysctl, &hardware, &pages, findings),
        memory: memory::probe(&sysctl, &pages, findings),
    }
}

pub fn power(root: &Root, findings: &mut Findings) -> (Power, Thermal) {
    let [battery, settings, health, limits, pressure, cpu, guest] = together(
        root,
        [
            &pmset::BATTERY,
            &pmset::SETTINGS,
            &profiler::POWER,
            &pmset::HEAT,
            &thermal::PRESSURE,
            &sysctl::CPU_KIND,
            &sysctl::GUEST,
        ],
    );
    let health = profiler::entries(&profiler::POWER, health);
    (
        power::probe(battery, settings, health, &Sysctl::parse(cpu), findings),
        thermal::probe(limits, pressure, &Sysctl::parse(guest), findings),
    )
}

/// Runs them side by side.
pub fn together<const N: usize>(root: &Root, commands: [&Command; N]) -> [Result<String, RunError>; N] {
    thread::scope(|scope| {
        // All are started before the first is waited for: `map` on an array does not wait for the next one.
        let running = commands.map(|command| (command, scope.spawn(move || root.run(command))));
        running.map(|(command, thread)| {
            thread.join().unwrap_or_else(|_| {
                let program = command.program.to_string();
                Err(RunError::NotStarted { program, said: "the thread that ran it died".to_owned() })
            })
        })
    })
}
