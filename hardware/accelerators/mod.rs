//! GPUs and NPUs, each once.
//!
//! Each vendor has its probe, which joins that vendor's own interfaces by PCI address and falls back to what the bus itself
//! tells. The probes run side by side: a driver that hangs keeps nobody else waiting.

mod amd;
mod apple;
mod hwmon;
mod intel;
mod library;
mod mobile;
mod npu;
mod nvidia;
mod pci;
mod pci_ids;
mod slot;
mod sysfs;
mod unready;
mod vulkan;
mod windows;

use std::collections::BTreeSet;
use std::time::Duration;

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::Accelerator;

use crate::Root;
use crate::findings::Findings;
use crate::pending::Pending;

use unready::{is_idle, unready};

/// A device as its probe saw it. The findings' fields are the device's own, such as `memory.free`; the empty field is the
/// device itself.
#[derive(Debug)]
pub struct Sighting {
    pub accelerator: Accelerator,
    pub findings: Findings,
}

/// What one vendor's probe found.
#[derive(Debug, Default)]
pub struct Sightings {
    pub devices: Vec<Sighting>,
    /// What was seen and could not be told apart or asked: fields are those of the host, such as `accelerators`.
    pub findings: Findings,
}

/// Longer than a command may take, shorter than what waits for all of them.
const LIMIT: Duration = Duration::from_secs(3);

type VendorProbe = fn(&Root, &[pci::Function]) -> Sightings;

/// By name, for what is said when one does not answer.
const PROBES: [(&str, VendorProbe); 7] = [
    ("NVIDIA GPUs", nvidia::probe),
    ("AMD GPUs", amd::probe),
    ("Intel GPUs", intel::probe),
    ("NPUs", npu::probe),
    ("the devices of Macs", apple::probe),
    ("parts of chips", mobile::probe),
    // Last: it sees what the vendors' own interfaces know better.
    ("Windows' devices", windows::probe),
];

pub fn probe(root: &Root, findings: &mut Findings) -> Vec<Accelerator> {
    let functions = pci::functions(root);
    let pending = PROBES.map(|(name, probe)| {
        let functions = functions.clone();
        Pending::start(name, root, LIMIT, move |root| probe(root, &functions))
    });
    let mut devices = Vec::new();
    for probe in pending {
        match probe.finish() {
            Ok(sightings) => {
                devices.extend(sightings.devices);
                findings.nest("", sightings.findings);
            }
            Err(error) => findings.unknown("accelerators", error),
        }
    }
    once(&mut devices);
    vulkan::add(root, &mut devices);
    devices.iter_mut().for_each(rare);
    // Those on the bus first, in its order; the sort is stable, so a vendor's own order stands otherwise.
    devices.sort_by_key(|device| {
        let address = device.accelerator.pci.as_ref().map(|pci| pci.address.clone());
        (address.is_none(), address)
    });
    findings.known("accelerators", "the PCI bus, device tree and drivers of each vendor");
    let number = |(index, device): (usize, Sighting)| {
        findings.nest(&format!("accelerators[{index}]"), device.findings);
        device.accelerator
    };
    devices.into_iter().enumerate().map(number).collect()
}

/// What main memory can still give to a GPU that works in it.
fn available(root: &Root) -> Option<Bytes> {
    let text = root.read("proc/meminfo").ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(Bytes::KIB).map(Bytes)
}

/// What few interfaces tell, and a probe whose interface doesn't need not speak of.
fn rare(device: &mut Sighting) {
    let gpu = &device.accelerator;
    let has_no_revision = gpu.pci.as_ref().is_some_and(|pci| pci.revision.is_none());
    for (field, is_missing) in [("cores", gpu.cores.is_none()), ("pci.revision", has_no_revision)] {
        if is_missing && !device.findings.tells_of(field) {
            device.findings.unknown(field, "none of the interfaces asked tells it");
        }
    }
}

/// Of sightings at one place on the bus the first stands: its probe knows more of the device.
fn once(devices: &mut Vec<Sighting>) {
    let mut seen = BTreeSet::new();
    devices.retain(|device| match &device.accelerator.pci {
        Some(pci) => seen.insert(pci.address.clone()),
        None => true,
    });
}

#[cfg(test)]
mod tests {
    use edgeorch_engines::contract::host::{AcceleratorKind, PciDevice, Vendor};

    use super::*;

    #[test]
    fn a_device_that_two_probes_see_is_the_first_one_s() {
        let sighting = |address: Option<&str>, name: &str| {
            let mut accelerator = Accelerator::new(AcceleratorKind::Gpu, Vendor::Nvidia);
            accelerator.name = Some(name.to_owned());
            accelerator.pci = address.map(|address| PciDevice {
                address: address.to_owned(),
                vendor_id: "10de".to_owned(),
                device_id: "2684".to_owned(),
                subsystem: None,
                revision: None,
            });
            Sighting { accelerator, findings: Findings::default() }
        };
        let place = Some("0000:01:00.0");
        let mut devices =
            vec![sighting(place, "a"), sighting(None, "b"), sighting(place, "c"), sighting(None, "d")];
        once(&mut devices);
        let names: Vec<_> = devices.iter().filter_map(|device| device.accelerator.name.as_deref()).collect();
        assert_eq!(names, ["a", "b", "d"]);
    }
}
