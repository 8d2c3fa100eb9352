//! Google's Coral: the temperature that the driver apex tells of those on PCI Express, and those on USB.

use super::device::Seen;
use super::families;
use crate::Root;
use crate::celsius;
use crate::root::shown;

const USB: &str = "sys/bus/usb/devices";

/// More than a machine has; a hostile tree may have any number.
const MOST_DEVICES: usize = 512;

pub fn fill(root: &Root, npu: &mut Seen) {
    let folder = format!("{}/apex", npu.folder);
    let Some(name) = root.list(&folder).ok().and_then(|names| names.into_iter().next()) else { return };
    let path = format!("{folder}/{name}/temp");
    if let Some(degrees) = root.read(&path).ok().and_then(|text| celsius::milli(&text)) {
        npu.accelerator.temperature_celsius = Some(degrees);
        npu.findings.known("temperature_celsius", shown(&path));
    }
}

/// Those on USB need no driver of the kernel: their library speaks to them itself.
pub fn on_usb(root: &Root) -> Vec<Seen> {
    // Interfaces of a device have a colon in their names.
    let names = root.list(USB).unwrap_or_default().into_iter().filter(|name| !name.contains(':'));
    names.take(MOST_DEVICES).filter_map(|name| device(root, &name)).collect()
}

fn device(root: &Root, name: &str) -> Option<Seen> {
    let number = |file: &str| Some(root.read(&format!("{USB}/{name}/{file}")).ok()?.trim().to_owned());
    let id = format!("{}:{}", number("idVendor")?, number("idProduct")?);
    let (family, part) = families::find(&format!("usb {id}"), None)?;
    let mut npu = Seen::new(family, part, format!("{USB}/{name}"), &format!("USB id {id}"));
    npu.findings.none("pci", "it is on USB");
    npu.findings.none("link", "it is on USB");
    npu.findings.none("driver", "its library speaks to it over USB, without a driver");
    npu.findings.none("temperature_celsius", "those on USB have no thermometer that can be read");
    npu.libraries(root);
    Some(npu)
}
