//! A GPU as `system_profiler SPDisplaysDataType` lists it: its words made into facts.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::Vendor;

use crate::macos::ioreg::Display;
use crate::macos::profiler::Entry;

/// What was listed.
pub struct Seen {
    pub vendor: Vendor,
    pub name: Option<String>,
    pub cores: Option<u32>,
    pub metal: Option<Metal>,
    /// Memory of its own.
    pub dedicated: Option<Bytes>,
    /// The most that an integrated GPU takes of the system's.
    pub shared: Option<Bytes>,
    pub place: Option<Display>,
    /// Why there is no entry of it.
    pub unlisted: Option<String>,
}

/// `spdisplays_metal3`, `spdisplays_mtlgpufamilyapple7` (older), `spdisplays_supported` (older yet).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Metal {
    pub version: Option<u32>,
    pub family: Option<String>,
}

impl Seen {
    /// A screen's adapter that is no GPU, and one without a maker, is none. Each place on the bus is given once.
    pub fn of(entry: &Entry, on_bus: &mut Vec<Display>) -> Option<Seen> {
        if entry.text("sppci_device_type").is_some_and(|kind| kind != "spdisplays_gpu") {
            return None;
        }
        let vendor = vendor(&entry.text("spdisplays_vendor")?)?;
        let id =
            entry.text("spdisplays_device-id").and_then(|id| Some(id.strip_prefix("0x")?.to_lowercase()));
        let at = id.and_then(|id| on_bus.iter().position(|display| display.pci.device_id == id));
        Some(Seen {
            vendor,
            name: entry.text("sppci_model").or_else(|| entry.text("_name")),
            cores: entry.number("sppci_cores").filter(|cores| *cores > 0),
            metal: metal(entry),
            dedicated: entry.text("spdisplays_vram").and_then(|text| size(&text)),
            shared: entry.text("spdisplays_vram_shared").and_then(|text| size(&text)),
            place: at.map(|at| on_bus.remove(at)),
            unlisted: None,
        })
    }

    /// The GPU of an Apple chip of which nothing was listed.
    pub fn nameless(reason: &str) -> Seen {
        Seen {
            vendor: Vendor::Apple,
            name: None,
            cores: None,
            metal: None,
            dedicated: None,
            shared: None,
            place: None,
            unlisted: Some(reason.to_owned()),
        }
    }
}

/// `sppci_vendor_amd`, and on some versions `AMD (0x1002)`.
fn vendor(text: &str) -> Option<Vendor> {
    let name = text.strip_prefix("sppci_vendor_").unwrap_or(text).to_lowercase();
    Some(match name.split_once(" (").map_or(name.as_str(), |(name, _)| name) {
        "apple" => Vendor::Apple,
        "amd" => Vendor::Amd,
        "intel" => Vendor::Intel,
        "nvidia" => Vendor::Nvidia,
        _ => return None,
    })
}

fn metal(entry: &Entry) -> Option<Metal> {
    let keys = ["spdisplays_mtlgpufamilysupport", "spdisplays_metalfamily", "spdisplays_metal"];
    let values = keys.iter().filter_map(|key| entry.text(key)).filter_map(|text| Metal::parse(&text));
    values.reduce(|a, b| Metal { version: a.version.or(b.version), family: a.family.or(b.family) })
}

impl Metal {
    /// Text that says that there is no Metal is none.
    fn parse(text: &str) -> Option<Metal> {
        let text = text.strip_prefix("spdisplays_")?;
        if let Some(version) = text.strip_prefix("metal").filter(|version| !version.is_empty()) {
            return Some(Metal { version: Some(version.parse().ok()?), family: None });
        }
        if let Some(family) = text.strip_prefix("mtlgpufamily").filter(|family| !family.is_empty()) {
            let known = family.chars().all(|c| c.is_ascii_alphanumeric());
            return known.then(|| Metal { version: None, family: Some(family.to_owned()) });
        }
        (text == "supported").then(Metal::default)
    }
}

/// `4 GB`, `1536 MB`, `65 536 MB` in a language that groups digits: binary units, as for all memory.
fn size(text: &str) -> Option<Bytes> {
    let (number, unit) = text.rsplit_once(' ')?;
    let number: u64 = number.split_whitespace().collect::<String>().parse().ok()?;
    let factor = match unit {
        "MB" => Bytes::MIB,
        "GB" => Bytes::GIB,
        _ => return None,
    };
    number.checked_mul(factor).filter(|bytes| *bytes > 0).map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::macos::profiler::fixture;

    fn seen(json: &str) -> Option<Seen> {
        Seen::of(&fixture(json), &mut Vec::new())
    }

    #[test]
    fn every_way_to_say_metal_is_read() {
        let parsed = |text: &str| Metal::parse(text);
        assert_eq!(parsed("spdisplays_metal4"), Some(Metal { version: Some(4), family: None }));
        let family = Some("apple7".to_owned());
        assert_eq!(parsed("spdisplays_mtlgpufamilyapple7"), Some(Metal { version: None, family }));
        assert_eq!(parsed("spdisplays_supported"), Some(Metal::default()));
        for none in ["spdisplays_notsupported", "spdisplays_metal", "spdisplays_metalx", "metal3", ""] {
            assert_eq!(parsed(none), None, "{none}");
        }
    }

    #[test]
    fn a_vendor_is_told_by_its_whole_name() {
        assert_eq!(vendor("sppci_vendor_Apple"), Some(Vendor::Apple));
        assert_eq!(vendor("sppci_vendor_amd"), Some(Vendor::Amd));
        assert_eq!(vendor("AMD (0x1002)"), Some(Vendor::Amd));
        assert_eq!(vendor("Advanced Apple Clones"), None);
    }

    #[test]
    fn what_drives_a_screen_only_is_no_gpu() {
        assert!(seen(r#"{"_name": "spdisplays_display", "spdisplays_device-id": "0x1111"}"#).is_none());
        assert!(
            seen(r#"{"spdisplays_vendor": "sppci_vendor_amd", "sppci_device_type": "spdisplays_display"}"#)
                .is_none()
        );
        let seen = seen(r#"{"spdisplays_vendor": "sppci_vendor_Apple", "sppci_cores": "zehn"}"#).unwrap();
        assert_eq!((seen.cores, seen.name), (None, None));
    }

    #[test]
    fn sizes_are_binary() {
        assert_eq!(size("1536 MB"), Some(Bytes(1536 << 20)));
        assert_eq!(size("65 536 MB"), Some(Bytes(64 << 30)));
        for broken in ["", "4", "4 Go", "-4 GB", "0 MB", "99999999999 GB"] {
            assert_eq!(size(broken), None, "{broken}");
        }
    }
}
