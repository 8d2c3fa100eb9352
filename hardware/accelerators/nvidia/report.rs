//! What one interface says of the GPUs that it sees, whatever the interface: NVML, `nvidia-smi`, the kernel or the device
//! tree. Which interface is believed in what is decided elsewhere; here nothing is left out, refusals included.
//!
//! The reports can be serialised: NVML's is kept in captures as it is.

use edgeorch_engines::contract::host::{LaneRate, Throttle};
use serde::{Deserialize, Serialize};

use crate::accelerators::pci;

/// An interface's word on one field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said<T> {
    /// It has no such field.
    #[default]
    Nothing,
    /// It has, and gives no value: its own words.
    Refused(String),
    Value(T),
}

impl<T> Said<T> {
    pub fn value(&self) -> Option<&T> {
        match self {
            Said::Value(value) => Some(value),
            Said::Nothing | Said::Refused(_) => None,
        }
    }

    pub fn refusal(&self) -> Option<&str> {
        match self {
            Said::Refused(words) => Some(words),
            Said::Nothing | Said::Value(_) => None,
        }
    }

    pub fn and_then<U>(self, next: impl FnOnce(T) -> Said<U>) -> Said<U> {
        match self {
            Said::Value(value) => next(value),
            Said::Refused(words) => Said::Refused(words),
            Said::Nothing => Said::Nothing,
        }
    }

    pub fn map<U>(self, next: impl FnOnce(T) -> U) -> Said<U> {
        self.and_then(|value| Said::Value(next(value)))
    }

    /// This, or else that: a value before a refusal, a refusal before silence.
    pub fn or(self, other: Said<T>) -> Said<T> {
        match (&self, &other) {
            (Said::Value(_), _) | (Said::Refused(_), Said::Nothing | Said::Refused(_)) => self,
            _ => other,
        }
    }

    /// Both values, or the first that is not one.
    pub fn with<U>(self, other: Said<U>) -> Said<(T, U)> {
        self.and_then(|one| other.map(|two| (one, two)))
    }
}

/// That a GPU has fallen off the bus: the driver's words, which `nvidia-smi` may say in any field.
pub const LOST: &str = "GPU is lost";

/// One GPU. Bytes, watts, degrees Celsius and MHz.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gpu {
    pub index: Said<u32>,
    /// It was there and can't be reached any more: the interface's own words. All else is then worth nothing.
    pub lost: Option<String>,
    /// As sysfs writes it, see [`address`].
    pub address: Option<String>,
    pub ids: Option<Ids>,
    pub uuid: Said<String>,
    pub name: Said<String>,
    /// The driver's version.
    pub driver: Said<String>,
    /// Whether the CUDA library of the driver is there.
    pub cuda: Said<bool>,
    /// The newest CUDA that the driver serves.
    pub runtime: Said<String>,
    pub memory_total: Said<u64>,
    pub memory_free: Said<u64>,
    pub memory_reserved: Said<u64>,
    /// How it reaches the system's memory: `HMM`, `ATS`, `None`.
    pub addressing: Said<String>,
    /// Compute capability.
    pub target: Said<String>,
    /// Streaming multiprocessors.
    pub cores: Said<u32>,
    pub link_now: Said<LaneRate>,
    pub link_best: Said<LaneRate>,
    pub power_draw: Said<f64>,
    pub power_limit: Said<f64>,
    pub power_limit_max: Said<f64>,
    pub temperature: Said<f64>,
    pub core_mhz: Said<u32>,
    pub core_max_mhz: Said<u32>,
    pub memory_mhz: Said<u32>,
    pub memory_max_mhz: Said<u32>,
    pub throttling: Said<Vec<Throttle>>,
    pub mig: Said<Mig>,
    pub slices: Vec<Part>,
}

/// PCI vendor and device; of the board too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    pub vendor: u16,
    pub device: u16,
    pub subsystem: Option<(u16, u16)>,
}

impl Ids {
    /// As NVIDIA writes a pair of ids in one number: the device's half above the vendor's. `None` if it is not NVIDIA's:
    /// hypervisors have been seen to give half a number.
    pub fn new(device_and_vendor: u32, subsystem: Option<u32>) -> Option<Ids> {
        let (device, vendor) = halves(device_and_vendor);
        let subsystem = subsystem.filter(|ids| *ids != 0).map(|ids| {
            let (device, vendor) = halves(ids);
            (vendor, device)
        });
        (vendor == pci::NVIDIA).then_some(Ids { vendor, device, subsystem })
    }
}

fn halves(number: u32) -> (u16, u16) {
    ((number >> 16) as u16, (number & 0xffff) as u16)
}

/// Whether a GPU is divided into slices (multi-instance GPU).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mig {
    /// This model has no such mode.
    Impossible,
    Off,
    On,
}

/// A slice of a divided GPU.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Part {
    pub uuid: Said<String>,
    pub profile: Said<String>,
    pub memory_total: Said<u64>,
    pub memory_free: Said<u64>,
    pub multiprocessors: Said<u32>,
}

/// `00000000:0C:00.0`, NVIDIA's way with eight digits of domain, as sysfs writes it: `0000:0c:00.0`.
pub fn address(text: &str) -> Option<String> {
    let mut parts = text.trim().rsplitn(3, ':');
    let (slot, function) = parts.next()?.split_once('.')?;
    let (bus, domain) = (parts.next()?, parts.next().unwrap_or("0"));
    let number = |text: &str| u32::from_str_radix(text, 16).ok();
    let (domain, bus, slot, function) = (number(domain)?, number(bus)?, number(slot)?, number(function)?);
    (bus <= 0xff && slot <= 0x1f && function <= 7)
        .then(|| format!("{domain:04x}:{bus:02x}:{slot:02x}.{function}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_written_as_sysfs_does() {
        for (given, expected) in [
            ("00000000:0C:00.0", "0000:0c:00.0"),
            ("0000:01:00.0", "0000:01:00.0"),
            ("0000000F:01:00.0", "000f:01:00.0"),
            ("00010000:3B:00.0", "10000:3b:00.0"),
            ("01:00.1", "0000:01:00.1"),
        ] {
            assert_eq!(address(given).as_deref(), Some(expected), "{given}");
        }
        for broken in ["", "N/A", "[N/A]", "0000:01:00", "0:100:00.0", "0:0:20.0", "0:0:0.8", "::."] {
            assert_eq!(address(broken), None, "{broken}");
        }
    }

    #[test]
    fn both_halves_of_an_id_are_told_apart() {
        let ids = Ids::new(0x2216_10de, Some(0x1612_19da));
        assert_eq!(ids, Some(Ids { vendor: 0x10de, device: 0x2216, subsystem: Some((0x19da, 0x1612)) }));
        assert_eq!(Ids::new(0x2216_10de, Some(0)).unwrap().subsystem, None);
        assert_eq!(Ids::new(0xde, None), None);
    }

    #[test]
    fn a_value_is_taken_before_a_refusal_and_that_before_silence() {
        let no = |words: &str| Said::<u32>::Refused(words.to_owned());
        assert_eq!(no("N/A").or(Said::Value(1)), Said::Value(1));
        assert_eq!(Said::Value(1).or(Said::Value(2)), Said::Value(1));
        assert_eq!(no("N/A").or(Said::Nothing), no("N/A"));
        assert_eq!(no("N/A").or(no("ERR!")), no("N/A"));
        assert_eq!(Said::Nothing.or(no("N/A")), no("N/A"));
        assert_eq!(Said::Value(1).with(no("N/A")), Said::Refused("N/A".to_owned()));
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_none(text in "[0-9a-fA-F:.]{0,24}|.*") {
            let _ = address(&text);
        }
    }
}
