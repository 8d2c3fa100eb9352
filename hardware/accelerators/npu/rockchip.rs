//! Rockchip's NPUs, which the device tree names: under Rockchip's own driver (RKNPU) or Linux's (rocket).

use edgeorch_engines::contract::host::Clocks;

use super::device::Seen;
use super::families;
use crate::Root;
use crate::celsius;
use crate::findings::AS_ROOT;
use crate::linux::zones;
use crate::root::shown;

const PLATFORM: &str = "sys/bus/platform/devices";

/// More than a chip has; a hostile tree may have any number.
const MOST_NODES: usize = 16;

pub fn in_device_tree(root: &Root) -> Vec<Seen> {
    // Devices are called by address and node, and the device tree's rule for such a node's name is `npu`.
    let names = root.list(PLATFORM).unwrap_or_default().into_iter().filter(|name| name.ends_with(".npu"));
    let mut npus: Vec<(String, Seen)> = Vec::new();
    for name in names.take(MOST_NODES) {
        let folder = format!("{PLATFORM}/{name}");
        let Ok(uevent) = root.read(&format!("{folder}/uevent")) else { continue };
        let device = Uevent::parse(&uevent);
        let known = device.compatible.iter().find_map(|id| Some((*id, families::find(id, None)?)));
        let Some((id, (family, part))) = known else { continue };
        if let Some((_, npu)) = npus.iter_mut().find(|(known, _)| known == id) {
            // A further core of the same.
            npu.accelerator.cores = npu.accelerator.cores.map(|cores| cores + 1);
            continue;
        }
        let mut npu = Seen::new(family, part, folder, &format!("device tree node {id}"));
        npu.findings.none("pci", "part of the chip");
        npu.findings.none("link", "part of the chip");
        if family.cores_are_nodes {
            npu.accelerator.cores = Some(1);
            npu.findings.known("cores", "/sys/bus/platform/devices: one for each core");
        }
        npu.driver(root, device.driver);
        npu.apis(root);
        npus.push((id.to_owned(), npu));
    }
    npus.into_iter().map(|(_, npu)| npu).collect()
}

pub fn fill(root: &Root, npu: &mut Seen) {
    clocks(root, npu);
    version(root, npu);
    let zone = npu.family.thermal_zone.as_deref();
    let zone = zone.and_then(|kind| {
        zones::folders(root).into_iter().find(|zone| zones::kind(root, zone).as_deref() == Some(kind))
    });
    if let Some(zone) = zone
        && let Some(degrees) = root.read(&format!("{zone}/temp")).ok().and_then(|text| celsius::milli(&text))
    {
        npu.accelerator.temperature_celsius = Some(degrees);
        npu.findings.known("temperature_celsius", format_args!("{}/temp", shown(&zone)));
    }
}

fn clocks(root: &Root, npu: &mut Seen) {
    let Some(name) = npu.folder.rsplit('/').next() else { return };
    let folder = format!("sys/class/devfreq/{name}");
    let mhz = |file: &str| {
        let hertz: u64 = root.read(&format!("{folder}/{file}")).ok()?.trim().parse().ok()?;
        u32::try_from(hertz / 1_000_000).ok().filter(|mhz| *mhz > 0)
    };
    let (now, max) = (mhz("cur_freq"), mhz("max_freq"));
    if now.is_none() && max.is_none() {
        return;
    }
    npu.findings.known("clocks", shown(&folder));
    for (field, is_empty) in [("clocks.core_mhz", now.is_none()), ("clocks.core_max_mhz", max.is_none())] {
        if is_empty {
            npu.findings.unknown(field, "the kernel does not tell it");
        }
    }
    for field in ["clocks.memory_mhz", "clocks.memory_max_mhz"] {
        npu.findings.none(field, "its memory is the system's");
    }
    npu.accelerator.clocks = Some(Clocks { core_mhz: now, core_max_mhz: max, ..Clocks::default() });
}

/// `RKNPU driver: v0.9.8`, where the module itself has no version file.
fn version(root: &Root, npu: &mut Seen) {
    let Some(driver) = &mut npu.accelerator.driver else { return };
    if driver.version.is_some() || driver.name != "RKNPU" {
        return;
    }
    let path = "sys/kernel/debug/rknpu/version";
    match root.read(path) {
        Ok(text) => {
            let version = text.split_whitespace().last().map(|word| word.trim_start_matches('v').to_owned());
            let version = version.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            if let Some(version) = version {
                npu.findings.forget("driver.version");
                npu.findings.known("driver.version", shown(path));
                driver.version = Some(version);
            }
        }
        Err(error) if error.is_denied() => {
            npu.findings.forget("driver.version");
            npu.findings.unknown_but("driver.version", error, AS_ROOT);
        }
        Err(_) => {}
    }
}

/// What the kernel tells of a device in `uevent`: `KEY=value` lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Uevent<'a> {
    driver: Option<&'a str>,
    /// The most special first.
    compatible: Vec<&'a str>,
}

impl<'a> Uevent<'a> {
    fn parse(text: &'a str) -> Uevent<'a> {
        let mut device = Uevent::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match key {
                "DRIVER" => device.driver = Some(value),
                "OF_COMPATIBLE_N" => {}
                _ if key.starts_with("OF_COMPATIBLE_") => device.compatible.push(value),
                _ => {}
            }
        }
        device
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_device_tells_its_driver_and_what_it_is_compatible_with() {
        let text = "DRIVER=RKNPU\nOF_NAME=npu\nOF_FULLNAME=/npu@fdab0000\nOF_COMPATIBLE_0=rockchip,rk3588-rknpu\nOF_COMPATIBLE_N=1\nMODALIAS=of:NnpuT(null)Crockchip,rk3588-rknpu\n";
        let device = Uevent::parse(text);
        assert_eq!(device, Uevent { driver: Some("RKNPU"), compatible: vec!["rockchip,rk3588-rknpu"] });
        assert_eq!(Uevent::parse("DRIVER\n=\nOF_COMPATIBLE_N=9999999999999999999999\n"), Uevent::default());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "((DRIVER|OF_COMPATIBLE_[0-9N])?=?[a-z,]{0,9}\n)*|.*") {
            Uevent::parse(&text);
        }
    }
}
