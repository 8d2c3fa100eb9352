//! How much memory an adapter has and what of it is in use.
//!
//! Three places know a part each: the adapter's driver key (its own memory, 64 bits wide, where `AdapterRAM` ends at
//! 4 GiB), DirectX's list of adapters (own and shared memory, and the adapter's identity until the next start), and the
//! performance counters (use, by that identity). DirectX keeps entries of adapters that are gone; the counters don't.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{DeviceMemory, MemoryKind, MemoryPart, Vendor};

use super::identity::Identity;
use crate::devices;
use crate::findings::Findings;
use crate::windows::powershell::{Answer, Row};

/// `QCOM` as a number, which is what DirectX has for a vendor that is on no PCI bus.
const QUALCOMM: u64 = 0x4d4f_4351;

const DIRECTX: &str = "registry (SOFTWARE\\Microsoft\\DirectX)";
const DRIVER: &str = "registry (HardwareInformation.qwMemorySize of the driver)";
const COUNTERS: &str = "Win32_PerfFormattedData_GPUPerformanceCounters_GPUAdapterMemory";

/// What the entry of one adapter says, with its use where that is sure.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    dedicated: u64,
    shared: u64,
    used: Option<Used>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Used {
    dedicated: u64,
    shared: u64,
}

pub fn probe(
    identity: &Identity,
    own: Option<u64>,
    answer: Option<&Answer>,
    findings: &mut Findings,
) -> DeviceMemory {
    let entry = answer.and_then(|answer| entry(identity, answer));
    let Some(shares) = shares_main_memory(identity) else {
        findings.unknown("memory.kind", "edgeorch's table does not know whether it has memory of its own");
        findings.unknown("memory.total", "that depends on whether it has memory of its own");
        findings.unknown("memory.free", "that depends on whether it has memory of its own");
        return DeviceMemory { parts: parts(own, entry, findings), ..DeviceMemory::default() };
    };
    let kind = match (shares, identity.vendor()) {
        (false, _) => MemoryKind::Dedicated,
        (true, Some(Vendor::Amd)) => MemoryKind::CarveOut,
        (true, _) => MemoryKind::Unified,
    };
    let source = match identity {
        Identity::Pci(_) => "edgeorch's table of devices, by PCI id",
        Identity::Acpi { .. } => "a part of the chip, on no bus",
    };
    findings.known("memory.kind", source);
    let (total, free) = if shares { shared(entry, findings) } else { dedicated(own, entry, findings) };
    DeviceMemory { kind: Some(kind), total, free, parts: parts(own, entry, findings) }
}

/// Of what is on no bus: always. `None` where nothing tells.
fn shares_main_memory(identity: &Identity) -> Option<bool> {
    match identity.function() {
        Some(function) => devices::shares_main_memory(&function.id()),
        None => Some(true),
    }
}

fn dedicated(
    own: Option<u64>,
    entry: Option<Entry>,
    findings: &mut Findings,
) -> (Option<Bytes>, Option<Bytes>) {
    let total = own.map(|own| (own, DRIVER)).or(entry.map(|entry| (entry.dedicated, DIRECTX)));
    let Some((total, source)) = total else {
        findings.unknown("memory.total", "neither its driver nor DirectX wrote it into the registry");
        findings.unknown("memory.free", "its total is not known");
        return (None, None);
    };
    findings.known("memory.total", source);
    let used = entry.and_then(|entry| entry.used).map(|used| used.dedicated);
    (Some(Bytes(total)), free(total, used, findings))
}

/// Windows gives programs the part set aside and at most half of main memory besides.
fn shared(entry: Option<Entry>, findings: &mut Findings) -> (Option<Bytes>, Option<Bytes>) {
    let Some(entry) = entry else {
        findings
            .unknown("memory.total", "DirectX's list in the registry does not tell how much it may share");
        findings.unknown("memory.free", "its total is not known");
        return (None, None);
    };
    findings.known("memory.total", format_args!("{DIRECTX}: dedicated and shared"));
    let total = entry.dedicated.saturating_add(entry.shared);
    let used = entry.used.map(|used| used.dedicated.saturating_add(used.shared));
    (Some(Bytes(total)), free(total, used, findings))
}

fn free(total: u64, used: Option<u64>, findings: &mut Findings) -> Option<Bytes> {
    match used {
        Some(_) => findings.known("memory.free", format_args!("memory.total less {COUNTERS}")),
        None => findings.unknown("memory.free", "Windows' counters do not tell what of it is in use"),
    }
    used.map(|used| Bytes(total.saturating_sub(used)))
}

/// In Windows' own words: what is the adapter's, and what it may take of main memory.
fn parts(own: Option<u64>, entry: Option<Entry>, findings: &mut Findings) -> Vec<MemoryPart> {
    let used = entry.and_then(|entry| entry.used);
    let dedicated = entry
        .map(|entry| entry.dedicated)
        .or(own)
        .map(|total| ("dedicated", total, used.map(|u| u.dedicated)));
    let shared = entry.map(|entry| ("shared", entry.shared, used.map(|u| u.shared)));
    let parts: Vec<MemoryPart> = dedicated
        .into_iter()
        .chain(shared)
        .map(|(name, total, used)| MemoryPart {
            name: name.to_owned(),
            total: Bytes(total),
            used: used.map(Bytes),
        })
        .collect();
    match parts.is_empty() {
        true => {
            findings.unknown("memory.parts", "neither its driver nor DirectX wrote them into the registry")
        }
        false => findings.known("memory.parts", if entry.is_some() { DIRECTX } else { DRIVER }),
    }
    for (i, part) in parts.iter().enumerate() {
        let field = format!("memory.parts[{i}].used");
        match part.used {
            Some(_) => findings.known(field, COUNTERS),
            None => findings.unknown(field, "Windows' counters do not tell what of it is in use"),
        }
    }
    parts
}

/// The one entry of this adapter. Of several equal ones those count that are in use now; if several remain, they agree on
/// sizes and nobody knows whose use is whose.
fn entry(identity: &Identity, answer: &Answer) -> Option<Entry> {
    let rows = answer.rows("directx").ok()?;
    let usage = answer.rows("usage").unwrap_or_default();
    let mine = rows.iter().filter(|row| is(identity, row));
    let all: Vec<Entry> = mine.filter_map(|row| read(row, &usage)).collect();
    let current: Vec<Entry> = all.iter().copied().filter(|entry| entry.used.is_some()).collect();
    let candidates = if current.is_empty() { all } else { current };
    match candidates.as_slice() {
        [] => None,
        [one] => Some(*one),
        [first, rest @ ..] => {
            let same = rest.iter().all(|e| (e.dedicated, e.shared) == (first.dedicated, first.shared));
            same.then_some(Entry { used: None, ..*first })
        }
    }
}

fn is(identity: &Identity, row: &Row<'_>) -> bool {
    let has = |field: &'static str, value: u64| row.bits(field) == Ok(value);
    match identity {
        Identity::Pci(function) => {
            let board =
                function.subsystem.map(|(vendor, device)| u64::from(device) << 16 | u64::from(vendor));
            has("VendorId", function.vendor.into())
                && has("DeviceId", function.device.into())
                && board.is_none_or(|board| row.bits("SubSysId").is_ok_and(|id| id & 0xffff_ffff == board))
        }
        Identity::Acpi { .. } => has("VendorId", QUALCOMM),
    }
}

fn read(row: &Row<'_>, usage: &[Row<'_>]) -> Option<Entry> {
    let luid = row.bits("AdapterLuid").ok()?;
    let counted = usage.iter().find(|counter| counter.text("Name").ok().and_then(self::luid) == Some(luid));
    let used = counted.and_then(|counter| {
        Some(Used {
            dedicated: counter.number("DedicatedUsage").ok()?,
            shared: counter.number("SharedUsage").ok()?,
        })
    });
    Some(Entry {
        dedicated: row.bits("DedicatedVideoMemory").ok()?,
        shared: row.bits("SharedSystemMemory").ok()?,
        used,
    })
}

/// Of `luid_0x00000000_0x00013164_phys_0`: high and low half.
fn luid(name: &str) -> Option<u64> {
    let mut halves =
        name.split('_').filter_map(|part| u32::from_str_radix(part.strip_prefix("0x")?, 16).ok());
    let (high, low) = (halves.next()?, halves.next()?);
    Some(u64::from(high) << 32 | u64::from(low))
}

#[cfg(test)]
mod tests;
