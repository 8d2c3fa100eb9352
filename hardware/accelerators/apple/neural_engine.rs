//! The Neural Engine of Apple's chips, which programs reach through Core ML.

use edgeorch_engines::contract::host::{Accelerator, AcceleratorKind, Api, MemoryKind, Target, Vendor};

use super::{Facts, account_for_the_rest, part_of_the_chip};
use crate::accelerators::Sighting;
use crate::findings::Findings;
use crate::macos::ioreg::Object;

/// One, however many the registry lists: an Ultra has two, and Core ML shows them as one.
pub fn sighting(engines: &[Object], facts: &Facts) -> Option<Sighting> {
    if engines.is_empty() && !facts.is_apple_machine() {
        return None;
    }
    let mut findings = Findings::default();
    account_for_the_rest(&mut findings);
    part_of_the_chip(&mut findings);
    let mut engine = Accelerator::new(AcceleratorKind::Npu, Vendor::Apple);
    match engines.is_empty() {
        false => findings.known("", "ioreg H11ANEIn"),
        true => findings.known("", "sysctl hw.cputype: every chip of Apple's that runs macOS has one"),
    }
    engine.name = Some("Apple Neural Engine".to_owned());
    findings.known("apis", "macOS: Core ML is a part of it");
    engine.apis = vec![Api::CoreMl];
    engine.cores = engines.iter().map(Object::neural_cores).reduce(|a, b| a?.checked_add(b?)).flatten();
    engine.target =
        engines.first().and_then(Object::neural_architecture).map(|name| Target::Named(name.to_owned()));
    for (field, missing) in [("cores", engine.cores.is_none()), ("target", engine.target.is_none())] {
        if missing {
            findings.unknown(field, "ioreg does not show the Neural Engine's properties");
        }
    }
    findings.none("runtime", "Core ML has no version but macOS's");
    findings.none("memory.parts", "the memory is of one kind");
    findings.known("memory.kind", "the Neural Engine of Apple's chips works in main memory");
    engine.memory.kind = Some(MemoryKind::Unified);
    for field in ["memory.total", "memory.free"] {
        findings.unknown(field, "macOS does not tell how much memory the Neural Engine may use");
    }
    Some(Sighting { accelerator: engine, findings })
}
