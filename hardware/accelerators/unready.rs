//! A GPU that is there and can't be used: no driver holds it, or one that does something else with it.

use edgeorch_engines::contract::host::Driver;

use crate::findings::Findings;

/// Drivers with which no program computes on a GPU.
const IDLE: [&str; 3] = ["vfio-pci", "pci-stub", "radeon"];

/// Whether programs may reach the GPU through this driver.
pub fn is_idle(driver: &Driver) -> bool {
    IDLE.contains(&driver.name.as_str())
}

/// Tells why nothing more is known, and names what does hold the GPU.
pub fn unready(driver: Option<&str>, wanted: &str, findings: &mut Findings) -> Option<Driver> {
    let (reason, remedy) = match driver {
        None => (
            "no driver holds it: nothing can use it".to_owned(),
            format!("load the kernel module {wanted} (a kernel that is older than the GPU does not know it)"),
        ),
        Some(name @ ("vfio-pci" | "pci-stub")) => (
            format!("{name} keeps it for a virtual machine: nothing else can use it"),
            format!("bind it to {wanted} to use it here"),
        ),
        Some("radeon") => (
            "its driver, radeon, shows pictures and computes nothing".to_owned(),
            "from Radeon HD 7000 on: start the kernel with amdgpu.si_support=1 radeon.si_support=0 (or cik_support)".to_owned(),
        ),
        Some(other) => (
            format!("its driver, {other}, is none that edgeorch can ask"),
            format!("bind it to {wanted} to use it here"),
        ),
    };
    findings.unknown_but("", reason, remedy);
    match driver {
        Some(name) => {
            findings.none("driver.version", "not asked: the driver is of no use for computing");
            Some(Driver { name: name.to_owned(), version: None })
        }
        None => {
            findings.none("driver", "/sys/bus/pci/devices: no driver is bound");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_driver_that_is_of_no_use_is_named_with_a_way_out() {
        for name in IDLE.map(Some).into_iter().chain([None, Some("bochs-drm")]) {
            let mut findings = Findings::default();
            let driver = unready(name, "amdgpu", &mut findings);
            assert_eq!(driver.as_ref().map(|driver| driver.name.as_str()), name);
            let (_, unknown) = findings.into_parts();
            assert!(unknown[0].field.is_empty() && unknown[0].remedy.is_some(), "{name:?}");
            assert_eq!(
                driver.is_some_and(|driver| is_idle(&driver)),
                name.is_some_and(|name| IDLE.contains(&name))
            );
        }
    }
}
