//! Whose memory a GPU computes in, how much there is, and how much is free.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{DeviceMemory, MemoryKind, MemoryPart};

use super::super::report::Mig;
use super::super::unified::{self, Memory};
use super::DEVICE_TREE;
use super::page::Page;

/// How NVIDIA's driver calls it that a GPU uses the page tables of the processor.
const ATS: &str = "ATS";

pub fn of(page: &mut Page, system: &Memory) -> DeviceMemory {
    match shares(page, system) {
        Some(source) => shared(page, system, source),
        None => own(page),
    }
}

/// By what it is known that the GPU has the system's memory and none of its own: it is part of a chip, or it reaches the
/// system's memory as the processor does and tells of none besides. A Grace Hopper reaches it so too and has its own.
fn shares(page: &Page, system: &Memory) -> Option<String> {
    if page.known.soc.is_some() {
        return Some(format!("{DEVICE_TREE}: the GPU is part of the chip"));
    }
    let tellers = &page.known.tellers;
    let reaches =
        tellers.iter().find(|teller| teller.gpu.addressing.value().is_some_and(|mode| mode == ATS))?;
    let own = tellers.iter().find_map(|teller| teller.gpu.memory_total.value());
    let is_the_system_s = match (own, system.total) {
        (None, _) => true,
        (Some(own), Some(Bytes(total))) => own.abs_diff(total) <= total / 100,
        (Some(_), None) => false,
    };
    is_the_system_s.then(|| format!("{}: no memory of its own, and addressing mode {ATS}", reaches.source))
}

fn shared(page: &mut Page, system: &Memory, source: String) -> DeviceMemory {
    page.findings.known("memory.kind", source);
    for (field, size) in [("memory.total", system.total), ("memory.free", system.available)] {
        match size {
            Some(_) => page.findings.known(field, unified::SOURCE),
            None => page.findings.unknown(field, "it is the system's, and /proc/meminfo does not tell it"),
        }
    }
    let kind = Some(MemoryKind::Unified);
    DeviceMemory { kind, total: system.total, free: system.available, parts: Vec::new() }
}

fn own(page: &mut Page) -> DeviceMemory {
    let total = page.tell("memory.total", |gpu| &gpu.memory_total);
    let Some(total) = total.filter(|total| *total > 0) else {
        return nothing(page, total);
    };
    let source = page.known.tellers.iter().find(|teller| teller.gpu.memory_total.value().is_some());
    let source = source.map(|teller| teller.source.clone()).unwrap_or_default();
    for field in ["memory.kind", "memory.parts"] {
        page.credit(field, &source);
    }
    DeviceMemory {
        kind: Some(MemoryKind::Dedicated),
        total: Some(Bytes(total)),
        free: free(page, total),
        parts: page
            .known
            .tellers
            .iter()
            .find_map(|teller| teller.gpu.memory_reserved.value())
            .map(reserved)
            .into_iter()
            .collect(),
    }
}

/// No size, so neither its own nor the system's can be claimed.
fn nothing(page: &mut Page, total: Option<u64>) -> DeviceMemory {
    if total.is_some() {
        page.findings.unknown("memory", "the driver says 0 bytes");
    } else if page.silence.is_none() {
        let why = "the driver tells of no memory of its own, nor that it shares the system's";
        page.findings.unknown_but(
            "memory",
            why,
            "nvidia-smi, if it is installed, tells how the GPU reaches memory",
        );
    }
    DeviceMemory::default()
}

fn free(page: &mut Page, total: u64) -> Option<Bytes> {
    if page.mig() == Some(Mig::On) {
        page.findings
            .unknown("memory.free", "the GPU is divided (MIG): programs see its slices, not the whole");
        return None;
    }
    let free = page.tell("memory.free", |gpu| &gpu.memory_free)?;
    if free > total {
        page.findings.unknown("memory.free", "the driver says that more is free than there is");
        return None;
    }
    Some(Bytes(free))
}

/// What the driver and the hardware keep for themselves: all of it is in use.
fn reserved(bytes: &u64) -> MemoryPart {
    MemoryPart { name: "reserved".to_owned(), total: Bytes(*bytes), used: Some(Bytes(*bytes)) }
}
