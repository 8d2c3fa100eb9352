//! How much memory a Mac's GPU may work in.
//!
//! On Apple's chips that is main memory up to a limit: the size of the working set that Metal recommends. It follows
//! `iogpu.wired_limit_mb` where someone set that; a 0 there means macOS's own default, which is not published and differs
//! between versions, so it is asked of Metal or not known.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{DeviceMemory, MemoryKind, Vendor};

use super::Facts;
use super::listed::Seen;
use crate::findings::Findings;
use crate::macos::metal::Device;
use edgeorch_engines::chain;

pub fn of(seen: &Seen, device: Option<&Device>, facts: &Facts, findings: &mut Findings) -> DeviceMemory {
    findings.none("memory.parts", "the memory is of one kind");
    if let Some(total) = seen.dedicated {
        findings.known("memory", "system_profiler SPDisplaysDataType spdisplays_vram");
        findings.unknown("memory.free", "macOS does not tell what is in use of a GPU's own memory");
        return DeviceMemory {
            kind: Some(MemoryKind::Dedicated),
            total: Some(total),
            ..DeviceMemory::default()
        };
    }
    let kind = kind(seen, device, facts, findings);
    let total = total(seen, device, facts, findings);
    let free = (kind == Some(MemoryKind::Unified)).then(|| free(total, facts, findings)).flatten();
    if kind != Some(MemoryKind::Unified) {
        findings.unknown("memory.free", "whose memory it works in is not known");
    }
    DeviceMemory { kind, total, free, parts: Vec::new() }
}

fn kind(seen: &Seen, device: Option<&Device>, facts: &Facts, findings: &mut Findings) -> Option<MemoryKind> {
    const FIELD: &str = "memory.kind";
    if device.is_some_and(|device| device.unified) {
        findings.known(FIELD, "Metal hasUnifiedMemory");
    } else if seen.vendor == Vendor::Apple && facts.is_apple_chip() {
        findings.known(FIELD, "the GPU of Apple's chips works in main memory");
    } else if seen.shared.is_some() {
        findings.known(FIELD, "system_profiler SPDisplaysDataType spdisplays_vram_shared");
    } else {
        findings.unknown(FIELD, "neither Metal nor system_profiler tells whose memory it works in");
        return None;
    }
    Some(MemoryKind::Unified)
}

fn total(seen: &Seen, device: Option<&Device>, facts: &Facts, findings: &mut Findings) -> Option<Bytes> {
    const FIELD: &str = "memory.total";
    if let Some(bytes) = device.and_then(Device::working_set) {
        findings.known(FIELD, "Metal recommendedMaxWorkingSetSize");
        return Some(bytes);
    }
    if let Some(bytes) = wired_limit(facts) {
        findings.known(FIELD, "sysctl iogpu.wired_limit_mb");
        return Some(bytes);
    }
    if let Some(bytes) = seen.shared {
        findings.known(FIELD, "system_profiler SPDisplaysDataType spdisplays_vram_shared");
        return Some(bytes);
    }
    let why = match &facts.metal {
        Err(error) => chain(error),
        Ok(_) => "Metal tells no limit for it".to_owned(),
    };
    findings.unknown_but(
        FIELD,
        format_args!("{why}; macOS's default limit is not published"),
        "sudo sysctl iogpu.wired_limit_mb=… sets a limit that is known",
    );
    None
}

fn wired_limit(facts: &Facts) -> Option<Bytes> {
    let mebibytes: u64 = facts.gpu.number("iogpu.wired_limit_mb").ok().filter(|limit| *limit > 0)?;
    mebibytes.checked_mul(Bytes::MIB).map(Bytes)
}

/// Nobody tells how much of the limit other programs' GPU work takes; what they take, main memory lacks too.
fn free(total: Option<Bytes>, facts: &Facts, findings: &mut Findings) -> Option<Bytes> {
    const FIELD: &str = "memory.free";
    match (total, facts.pages) {
        (Some(total), Some(pages)) => {
            let (available, source) = pages.available();
            findings.known(
                FIELD,
                format_args!("the smaller of the total and what main memory has left ({source})"),
            );
            Some(total.min(available))
        }
        (None, _) => {
            findings.unknown(FIELD, "the limit is not known");
            None
        }
        (_, None) => {
            findings.unknown(FIELD, "vm_stat does not tell what main memory has left");
            None
        }
    }
}
