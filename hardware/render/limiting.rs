//! What keeps this machine from giving all that is in the box.

use edgeorch_engines::contract::Host;

use super::page::count;

/// A sentence for each; none where nothing does. What is wrong, and how to mend it, is `edgeorch doctor`'s to say.
pub fn sentences(host: &Host) -> Vec<String> {
    let mut found = Vec::new();
    let memory = &host.memory;
    if let (Some(limit), Some(available)) = (&memory.limit, memory.available)
        && memory.usable() < available
    {
        let left = limit.bytes.saturating_sub(limit.used);
        found.push(format!("memory: a limit leaves {left} of the {available} that are available"));
    }
    if let Some(threads) = host.cpu.logical_cores
        && host.cpu.usable_cores < threads
    {
        let usable = host.cpu.usable_cores;
        let threads = count(threads, "thread");
        found.push(format!("processor: affinity or a quota leaves {usable} of {threads}"));
    }
    for mode in host.power.modes.iter().filter(|mode| mode.saves_power == Some(true)) {
        found.push(format!("power: {} is {}, which saves power", mode.interface, mode.value));
    }
    if host.thermal.throttled_now == Some(true) {
        found.push("heat: the processor is slowed at this moment".to_owned());
    }
    found
}
