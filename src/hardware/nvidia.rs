//! NVIDIA GPUs, as the driver's own library (NVML) tells of them.
//!
//! The library comes with the driver, so a machine without it has no NVIDIA GPU that could be used; the PCI bus tells
//! whether it has one that can't.

use edgeorch_engines::contract::{Bytes, Gpu};
use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::Root;
use super::gaps::Gaps;
use super::pci::{self, Display};

pub fn probe(root: &Root, gaps: &mut Gaps) -> Vec<Gpu> {
    let displays = pci::displays(root);
    for (display, name) in displays.iter().filter_map(unprobed) {
        gaps.note(
            "gpus",
            format_args!("{name} display device {}: only NVIDIA's are probed", display.address),
        );
    }
    if !root.is_live() {
        note_unseen(&displays, "NVML answers for the live machine only", gaps);
        return Vec::new();
    }
    match Nvml::init() {
        Ok(nvml) => gpus(&nvml, gaps),
        Err(error) => {
            note_failure(&displays, &error, gaps);
            Vec::new()
        }
    }
}

fn unprobed(display: &Display) -> Option<(&Display, &'static str)> {
    pci::OTHERS.iter().find(|(vendor, _)| *vendor == display.vendor).map(|(_, name)| (display, *name))
}

/// One entry for each device that no one can tell more of.
fn note_unseen(displays: &[Display], reason: &str, gaps: &mut Gaps) {
    for display in displays.iter().filter(|display| display.vendor == pci::NVIDIA) {
        gaps.note("gpus", format_args!("NVIDIA device {}: {reason}", display.address));
    }
}

/// Without the library and without a device there is nothing to tell. A library that is there and doesn't start is told
/// in any case: boards and virtual machines have GPUs that are on no PCI bus.
fn note_failure(displays: &[Display], error: &NvmlError, gaps: &mut Gaps) {
    if matches!(error, NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound) {
        note_unseen(displays, "driver library not found", gaps);
    } else {
        gaps.note("gpus", format_args!("NVIDIA's driver library does not start: {error}"));
    }
}

fn gpus(nvml: &Nvml, gaps: &mut Gaps) -> Vec<Gpu> {
    let driver = gaps.take("gpus[].driver", nvml.sys_driver_version());
    let count = gaps.take("gpus", nvml.device_count()).unwrap_or(0);
    (0..count).map(|index| gpu(index, Answers::ask(nvml, index), driver.clone(), gaps)).collect()
}

/// What NVML answered about one device: each question may fail by itself.
struct Answers {
    name: Result<String, NvmlError>,
    pci_address: Result<String, NvmlError>,
    /// Total and free.
    memory: Result<(u64, u64), NvmlError>,
    compute_capability: Result<(i32, i32), NvmlError>,
}

impl Answers {
    fn ask(nvml: &Nvml, index: u32) -> Result<Answers, NvmlError> {
        let device = nvml.device_by_index(index)?;
        Ok(Answers {
            name: device.name(),
            pci_address: device.pci_info().map(|pci| pci.bus_id),
            memory: device.memory_info().map(|memory| (memory.total, memory.free)),
            compute_capability: device.cuda_compute_capability().map(|cuda| (cuda.major, cuda.minor)),
        })
    }
}

fn gpu(index: u32, answers: Result<Answers, NvmlError>, driver: Option<String>, gaps: &mut Gaps) -> Gpu {
    let field = |name: &str| format!("gpus[{index}].{name}");
    let mut gpu = Gpu {
        index,
        name: None,
        pci_address: None,
        memory_total: None,
        memory_free: None,
        driver,
        compute_capability: None,
        source: "nvml".to_owned(),
    };
    // A device that fell off the bus still has its index, and the others keep theirs.
    let Some(answers) = gaps.take(&format!("gpus[{index}]"), answers) else { return gpu };
    gpu.name = gaps.take(&field("name"), answers.name);
    gpu.pci_address = gaps.take(&field("pci_address"), answers.pci_address).map(|bus| short_address(&bus));
    if let Some((total, free)) = gaps.take(&field("memory_total"), answers.memory) {
        gpu.memory_total = Some(Bytes(total));
        gpu.memory_free = Some(Bytes(free));
    } else {
        gaps.note(field("memory_free"), "NVML gives it together with the total");
    }
    gpu.compute_capability = gaps
        .take(&field("compute_capability"), answers.compute_capability)
        .map(|(major, minor)| format!("{major}.{minor}"));
    gpu
}

/// NVML writes the domain with eight digits, the kernel with four: `00000000:01:00.0` → `0000:01:00.0`.
fn short_address(bus: &str) -> String {
    let bus = bus.to_ascii_lowercase();
    match bus.strip_prefix("0000") {
        Some(rest) if rest.find(':') == Some(4) => rest.to_owned(),
        _ => bus,
    }
}

#[cfg(test)]
mod tests {
    use super::pci::fixture;
    use super::*;

    #[test]
    fn a_query_that_fails_leaves_its_field_unknown_and_the_others_known() {
        let answers = Answers {
            name: Ok("NVIDIA GH200".into()),
            pci_address: Ok("00000009:01:00.0".into()),
            memory: Err(NvmlError::NotSupported),
            compute_capability: Ok((9, 0)),
        };
        let mut gaps = Gaps::default();
        let gpu = gpu(1, Ok(answers), Some("580.1".into()), &mut gaps);
        assert_eq!(gpu.name.as_deref(), Some("NVIDIA GH200"));
        assert_eq!(gpu.pci_address.as_deref(), Some("0009:01:00.0"));
        assert_eq!(gpu.compute_capability.as_deref(), Some("9.0"));
        assert_eq!((gpu.memory_total, gpu.memory_free), (None, None));
        assert_eq!(gaps.fields(), ["gpus[1].memory_total", "gpus[1].memory_free"]);
    }

    #[test]
    fn a_device_that_is_lost_keeps_its_index_and_is_told_once() {
        let mut gaps = Gaps::default();
        let gpu = gpu(3, Err(NvmlError::GpuLost), None, &mut gaps);
        assert_eq!((gpu.index, gpu.name), (3, None));
        assert_eq!(gaps.fields(), ["gpus[3]"]);
    }

    #[test]
    fn a_device_without_a_driver_is_told_and_no_device_is_not() {
        let displays = [Display { address: "0000:01:00.0".into(), vendor: pci::NVIDIA }];
        let mut gaps = Gaps::default();
        note_failure(&displays, &NvmlError::LibraryNotFound, &mut gaps);
        note_failure(&[], &NvmlError::LibraryNotFound, &mut gaps);
        let unknown = gaps.into_unknown();
        assert_eq!(unknown.len(), 1);
        assert_eq!(unknown[0].reason, "NVIDIA device 0000:01:00.0: driver library not found");
    }

    #[test]
    fn a_library_that_does_not_start_is_told_even_without_a_pci_device() {
        let mut gaps = Gaps::default();
        note_failure(&[], &NvmlError::DriverNotLoaded, &mut gaps);
        let unknown = gaps.into_unknown();
        assert_eq!(unknown[0].reason, "NVIDIA's driver library does not start: NVIDIA driver is not loaded");
    }

    #[test]
    fn a_captured_machine_asks_no_library_and_names_what_it_sees() {
        let folder = tempfile::tempdir().unwrap();
        fixture::device(folder.path(), "0000:01:00.0", "0x030000", "0x10de");
        fixture::device(folder.path(), "0000:02:00.0", "0x030000", "0x1002");
        let mut gaps = Gaps::default();
        assert!(probe(&Root::at(folder.path()), &mut gaps).is_empty());
        assert_eq!(gaps.fields(), ["gpus", "gpus"]);
    }

    #[test]
    fn an_address_with_a_long_domain_keeps_it() {
        assert_eq!(short_address("00000000:01:00.0"), "0000:01:00.0");
        assert_eq!(short_address("00010000:0A:00.0"), "00010000:0a:00.0");
    }
}
