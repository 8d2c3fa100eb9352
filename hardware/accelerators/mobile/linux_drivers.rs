//! Graphics units of chips below Linux's own drivers: `/sys/bus/platform/drivers/NAME` links to the devices that each
//! serves, whose device-tree strings say which they are.

use edgeorch_engines::contract::host::{AcceleratorKind, Driver, Vendor};

use super::super::Sighting;
use super::CHIPS;
use crate::Root;
use crate::findings::Findings;

/// More than any chip has.
const MOST: usize = 8;

pub fn probe(root: &Root) -> Vec<Sighting> {
    let served = CHIPS.drivers.iter().flat_map(|(driver, vendor)| {
        let folder = format!("sys/bus/platform/drivers/{driver}");
        let names = root.list(&folder).unwrap_or_default();
        // Devices are called by their address; the folder also holds `bind`, `uevent` and the like.
        let devices: Vec<String> = names.into_iter().filter(|name| name.contains('.')).collect();
        devices.into_iter().map(move |device| (folder.clone(), device, driver, *vendor))
    });
    served
        .take(MOST)
        .map(|(folder, device, driver, vendor)| gpu(root, &folder, &device, driver, vendor))
        .collect()
}

fn gpu(root: &Root, folder: &str, device: &str, driver: &str, vendor: Vendor) -> Sighting {
    let mut findings = Findings::default();
    let source = format!("/{folder}");
    let mut gpu = super::begin(AcceleratorKind::Gpu, vendor, &source, &mut findings);
    let path = format!("{folder}/{device}/of_node/compatible");
    if let Some(text) = findings.take("name", root.read(&path)) {
        let strings = text.split('\0').filter(|string| !string.is_empty());
        gpu.name = strings.filter_map(|string| CHIPS.names.get(string)).next().cloned();
        match &gpu.name {
            Some(_) => findings.known("name", format_args!("/{path}")),
            None => findings.unknown("name", "its device-tree string tells no model that edgeorch knows"),
        }
    }
    gpu.driver = Some(Driver { name: driver.to_owned(), version: None });
    findings.known("driver", &source);
    findings.none("driver.version", "a part of the kernel");
    let clock = |name: &str| format!("sys/class/devfreq/{device}/{name}");
    gpu.clocks = super::clocks(root, &clock("cur_freq"), &clock("max_freq"), &mut findings);
    findings.unknown("apis", "whether OpenCL's library is installed was not looked for");
    super::unknown_all(
        &mut findings,
        &["target", "cores", "temperature_celsius", "throttling"],
        "the driver does not tell",
    );
    Sighting { accelerator: gpu, findings }
}
