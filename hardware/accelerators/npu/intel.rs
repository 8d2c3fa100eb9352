//! Intel NPUs: the clocks, which newer versions of the driver intel_vpu tell.

use edgeorch_engines::contract::host::Clocks;

use super::device::Seen;
use crate::Root;
use crate::root::shown;

pub fn fill(root: &Root, npu: &mut Seen) {
    let mhz = |name: &str| root.read(&format!("{}/{name}", npu.folder)).ok()?.trim().parse::<u32>().ok();
    let (now, max) = (mhz("npu_current_frequency_mhz"), mhz("npu_max_frequency_mhz"));
    if now.is_none() && max.is_none() {
        return;
    }
    // The driver does not wake it up to ask: 0 is what it says of one that sleeps.
    let running = now.filter(|now| *now > 0);
    npu.findings.known("clocks", format_args!("{}/npu_*_frequency_mhz", shown(&npu.folder)));
    match now {
        None => npu.findings.unknown("clocks.core_mhz", "the driver does not tell the clock of now"),
        Some(0) => npu.findings.none("clocks.core_mhz", "it sleeps"),
        Some(_) => {}
    }
    if max.is_none() {
        npu.findings.unknown("clocks.core_max_mhz", "the driver does not tell the highest clock");
    }
    for field in ["clocks.memory_mhz", "clocks.memory_max_mhz"] {
        npu.findings.none(field, "its memory is the system's");
    }
    npu.accelerator.clocks = Some(Clocks { core_mhz: running, core_max_mhz: max, ..Clocks::default() });
}
