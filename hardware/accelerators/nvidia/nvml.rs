//! NVML, the driver's own library, asked on the live machine. A captured machine has the answer that was given there.
//!
//! The library is asked in a thread of its own: a driver that hangs must not take the facts of the bus with it.

use std::time::Duration;

use edgeorch_engines::contract::host::{LaneRate, Throttle};
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::report::{Gpu, Ids, LOST, Mig, Part, Said, address};
use super::silence::Silence;
use super::throttle;
use crate::Root;
use crate::findings::printable;
use crate::pending::Pending;

pub const SOURCE: &str = "nvml";

/// Shorter than the limit of all NVIDIA probes together. Without persistence the driver wakes each GPU first.
const LIMIT: Duration = Duration::from_millis(2500);

/// More than any machine has.
const MAX_GPUS: u32 = 256;

/// All GPUs, or why the library says nothing; `None` in a capture that was taken without it.
pub fn ask(root: &Root) -> Option<Result<Vec<Gpu>, Silence>> {
    let late = || Err(Silence::Late { asked: "NVIDIA's driver library (NVML)".to_owned() });
    let asked = || Pending::start("NVML", root, LIMIT, |_| gpus()).finish();
    root.answer("nvml", || asked().unwrap_or_else(|_| late())).ok()
}

fn gpus() -> Result<Vec<Gpu>, Silence> {
    let nvml = Nvml::init()?;
    let count = nvml.device_count()?.min(MAX_GPUS);
    Ok((0..count).map(|index| gpu(&nvml, index)).collect())
}

impl From<NvmlError> for Silence {
    fn from(error: NvmlError) -> Silence {
        match error {
            NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => Silence::NotInstalled,
            NvmlError::DriverNotLoaded => Silence::NoDriver,
            NvmlError::LibRmVersionMismatch => Silence::Mismatch,
            NvmlError::GpuLost => Silence::Lost { said: LOST.to_owned() },
            _ => Silence::Failed {
                asked: "NVIDIA's driver library (NVML)".to_owned(),
                said: error.to_string(),
            },
        }
    }
}

fn gpu(nvml: &Nvml, index: u32) -> Gpu {
    // It finds libcuda itself, so an answer shows that it is there.
    let runtime = said(nvml.sys_cuda_driver_version()).map(cuda_version);
    let mut gpu = Gpu {
        index: Said::Value(index),
        driver: text(nvml.sys_driver_version()),
        cuda: runtime.clone().map(|_| true),
        runtime,
        ..Gpu::default()
    };
    // A device that fell off the bus still has its index, and the others keep theirs.
    match nvml.device_by_index(index) {
        Ok(device) => describe(&device, &mut gpu),
        Err(NvmlError::GpuLost) => gpu.lost = Some(LOST.to_owned()),
        Err(error) => gpu.lost = Some(error.to_string()),
    }
    gpu
}

fn describe(device: &Device, gpu: &mut Gpu) {
    if let Ok(pci) = device.pci_info() {
        gpu.address = address(&pci.bus_id);
        gpu.ids = Ids::new(pci.pci_device_id, pci.pci_sub_system_id);
    }
    gpu.name = text(device.name());
    gpu.uuid = text(device.uuid());
    let memory = said(device.memory_info());
    gpu.memory_total = memory.clone().map(|memory| memory.total);
    gpu.memory_free = memory.clone().map(|memory| memory.free);
    gpu.memory_reserved = memory.map(|memory| memory.reserved);
    gpu.target = said(device.cuda_compute_capability()).map(|cuda| format!("{}.{}", cuda.major, cuda.minor));
    gpu.cores = multiprocessors(device);
    gpu.link_now = lanes(device.current_pcie_link_gen(), device.current_pcie_link_width());
    gpu.link_best = lanes(device.max_pcie_link_gen(), device.max_pcie_link_width());
    gpu.power_draw = said(device.power_usage()).map(watts);
    gpu.power_limit =
        said(device.enforced_power_limit()).or(said(device.power_management_limit())).map(watts);
    gpu.power_limit_max =
        said(device.power_management_limit_constraints()).map(|limits| watts(limits.max_limit));
    gpu.temperature = said(device.temperature(TemperatureSensor::Gpu)).map(f64::from);
    gpu.core_mhz = said(device.clock_info(Clock::Graphics));
    gpu.core_max_mhz = said(device.max_clock_info(Clock::Graphics));
    gpu.memory_mhz = said(device.clock_info(Clock::Memory));
    gpu.memory_max_mhz = said(device.max_clock_info(Clock::Memory));
    gpu.throttling = throttling(device);
    gpu.mig = mig(device);
    if gpu.mig == Said::Value(Mig::On) {
        gpu.slices = slices(device);
    }
}

fn throttling(device: &Device) -> Said<Vec<Throttle>> {
    said(device.current_throttle_reasons()).map(|reasons| throttle::of_bits(reasons.bits()))
}

fn mig(device: &Device) -> Said<Mig> {
    match device.mig_mode() {
        Ok(mode) if mode.current == 1 => Said::Value(Mig::On),
        Ok(_) => Said::Value(Mig::Off),
        Err(NvmlError::NotSupported) => Said::Value(Mig::Impossible),
        Err(error) => said(Err(error)),
    }
}

/// The places for slices are numbered, and some may be empty.
fn slices(device: &Device) -> Vec<Part> {
    let places = device.mig_device_count().unwrap_or(0).min(MAX_GPUS);
    (0..places).filter_map(|place| device.mig_device_by_index(place).ok()).map(|slice| part(&slice)).collect()
}

fn part(slice: &Device) -> Part {
    let memory = said(slice.memory_info());
    Part {
        uuid: text(slice.uuid()),
        profile: text(slice.name()).and_then(profile),
        memory_total: memory.clone().map(|memory| memory.total),
        memory_free: memory.map(|memory| memory.free),
        multiprocessors: multiprocessors(slice),
    }
}

/// Every slice tells it, of whole GPUs only some.
fn multiprocessors(device: &Device) -> Said<u32> {
    said(device.attributes()).and_then(|attributes| match attributes.multiprocessor_count {
        0 => Said::Nothing,
        count => Said::Value(count),
    })
}

/// `NVIDIA H100 80GB HBM3 MIG 3g.40gb` → `3g.40gb`: the driver puts the profile at the end of the slice's name.
fn profile(name: String) -> Said<String> {
    match name.rsplit_once("MIG ") {
        Some((_, profile)) => Said::Value(profile.trim().to_owned()),
        None => Said::Nothing,
    }
}

fn lanes(generation: Result<u32, NvmlError>, width: Result<u32, NvmlError>) -> Said<LaneRate> {
    said(generation).with(said(width)).and_then(|(generation, width)| {
        match (u8::try_from(generation), u8::try_from(width)) {
            (Ok(generation @ 1..), Ok(width @ 1..)) => Said::Value(LaneRate { generation, width }),
            _ => Said::Nothing,
        }
    })
}

fn watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1000.0
}

/// 13020 → `13.2`.
fn cuda_version(version: i32) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}

fn text(answer: Result<String, NvmlError>) -> Said<String> {
    said(answer).and_then(|text| match printable(&text) {
        Ok(text) => Said::Value(text),
        Err(fault) => Said::Refused(fault.to_string()),
    })
}

fn said<T>(answer: Result<T, NvmlError>) -> Said<T> {
    match answer {
        Ok(value) => Said::Value(value),
        Err(NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound) => {
            Said::Refused("this version of the driver's library can't tell".to_owned())
        }
        Err(error) => Said::Refused(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_people_write_them() {
        assert_eq!(cuda_version(13020), "13.2");
        assert_eq!(cuda_version(11040), "11.4");
        assert_eq!(watts(449_990), 449.99);
        assert_eq!(lanes(Ok(4), Ok(16)), Said::Value(LaneRate { generation: 4, width: 16 }));
        assert_eq!(lanes(Ok(0), Ok(16)), Said::Nothing);
        assert_eq!(profile("NVIDIA H100 80GB HBM3 MIG 1g.10gb+me".into()), Said::Value("1g.10gb+me".into()));
        assert_eq!(profile("NVIDIA H100".into()), Said::Nothing);
    }

    #[test]
    fn what_the_library_can_t_tell_is_a_refusal_and_its_absence_no_failure() {
        assert_eq!(
            said::<u32>(Err(NvmlError::NotSupported)).refusal(),
            Some("the requested operation is not available on the target device")
        );
        assert_eq!(Silence::from(NvmlError::LibraryNotFound), Silence::NotInstalled);
        assert_eq!(Silence::from(NvmlError::LibRmVersionMismatch), Silence::Mismatch);
    }
}
