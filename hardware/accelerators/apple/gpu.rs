//! One GPU: what `system_profiler`, Metal and the bus tell of it.

use edgeorch_engines::contract::host::{Accelerator, AcceleratorKind, Api, Target, Vendor};

use super::listed::Seen;
use super::{Facts, account_for_the_rest, memory, part_of_the_chip};
use crate::accelerators::Sighting;
use crate::findings::Findings;
use crate::macos::ioreg::Display;
use crate::macos::metal::Device;

const PROFILER: &str = "system_profiler SPDisplaysDataType";

pub fn sighting(seen: Seen, facts: &Facts) -> Sighting {
    let mut findings = Findings::default();
    account_for_the_rest(&mut findings);
    let devices = facts.metal.as_deref().unwrap_or_default();
    let device = device(&seen, devices, facts);
    let mut gpu = Accelerator::new(AcceleratorKind::Gpu, seen.vendor);
    match &seen.unlisted {
        None => findings.known("", PROFILER),
        Some(_) => findings.known("", "sysctl hw.cputype: every chip of Apple's has a GPU"),
    }
    gpu.name = seen.name.clone().or_else(|| {
        let name = device.map(|device| device.name.clone())?;
        findings.known("name", "Metal");
        Some(name)
    });
    let silent = seen.unlisted.clone().unwrap_or_else(|| format!("{PROFILER} does not say"));
    if gpu.name.is_none() {
        findings.unknown("name", &silent);
    }
    gpu.cores = seen.cores;
    if gpu.cores.is_none() {
        findings.unknown("cores", &silent);
    }
    place(&mut gpu, &seen, &mut findings);
    interfaces(&mut gpu, &seen, device, &silent, &mut findings);
    gpu.memory = memory::of(&seen, device, facts, &mut findings);
    Sighting { accelerator: gpu, findings }
}

fn place(gpu: &mut Accelerator, seen: &Seen, findings: &mut Findings) {
    if seen.vendor == Vendor::Apple {
        part_of_the_chip(findings);
        return;
    }
    let Some(Display { pci, link }) = &seen.place else {
        for field in ["pci", "link"] {
            findings.unknown(field, "ioreg lists no display of this id on the PCI bus");
        }
        return;
    };
    findings.known("pci", "ioreg IOPCIDevice");
    if pci.subsystem.is_none() {
        findings.none("pci.subsystem", "ioreg: the device has none");
    }
    if pci.revision.is_none() {
        findings.unknown("pci.revision", "ioreg does not say");
    }
    match link {
        Some(link) => {
            findings.known("link", "ioreg IOPCIExpressLinkStatus, IOPCIExpressLinkCapabilities");
            for (field, rate) in [("link.now", link.now), ("link.best", link.best)] {
                if rate.is_none() {
                    findings.unknown(field, "ioreg does not say");
                }
            }
        }
        None => findings.none("link", "ioreg: the device has no PCI Express link"),
    }
    (gpu.pci, gpu.link) = (Some(pci.clone()), link.clone());
}

/// Metal is the one interface that `system_profiler` speaks of.
fn interfaces(
    gpu: &mut Accelerator,
    seen: &Seen,
    device: Option<&Device>,
    silent: &str,
    findings: &mut Findings,
) {
    match (&seen.metal, device) {
        (Some(_), _) => gpu.apis = vec![Api::Metal],
        (None, Some(_)) => {
            findings.known("apis", "Metal");
            gpu.apis = vec![Api::Metal];
        }
        (None, None) => findings.unknown("apis", silent),
    }
    gpu.runtime =
        seen.metal.as_ref().and_then(|metal| metal.version).map(|version| format!("Metal {version}"));
    if gpu.runtime.is_none() {
        findings.unknown("runtime", silent);
    }
    let family = device.and_then(|device| device.apple_family).map(|family| format!("apple{family}"));
    if family.is_some() {
        findings.known("target", "Metal supportsFamily");
    }
    let listed = || seen.metal.as_ref().and_then(|metal| metal.family.clone());
    gpu.target = family.or_else(listed).map(Target::Named);
    if gpu.target.is_none() {
        findings.unknown("target", "neither Metal nor system_profiler tells the GPU's family");
    }
}

/// Metal's device of this name. An Intel GPU's is another one there (`Intel(R) …`), but a Mac has at most one that works
/// in main memory.
fn device<'a>(seen: &Seen, devices: &'a [Device], facts: &Facts) -> Option<&'a Device> {
    let named = devices.iter().find(|device| Some(&device.name) == seen.name.as_ref());
    let integrated = facts.is_apple_chip() || seen.shared.is_some();
    let mut unified = devices.iter().filter(|device| integrated && device.unified);
    named.or_else(|| unified.next().filter(|_| unified.next().is_none()))
}
