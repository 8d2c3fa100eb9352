//! What Windows calls a device: `PCI\VEN_1002&DEV_744C&SUBSYS_E4711DA2&REV_CC\6&…` on a bus, `ACPI\QCOM0C29\0` on none.

use edgeorch_engines::contract::host::{PciDevice, Vendor};

use super::super::pci;

/// Windows' own virtual adapters have this vendor: what they show is the host's.
pub const MICROSOFT: u16 = 0x1414;

/// Vendors' four letters in ACPI, by which parts of a chip are called.
const QUALCOMM: &str = "QCOM";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    Pci(Function),
    /// A part of the chip: its vendor's letters and number, such as `QCOM` and `0D0A`.
    Acpi {
        vendor: String,
        device: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    pub vendor: u16,
    pub device: u16,
    /// Vendor and device of the board.
    pub subsystem: Option<(u16, u16)>,
    pub revision: Option<u8>,
}

impl Identity {
    /// `None` for what is on no bus of the machine: displays of remote sessions, of USB docks, of software.
    pub fn parse(id: &str) -> Option<Identity> {
        let mut parts = id.split('\\');
        let (bus, name) = (parts.next()?, parts.next()?);
        let named = |key: &str| name.split('&').find_map(|part| part.strip_prefix(key));
        if bus.eq_ignore_ascii_case("PCI") {
            let short = |key: &str| u16::from_str_radix(named(key)?, 16).ok();
            let subsystem = named("SUBSYS_").and_then(|both| {
                let both = u32::from_str_radix(both, 16).ok()?;
                // The board's device comes first, then who made it.
                Some(((both & 0xffff) as u16, (both >> 16) as u16))
            });
            return Some(Identity::Pci(Function {
                vendor: short("VEN_")?,
                device: short("DEV_")?,
                subsystem: subsystem.filter(|ids| *ids != (0, 0)),
                revision: named("REV_").and_then(|revision| u8::from_str_radix(revision, 16).ok()),
            }));
        }
        if !bus.eq_ignore_ascii_case("ACPI") {
            return None;
        }
        // Two spellings of one thing: `ACPI\QCOM0D0A` and `ACPI\VEN_QCOM&DEV_0D0A`.
        let (vendor, device) = match (named("VEN_"), named("DEV_")) {
            (Some(vendor), Some(device)) => (vendor, device),
            _ => (name.get(..4)?, name.get(4..)?),
        };
        Some(Identity::Acpi { vendor: vendor.to_ascii_uppercase(), device: device.to_ascii_uppercase() })
    }

    /// Makers of what could compute; others' adapters only show pictures.
    pub fn vendor(&self) -> Option<Vendor> {
        match self {
            Identity::Pci(function) => match function.vendor {
                pci::AMD | AMD_PROCESSORS => Some(Vendor::Amd),
                pci::NVIDIA => Some(Vendor::Nvidia),
                pci::INTEL => Some(Vendor::Intel),
                _ => None,
            },
            Identity::Acpi { vendor, .. } => (vendor == QUALCOMM).then_some(Vendor::Qualcomm),
        }
    }

    pub fn function(&self) -> Option<&Function> {
        match self {
            Identity::Pci(function) => Some(function),
            Identity::Acpi { .. } => None,
        }
    }
}

/// AMD's NPUs carry the number of its processors.
const AMD_PROCESSORS: u16 = 0x1022;

impl Function {
    pub fn at(&self, address: String) -> PciDevice {
        pci::identity(address, (self.vendor, self.device), self.subsystem, self.revision)
    }

    /// `1002:744c`, as the table of devices writes it.
    pub fn id(&self) -> String {
        pci::id((self.vendor, self.device))
    }
}

/// `0000:03:00.0` of `PCI bus 3, device 0, function 0`, whose words are in the user's language, or of the registry's
/// `@System32\drivers\pci.sys,#65536;PCI bus %1, device %2, function %3;(3,0,0)`.
pub fn address(location: &str) -> Option<String> {
    let numbers: Vec<&str> =
        location.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).collect();
    let [.., bus, device, function] = numbers.as_slice() else { return None };
    let within = |text: &str, most: u16| text.parse::<u16>().ok().filter(|number| *number <= most);
    // Larger bus numbers hold a segment too, in a way that is not documented.
    let (bus, device, function) = (within(bus, 255)?, within(device, 31)?, within(function, 7)?);
    Some(format!("0000:{bus:02x}:{device:02x}.{function}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_function_on_the_bus_is_told_by_numbers() {
        let id = r"PCI\VEN_1002&DEV_747E&SUBSYS_7801148C&REV_C8\6&2ba1c2f&0&00000019";
        let identity = Identity::parse(id).unwrap();
        let function = *identity.function().unwrap();
        assert_eq!(identity.vendor(), Some(Vendor::Amd));
        let device = function.at("0000:03:00.0".into());
        assert_eq!((device.device_id.as_str(), device.subsystem.as_deref()), ("747e", Some("148c:7801")));
        assert_eq!(device.revision.as_deref(), Some("c8"));
    }

    #[test]
    fn parts_of_a_chip_have_letters_in_either_spelling() {
        let npu = Identity::Acpi { vendor: "QCOM".into(), device: "0D0A".into() };
        assert_eq!(Identity::parse(r"ACPI\QCOM0D0A\2&daba3ff&0"), Some(npu.clone()));
        assert_eq!(Identity::parse(r"ACPI\VEN_QCOM&DEV_0D0A\2&daba3ff&0"), Some(npu));
    }

    #[test]
    fn what_is_on_no_bus_has_no_identity() {
        for id in [
            r"ROOT\BASICDISPLAY\0000",
            r"SWD\REMOTEDISPLAYENUM\X",
            r"USB\VID_17E9&PID_4307\1",
            "PCI",
            "",
            r"PCI\VEN_10DE",
            r"ACPI\é",
        ] {
            assert_eq!(Identity::parse(id), None, "{id}");
        }
        assert_eq!(Identity::parse(r"PCI\VEN_15AD&DEV_0405\3").unwrap().vendor(), None);
    }

    #[test]
    fn the_place_on_the_bus_is_read_in_any_language() {
        let raw = r"@System32\drivers\pci.sys,#65536;PCI bus %1, device %2, function %3;(3,0,0)";
        for text in [raw, "PCI bus 3, device 0, function 0", "PCI-Bus 3, Gerät 0, Funktion 0"] {
            assert_eq!(address(text).as_deref(), Some("0000:03:00.0"), "{text}");
        }
        assert_eq!(address("PCI bus 228, device 0, function 1").as_deref(), Some("0000:e4:00.1"));
        for text in ["", "PCI bus 3", "(3,32,0)", "(65536,0,0)", "(99999999999999999999,0,0)"] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(PCI|ACPI)\\\\(VEN_|QCOM|&|SUBSYS_|[0-9A-Z]){0,9}.{0,9}|.*") {
            Identity::parse(&text);
            address(&text);
        }
    }
}
