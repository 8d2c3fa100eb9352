//! Devices that container engines may hand into a container, by the Container Device Interface: specifications in YAML or
//! JSON, each of one kind such as `nvidia.com/gpu`.

use serde::Deserialize;

use crate::Root;

/// Where container engines look if they are not told otherwise.
pub const FOLDERS: [&str; 2] = ["/etc/cdi", "/var/run/cdi"];

/// Files looked at in each folder.
const MOST: usize = 64;

#[derive(Debug, Deserialize)]
struct Specification {
    kind: String,
    #[serde(default)]
    devices: Vec<Device>,
}

#[derive(Debug, Deserialize)]
struct Device {
    #[serde(rename = "name")]
    _name: serde::de::IgnoredAny,
}

/// The kinds of which there is a device, sorted.
pub fn kinds<'a>(root: &Root, folders: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut kinds = Vec::new();
    for folder in folders {
        let names = root.list(folder).unwrap_or_default();
        let specifications =
            names.iter().filter(|name| [".json", ".yaml", ".yml"].iter().any(|end| name.ends_with(end)));
        for name in specifications.take(MOST) {
            kinds.extend(root.read(&format!("{folder}/{name}")).ok().as_deref().and_then(kind));
        }
    }
    kinds.sort();
    kinds.dedup();
    kinds
}

/// JSON is YAML too.
fn kind(text: &str) -> Option<String> {
    let specification: Specification = serde_saphyr::from_str(text).ok()?;
    let is_kind = |text: &str| {
        text.contains('/') && text.chars().all(|c| c.is_ascii_alphanumeric() || "./-_".contains(c))
    };
    (is_kind(&specification.kind) && !specification.devices.is_empty()).then_some(specification.kind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NVIDIA: &str = "\
---
cdiVersion: 0.5.0
containerEdits:
  env:
  - NVIDIA_VISIBLE_DEVICES=void
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: \"0\"
- name: all
kind: nvidia.com/gpu
";

    #[test]
    fn both_formats_tell_their_kind() {
        assert_eq!(kind(NVIDIA).as_deref(), Some("nvidia.com/gpu"));
        let json = r#"{"cdiVersion": "0.6.0", "kind": "amd.com/gpu", "devices": [{"name": "0", "containerEdits": {}}]}"#;
        assert_eq!(kind(json).as_deref(), Some("amd.com/gpu"));
    }

    #[test]
    fn a_specification_without_devices_or_sense_is_no_way_in() {
        for text in [
            "",
            "kind: nvidia.com/gpu\ndevices: []\n",
            "kind: \"a b/c\"\ndevices: [{name: x}]\n",
            "- 1\n",
            "{",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            kind(&text);
        }
    }
}
