//! GPUs and NPUs that are a part of a phone's, laptop's or board's chip: on no PCI bus, with no memory of their own.
//!
//! Android's vendor drivers (`kgsl` for Adreno, `kbase` for Mali) and Linux's own tell of them in different places; what
//! they are is data: `chips.yaml`.

mod hexagon;
mod kbase;
mod kgsl;
mod linux_drivers;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use edgeorch_engines::contract::OsFamily;
use edgeorch_engines::contract::host::{Accelerator, AcceleratorKind, Api, Clocks, MemoryKind, Vendor};
use serde::Deserialize;

use super::pci::Function;
use super::{Sighting, Sightings, library};
use crate::Root;
use crate::findings::Findings;

/// A test proves that the file is well-formed.
static CHIPS: LazyLock<Chips> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("chips.yaml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chips {
    drivers: BTreeMap<String, Vendor>,
    names: BTreeMap<String, String>,
    hexagon: BTreeMap<String, String>,
}

pub fn probe(root: &Root, _: &[Function]) -> Sightings {
    if !matches!(root.platform(), OsFamily::Linux | OsFamily::Android) {
        return Sightings::default();
    }
    let vendors: Vec<Sighting> = [kgsl::probe(root), kbase::probe(root)].into_iter().flatten().collect();
    // The vendor's driver and Linux's own never serve one graphics unit together, but a kernel may hold both.
    let gpus = if vendors.is_empty() { linux_drivers::probe(root) } else { vendors };
    let devices = gpus.into_iter().chain(hexagon::probe(root)).collect();
    Sightings { devices, findings: Findings::default() }
}

/// What is so of every part of a chip, and what none of their drivers tells.
fn begin(kind: AcceleratorKind, vendor: Vendor, source: &str, findings: &mut Findings) -> Accelerator {
    let mut device = Accelerator::new(kind, vendor);
    for field in ["kind", "vendor"] {
        findings.known(field, source);
    }
    for field in ["index", "uuid", "pci", "link"] {
        findings.none(field, "a part of the chip, on no bus");
    }
    findings.none("slices", "no driver of such parts divides them");
    device.memory.kind = Some(MemoryKind::Unified);
    findings.known("memory.kind", "a part of the chip: it works in main memory");
    findings.unknown("memory", "its driver gives no limit of its own: main memory bounds it");
    findings.unknown("power", "its driver does not tell");
    findings.unknown("runtime", "its user library was not asked");
    device
}

/// The number in a file, where it is one and not zero: idle drivers write zero for what they do not measure.
fn number(root: &Root, path: &str) -> Option<u64> {
    root.read(path).ok()?.trim().parse().ok().filter(|number| *number > 0)
}

/// Clocks in hertz, from two files.
fn clocks(root: &Root, now: &str, most: &str, findings: &mut Findings) -> Option<Clocks> {
    let mhz = |path: &str| u32::try_from(number(root, path)? / 1_000_000).ok().filter(|mhz| *mhz > 0);
    let (core_mhz, core_max_mhz) = (mhz(now), mhz(most));
    if core_mhz.is_none() && core_max_mhz.is_none() {
        findings.unknown("clocks", format_args!("/{now} does not tell, or not to this user"));
        return None;
    }
    findings.known("clocks", format_args!("/{now}, /{most}"));
    for (field, value, path) in [("core_mhz", core_mhz, now), ("core_max_mhz", core_max_mhz, most)] {
        if value.is_none() {
            findings.unknown(format!("clocks.{field}"), format_args!("/{path} does not tell"));
        }
    }
    for field in ["clocks.memory_mhz", "clocks.memory_max_mhz"] {
        findings.none(field, "it has no memory of its own");
    }
    Some(Clocks { core_mhz, core_max_mhz, memory_mhz: None, memory_max_mhz: None })
}

/// Where Android keeps the vendor's user libraries.
const ANDROID: [&str; 3] = ["vendor/lib64", "vendor/lib64/hw", "system/vendor/lib64"];

fn library(root: &Root, name: &str) -> Option<String> {
    library::find(root, &[name.to_owned()], &ANDROID.map(str::to_owned))
}

/// Android's user libraries for graphics units, each of which needs the vendor's driver that was found.
fn android_apis(root: &Root, vulkan: &str, findings: &mut Findings) -> Vec<Api> {
    let found = [(Api::OpenCl, library(root, "libOpenCL.so")), (Api::Vulkan, library(root, vulkan))];
    let found: Vec<(Api, String)> = found.into_iter().filter_map(|(api, path)| Some((api, path?))).collect();
    if found.is_empty() {
        findings.unknown(
            "apis",
            "neither OpenCL's nor Vulkan's library is where the vendor puts it, for this user",
        );
    } else {
        let paths: Vec<&str> = found.iter().map(|(_, path)| path.as_str()).collect();
        findings.known("apis", paths.join(", "));
    }
    found.into_iter().map(|(api, _)| api).collect()
}

fn unknown_all(findings: &mut Findings, fields: &[&str], reason: impl fmt::Display) {
    for field in fields {
        findings.unknown(*field, &reason);
    }
}

#[cfg(test)]
mod tests;
