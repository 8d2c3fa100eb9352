//! GPUs and NPUs of a Windows machine, as its device manager knows them.
//!
//! NVIDIA's GPUs are here too, for machines where NVIDIA's own interfaces do not answer: of two sightings at one place
//! on the bus, the first probe's counts. Adapters without hardware (remote sessions, docks, basic display) are no devices.

mod identity;
mod memory;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::OsFamily;
use edgeorch_engines::contract::host::{
    Accelerator, AcceleratorKind, Api, Driver, MemoryKind, Target, Vendor,
};

use super::pci::Function;
use super::{Sighting, Sightings};
use crate::findings::{Findings, printable};
use crate::root::{Command, Root};
use crate::windows::powershell::{Answer, Row, arguments, ask, script};
use edgeorch_engines::chain;
use identity::Identity;
use serde::Deserialize;

const DISPLAY: Command = script("windows-display.json", arguments!("../../windows/scripts/display.ps1"));
const MEMORY: Command = script("windows-gpu-memory.json", arguments!("../../windows/scripts/memory.ps1"));

/// A test proves that the file is well-formed.
static CHIP_NPUS: LazyLock<BTreeMap<String, ChipNpu>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("npus.yaml")).unwrap_or_default());

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChipNpu {
    api: Api,
    version: String,
}

pub fn probe(root: &Root, _: &[Function]) -> Sightings {
    if root.platform() != OsFamily::Windows {
        return Sightings::default();
    }
    // Counters that are asked for the first time since the start take a second to load.
    let (display, memory) = std::thread::scope(|scope| {
        let memory = scope.spawn(|| ask(root, &MEMORY).ok());
        (ask(root, &DISPLAY), memory.join().unwrap_or_default())
    });
    let mut sightings = Sightings::default();
    match display {
        Ok(display) => {
            each(&display, "adapters", &mut sightings, |row| gpu(row, memory.as_ref()));
            each(&display, "npus", &mut sightings, npu);
        }
        Err(error) => sightings.findings.unknown("accelerators", chain(&error)),
    }
    sightings
}

fn each(
    display: &Answer,
    class: &'static str,
    sightings: &mut Sightings,
    see: impl Fn(&Row<'_>) -> Result<Option<Sighting>, String>,
) {
    let rows = match display.rows(class) {
        Ok(rows) => rows,
        Err(error) => return sightings.findings.unknown("accelerators", error),
    };
    for row in rows {
        match see(&row) {
            Ok(sighting) => sightings.devices.extend(sighting),
            Err(reason) => sightings.findings.unknown("accelerators", reason),
        }
    }
}

fn gpu(row: &Row<'_>, memory: Option<&Answer>) -> Result<Option<Sighting>, String> {
    let id = row.text("PNPDeviceID").map_err(|error| format!("a display adapter: {error}"))?;
    let Some(identity) = Identity::parse(id) else { return Ok(None) };
    if identity.function().is_some_and(|function| function.vendor == identity::MICROSOFT) {
        return Err("a virtual adapter stands for a GPU of the host, which tells nothing about it".to_owned());
    }
    let Some(vendor) = identity.vendor() else { return Ok(None) };
    let mut findings = Findings::default();
    let mut gpu = begin(AcceleratorKind::Gpu, vendor, &identity, row, &mut findings);
    if vendor == Vendor::Nvidia && gpu.pci.is_none() {
        return Err("an NVIDIA adapter whose place on the bus Windows does not tell".to_owned());
    }
    findings.unknown("target", "Windows does not tell the architecture");
    let own = row.number("MemorySize").ok().filter(|size| *size > 0);
    gpu.memory = memory::probe(&identity, own, memory, &mut findings);
    if works(row, &mut findings) {
        gpu.apis = vec![Api::DirectMl];
        findings.known(
            "apis",
            "the display driver runs, DirectX is a part of Windows; others were not looked for",
        );
    }
    Ok(Some(Sighting { accelerator: gpu, findings }))
}

fn npu(row: &Row<'_>) -> Result<Option<Sighting>, String> {
    let id = row.text("PNPDeviceID").map_err(|error| format!("a compute accelerator: {error}"))?;
    let identity = Identity::parse(id);
    let Some((identity, vendor)) = identity.and_then(|identity| Some((identity.clone(), identity.vendor()?)))
    else {
        let name = row.text("Name").ok().and_then(|name| printable(name).ok()).unwrap_or_default();
        return Err(format!("a compute accelerator of a maker that edgeorch does not know: {name}"));
    };
    let mut findings = Findings::default();
    let mut npu = begin(AcceleratorKind::Npu, vendor, &identity, row, &mut findings);
    findings.unknown("memory", "Windows does not tell how much of main memory it may use");
    let known = match &identity {
        Identity::Acpi { vendor, device } => CHIP_NPUS.get(&format!("{vendor}{device}")),
        Identity::Pci(_) => None,
    };
    if let Some(known) = known {
        npu.memory.kind = Some(MemoryKind::Unified);
        findings.known("memory.kind", "a part of the chip: it works in main memory");
        npu.target = Some(Target::Named(known.version.clone()));
        findings.known("target", "edgeorch's table of chips, by PNPDeviceID");
    } else {
        findings.unknown("target", "Windows does not tell the architecture");
    }
    match (works(row, &mut findings), known) {
        (true, Some(known)) => {
            npu.apis = vec![known.api];
            findings.known("apis", "its driver runs; programs bring the vendor's library with them");
        }
        (true, None) => findings.unknown("apis", "its driver runs; the vendor's library was not looked for"),
        (false, _) => {}
    }
    Ok(Some(Sighting { accelerator: npu, findings }))
}

/// What Windows tells of any device, and what it tells of none.
fn begin(
    kind: AcceleratorKind,
    vendor: Vendor,
    identity: &Identity,
    row: &Row<'_>,
    findings: &mut Findings,
) -> Accelerator {
    let mut device = Accelerator::new(kind, vendor);
    findings.known("kind", "the class of its driver");
    findings.known("vendor", "PNPDeviceID");
    findings.none("index", "Windows numbers adapters anew for each program");
    findings.none("slices", "Windows divides no device");
    for (field, reason) in [
        ("uuid", "Windows knows no lasting identity of it but its place"),
        ("cores", "Windows does not tell"),
        ("runtime", "the vendor's own tools would tell"),
        ("power", "the vendor's own tools would tell"),
        ("temperature_celsius", "the vendor's own tools would tell"),
        ("clocks", "the vendor's own tools would tell"),
        ("throttling", "the vendor's own tools would tell"),
    ] {
        findings.unknown(field, reason);
    }
    let name = findings.take("name", row.text("Name"));
    device.name = name.and_then(|name| findings.learn("name", "device manager", printable(name)));
    device.driver = driver(row, findings);
    place(&mut device, identity, row, findings);
    device
}

fn place(device: &mut Accelerator, identity: &Identity, row: &Row<'_>, findings: &mut Findings) {
    let Some(function) = identity.function() else {
        findings.none("pci", "PNPDeviceID: a part of the chip");
        findings.none("link", "PNPDeviceID: a part of the chip");
        return;
    };
    findings.unknown("link", "the vendor's own tools would tell");
    let location = findings.take("pci", row.text("LocationInformation"));
    match location.map(identity::address) {
        Some(Some(address)) => {
            device.pci = Some(function.at(address));
            findings.known("pci", "PNPDeviceID, registry (LocationInformation)");
            for (field, is_there) in [
                ("pci.subsystem", function.subsystem.is_some()),
                ("pci.revision", function.revision.is_some()),
            ] {
                if !is_there {
                    findings.none(field, "PNPDeviceID has none");
                }
            }
        }
        Some(None) => findings.unknown("pci", "its place on the bus is told in a way that is not understood"),
        None => {}
    }
}

fn driver(row: &Row<'_>, findings: &mut Findings) -> Option<Driver> {
    let name = findings.take("driver", row.text("Service"))?;
    let name = findings.learn("driver", "registry (Service, DriverVersion)", printable(name))?;
    let version = findings.take("driver.version", row.text("DriverVersion"));
    let version = version.and_then(|version| findings.take("driver.version", printable(version)));
    Some(Driver { name, version })
}

/// Whether Windows has no complaint about the device; else nothing can compute on it, and `apis` says why.
fn works(row: &Row<'_>, findings: &mut Findings) -> bool {
    match row.number("ConfigManagerErrorCode") {
        Ok(0) => return true,
        Ok(28) => findings.unknown_but("apis", "no driver is installed", "install its vendor's driver"),
        Ok(22) => findings.unknown_but("apis", "it is disabled", "enable it in the device manager"),
        Ok(code) => findings.unknown_but(
            "apis",
            format_args!("Windows stopped it or could not start it (code {code})"),
            "look at it in the device manager",
        ),
        Err(error) => findings.unknown("apis", error),
    }
    false
}

#[cfg(test)]
mod tests;
