//! `ioreg`: the registry in which macOS keeps its drivers and devices.
//!
//! ```text
//! +-o GFX0@0  <class IOPCIDevice, id 0x1000002d1, registered, matched, active, busy 0 (0 ms), retain 20>
//!     {
//!       "vendor-id" = <02100000>
//!       "pcidebug" = "3:0:0"
//!     }
//! ```

use std::collections::BTreeMap;

use edgeorch_engines::contract::host::{LaneRate, Link, PciDevice};
use serde::{Deserialize, Serialize};

use crate::root::{Command, Root};

const PCI: Command =
    Command::new("ioreg-pci", "ioreg", &["-r", "-c", "IOPCIDevice", "-d", "1", "-l", "-w", "0"]);
/// The Neural Engine: `H11ANEIn` is the class of its driver on every chip from M1 to M5.
pub const NEURAL_ENGINE: Command =
    Command::new("ioreg-ane", "ioreg", &["-r", "-c", "H11ANEIn", "-d", "1", "-l", "-w", "0"]);

/// A display controller on the PCI bus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Display {
    pub pci: PciDevice,
    pub link: Option<Link>,
}

/// All of them. A capture keeps these and not what `ioreg` printed: network cards show their addresses in it.
pub fn displays(root: &Root) -> Vec<Display> {
    root.derived("ioreg-displays", |root| {
        let objects = objects(&root.run(&PCI).unwrap_or_default());
        objects
            .iter()
            .filter_map(|object| Some(Display { pci: object.display()?, link: object.link() }))
            .collect()
    })
}

/// More than any Mac has of one class.
const MOST_OBJECTS: usize = 1024;

/// The properties of one object, as printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Object(BTreeMap<String, String>);

pub fn objects(text: &str) -> Vec<Object> {
    let mut objects: Vec<Object> = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches([' ', '|']);
        if line.starts_with("+-o ") {
            if objects.len() == MOST_OBJECTS {
                break;
            }
            objects.push(Object::default());
        } else if let (Some(object), Some((key, value))) = (objects.last_mut(), line.split_once(" = ")) {
            object.0.insert(key.trim_matches('"').to_owned(), value.trim().to_owned());
        }
    }
    objects
}

impl Object {
    /// `"text"` without its quotes.
    fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.strip_prefix('"')?.strip_suffix('"')
    }

    fn number(&self, key: &str) -> Option<u32> {
        self.0.get(key)?.parse().ok()
    }

    /// `<40730000>`: bytes, the lowest first.
    fn data(&self, key: &str) -> Option<u32> {
        let digits = self.0.get(key)?.strip_prefix('<')?.strip_suffix('>')?;
        let bytes: Vec<u8> = (0..8)
            .step_by(2)
            .map(|at| digits.get(at..at + 2).and_then(|byte| u8::from_str_radix(byte, 16).ok()))
            .collect::<Option<_>>()?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// A value in a dictionary that is printed on one line: `{"cores"=16,"arch"="h13g"}`.
    fn within(&self, key: &str, name: &str) -> Option<&str> {
        let (_, rest) = self.0.get(key)?.split_once(&format!("\"{name}\"="))?;
        let value = rest.split([',', '}']).next()?;
        Some(value.trim_matches('"'))
    }

    /// What stands on the bus, if this is a display controller.
    fn display(&self) -> Option<PciDevice> {
        if self.data("class-code")? >> 16 != 0x03 {
            return None;
        }
        let id = |key: &str| self.data(key).filter(|id| *id <= 0xffff);
        let subsystem = id("subsystem-vendor-id").zip(id("subsystem-id")).filter(|ids| *ids != (0, 0));
        Some(PciDevice {
            address: self.address()?,
            vendor_id: format!("{:04x}", id("vendor-id")?),
            device_id: format!("{:04x}", id("device-id")?),
            subsystem: subsystem.map(|(vendor, device)| format!("{vendor:04x}:{device:04x}")),
            revision: self.data("revision-id").filter(|id| *id <= 0xff).map(|id| format!("{id:02x}")),
        })
    }

    /// `"3:0:0"`, decimal, with the buses behind it where it is a bridge: `"0:28:0(2:4)"`.
    fn address(&self) -> Option<String> {
        let place = self.text("pcidebug")?.split('(').next()?;
        let numbers: Vec<u8> = place.split(':').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let [bus, device, function] = numbers[..] else { return None };
        Some(format!("0000:{bus:02x}:{device:02x}.{function}"))
    }

    /// Out of the registers of PCI Express: link status for now, link capabilities for the best.
    fn link(&self) -> Option<Link> {
        // Both hold the speed in bits 3 to 0 and the width in bits 9 to 4 (PCI Express base specification, 7.5.3).
        let rate = |key: &str| {
            let register = self.number(key)?;
            let (generation, width) = ((register & 0xf) as u8, (register >> 4 & 0x3f) as u8);
            (generation > 0 && width > 0).then_some(LaneRate { generation, width })
        };
        let (now, best) = (rate("IOPCIExpressLinkStatus"), rate("IOPCIExpressLinkCapabilities"));
        (now.is_some() || best.is_some()).then_some(Link { now, best })
    }

    pub fn neural_cores(&self) -> Option<u32> {
        self.within("DeviceProperties", "ANEDevicePropertyNumANECores")?
            .parse()
            .ok()
            .filter(|cores| *cores > 0)
    }

    /// `h16g`.
    pub fn neural_architecture(&self) -> Option<&str> {
        let name = self.within("DeviceProperties", "ANEDevicePropertyTypeANEArchitectureTypeStr")?;
        (!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric())).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "+-o GFX0@0  <class IOPCIDevice, id 0x1, registered, matched, active, busy 0 (0 ms), retain 20>\n    \
        {\n      \"vendor-id\" = <02100000>\n      \"device-id\" = <40730000>\n      \"class-code\" = <00000300>\n      \
        \"subsystem-vendor-id\" = <6b100000>\n      \"subsystem-id\" = <12020000>\n      \"revision-id\" = <40000000>\n      \
        \"pcidebug\" = \"3:0:0\"\n      \"IOPCIExpressLinkStatus\" = 131\n      \"IOPCIExpressLinkCapabilities\" = 4197635\n    }\n    \n\
        +-o ARPT@0  <class IOPCIDevice, id 0x2, registered>\n    {\n      \"class-code\" = <00800200>\n      \"pcidebug\" = \"4:0:0\"\n    }\n";

    #[test]
    fn a_display_has_its_address_its_ids_and_its_link() {
        let objects = objects(TEXT);
        assert_eq!(objects.len(), 2);
        let pci = objects[0].display().unwrap();
        assert_eq!(
            (pci.address.as_str(), pci.vendor_id.as_str(), pci.device_id.as_str()),
            ("0000:03:00.0", "1002", "7340")
        );
        assert_eq!((pci.subsystem.as_deref(), pci.revision.as_deref()), (Some("106b:0212"), Some("40")));
        let link = objects[0].link().unwrap();
        assert_eq!(link.now, Some(LaneRate { generation: 3, width: 8 }));
        assert_eq!(link.best, Some(LaneRate { generation: 3, width: 16 }));
        assert_eq!((objects[1].display(), objects[1].link()), (None, None));
    }

    #[test]
    fn a_neural_engine_tells_its_cores_and_architecture() {
        let text = "+-o H11ANE  <class H11ANEIn, id 0x1>\n    {\n      \"DeviceProperties\" = {\"ANEDevicePropertyNumANECores\"=16,\
            \"ANEDevicePropertyTypeANEArchitectureTypeStr\"=\"h13g\",\"x\"=1}\n    }\n";
        let objects = objects(text);
        assert_eq!((objects[0].neural_cores(), objects[0].neural_architecture()), (Some(16), Some("h13g")));
    }

    #[test]
    fn broken_properties_are_none() {
        for value in ["<>", "<0210>", "<zz100000>", "\"x\"", "02100000", "<021000é>"] {
            let text = format!(
                "+-o x\n \"class-code\" = <00000300>\n \"pcidebug\" = \"1:0:0\"\n \"device-id\" = <40730000>\n \"vendor-id\" = {value}\n"
            );
            assert_eq!(objects(&text)[0].display(), None, "{value}");
        }
        assert_eq!(objects("\"a\" = 1\n"), []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(\\+-o x\n|[ |]*\"(vendor-id|class-code|pcidebug|DeviceProperties)\" = [<\"{]?[0-9a-fé:(=,]{0,12}[>\"}]?\n)*|.*") {
            for object in objects(&text) {
                let _ = (object.display(), object.link(), object.neural_cores(), object.neural_architecture());
            }
        }
    }
}
