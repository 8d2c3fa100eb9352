//! Qualcomm's Adreno below its own driver, as Android phones have it: `/sys/class/kgsl/kgsl-3d0`.

use edgeorch_engines::contract::host::{AcceleratorKind, Driver, Throttle, Vendor};

use super::super::Sighting;
use crate::Root;
use crate::celsius;
use crate::findings::{Findings, printable};

const FOLDER: &str = "sys/class/kgsl/kgsl-3d0";

pub fn probe(root: &Root) -> Option<Sighting> {
    // Some systems hide the folder and leave the device.
    if !root.exists(FOLDER) && !root.exists("dev/kgsl-3d0") {
        return None;
    }
    let mut findings = Findings::default();
    let mut gpu = super::begin(AcceleratorKind::Gpu, Vendor::Qualcomm, "the kgsl driver", &mut findings);
    let file = |name: &str| format!("{FOLDER}/{name}");
    let name = findings.take("name", root.read(&file("gpu_model")));
    gpu.name =
        name.and_then(|name| findings.learn("name", "/sys/class/kgsl/kgsl-3d0/gpu_model", printable(&name)));
    gpu.driver = Some(Driver { name: "kgsl".to_owned(), version: None });
    findings.known("driver", "/sys/class/kgsl");
    findings.none("driver.version", "a part of the kernel");
    gpu.clocks = super::clocks(root, &file("gpuclk"), &file("max_gpuclk"), &mut findings);
    gpu.apis = super::android_apis(root, "vulkan.adreno.so", &mut findings);
    gpu.temperature_celsius = temperature(root, &file("temp"), &mut findings);
    gpu.throttling = throttling(root, &file("thermal_pwrlevel"), &mut findings);
    super::unknown_all(&mut findings, &["target", "cores"], "the driver does not tell");
    Some(Sighting { accelerator: gpu, findings })
}

fn temperature(root: &Root, path: &str, findings: &mut Findings) -> Option<f64> {
    let celsius = root.read(path).ok().and_then(|text| celsius::milli(&text));
    match celsius {
        Some(_) => findings.known("temperature_celsius", format_args!("/{path}")),
        None => {
            findings
                .unknown("temperature_celsius", format_args!("/{path} does not tell, or not to this user"));
        }
    }
    celsius
}

/// The fastest level that heat allows; level 0 is the fastest of all.
fn throttling(root: &Root, path: &str, findings: &mut Findings) -> Option<Vec<Throttle>> {
    let level = root.read(path).ok().and_then(|text| text.trim().parse::<u32>().ok());
    match level {
        Some(_) => findings.known("throttling", format_args!("/{path}")),
        None => findings.unknown("throttling", format_args!("/{path} does not tell, or not to this user")),
    }
    level.map(|level| if level > 0 { vec![Throttle::Thermal] } else { Vec::new() })
}
