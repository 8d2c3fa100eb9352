//! A GPU that is there and can't be used: no driver holds it, or one that does something else with it.

use edgeorch_engines::contract::host::Driver;

use crate::findings::Findings;

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
