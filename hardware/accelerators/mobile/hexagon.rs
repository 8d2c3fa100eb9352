//! Qualcomm's Hexagon NPU: the compute processor that programs reach through FastRPC.

use edgeorch_engines::contract::OsFamily;
use edgeorch_engines::contract::host::{AcceleratorKind, Api, Driver, Target, Vendor};

use super::super::Sighting;
use super::CHIPS;
use crate::Root;
use crate::android::properties;
use crate::findings::Findings;

/// The compute processor's own; that of the audio processor (`fastrpc-adsp`) is no NPU.
const DEVICES: [&str; 2] = ["dev/fastrpc-cdsp", "dev/fastrpc-cdsp-secure"];

pub fn probe(root: &Root) -> Option<Sighting> {
    let device = DEVICES.iter().find(|device| root.exists(device))?;
    let mut findings = Findings::default();
    let source = format!("/{device}");
    let mut npu = super::begin(AcceleratorKind::Npu, Vendor::Qualcomm, &source, &mut findings);
    npu.name = Some("Hexagon".to_owned());
    findings.known("name", &source);
    npu.driver = Some(Driver { name: "fastrpc".to_owned(), version: None });
    findings.known("driver", &source);
    findings.none("driver.version", "a part of the kernel");
    match version(root) {
        Some((version, told_by)) => {
            npu.target = Some(Target::Named(version));
            findings.known("target", format_args!("edgeorch's table of chips, by {told_by}"));
        }
        None => findings.unknown("target", "the chip is not in edgeorch's table"),
    }
    match super::library(root, "libQnnHtp.so") {
        Some(path) => {
            npu.apis = vec![Api::Qnn];
            findings.known("apis", path);
        }
        None => findings.unknown_but(
            "apis",
            "Qualcomm's library libQnnHtp.so is not where the system keeps libraries",
            "install Qualcomm's AI Engine Direct; programs may also bring the library with them",
        ),
    }
    super::unknown_all(
        &mut findings,
        &["cores", "clocks", "temperature_celsius", "throttling"],
        "the driver does not tell",
    );
    Some(Sighting { accelerator: npu, findings })
}

/// The version by the chip, and what named the chip.
fn version(root: &Root) -> Option<(String, &'static str)> {
    if root.platform() == OsFamily::Android {
        let properties = properties::read(root).ok()?;
        let version = CHIPS.hexagon.get(properties.get("ro.soc.model")?)?;
        return Some((version.clone(), "ro.soc.model"));
    }
    let text = root.read("proc/device-tree/compatible").ok()?;
    let version = text.split('\0').find_map(|string| CHIPS.hexagon.get(string))?;
    Some((version.clone(), "/proc/device-tree/compatible"))
}
