//! Power schemes by their identities, for their names are in the user's language. The identities are data: `schemes.yaml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::host::PowerMode;
use serde::Deserialize;

use crate::findings::{Findings, printable};
use crate::root::{Command, Root};

const ACTIVE: Command = Command::new("powercfg", "powercfg", &["/getactivescheme"]);

/// A test proves that the file is well-formed.
static SCHEMES: LazyLock<BTreeMap<String, Known>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("schemes.yaml")).unwrap_or_default());

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    name: String,
    saves_power: bool,
}

/// The one scheme over which power modes lie; under the others they have no effect.
pub const BALANCED: &str = "381b4222-f694-41f0-9685-ff5bb260df2e";

/// A scheme that is in force.
pub struct Scheme {
    pub identity: String,
    pub mode: PowerMode,
}

pub fn active(root: &Root, findings: &mut Findings) -> Option<Scheme> {
    let text = findings.take("power.modes", root.run(&ACTIVE))?;
    match identity(&text) {
        Some(identity) => {
            findings.known("power.modes", "powercfg /getactivescheme");
            let own_name =
                text.rsplit_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(name, _)| name);
            Some(Scheme { mode: mode("power_scheme", &identity, own_name), identity })
        }
        None => {
            findings.unknown("power.modes", "powercfg names no power scheme");
            None
        }
    }
}

/// A scheme that its user or maker added keeps the name they gave it, and what it does is theirs to know.
pub fn mode(interface: &str, identity: &str, own_name: Option<&str>) -> PowerMode {
    let known = SCHEMES.get(identity);
    let value = match known {
        Some(scheme) => scheme.name.clone(),
        None => own_name.and_then(|name| printable(name).ok()).unwrap_or_else(|| identity.to_owned()),
    };
    PowerMode { interface: interface.to_owned(), value, saves_power: known.map(|scheme| scheme.saves_power) }
}

/// The first word that is a lasting identity, in lower case.
pub fn identity(text: &str) -> Option<String> {
    let lengths = [8, 4, 4, 4, 12];
    let is = |word: &&str| {
        let parts: Vec<&str> = word.split('-').collect();
        parts.len() == lengths.len()
            && parts
                .iter()
                .zip(lengths)
                .all(|(part, length)| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).find(is).map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_table_is_well_formed() {
        assert!(SCHEMES.contains_key(BALANCED), "schemes.yaml was not read");
        for name in SCHEMES.keys() {
            assert_eq!(identity(name).as_ref(), Some(name));
        }
    }

    #[test]
    fn a_scheme_is_known_by_its_identity_in_any_language() {
        let german = "GUID des Energieschemas: A1841308-3541-4fab-bc81-f71556f20b4a  (Energiesparmodus)\r\n";
        let mode = mode("power_scheme", &identity(german).unwrap(), Some("Energiesparmodus"));
        assert_eq!((mode.value.as_str(), mode.saves_power), ("power saver", Some(true)));
        assert_eq!(identity("Power Scheme GUID: 381b4222-f694-41f0-9685  (Balanced)"), None);
    }

    #[test]
    fn a_makers_own_scheme_is_neither_sparing_nor_not() {
        let id = "27fa6203-3987-4dcc-918d-748559d549ec";
        let named = mode("power_scheme", id, Some("Turbo"));
        assert_eq!((named.value.as_str(), named.saves_power), ("Turbo", None));
        assert_eq!(mode("power_scheme", id, Some("\u{fffd}")).value, id);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[0-9a-fA-F \\-(]{0,60}|.*") {
            identity(&text);
        }
    }
}
