//! Maker, model and chassis out of SMBIOS, as the kernel shows it to everyone below `/sys/class/dmi/id`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::host::MachineKind;
use serde::Deserialize;

use crate::Root;
use crate::findings::printable;
use crate::root::shown;

const FOLDER: &str = "sys/class/dmi/id";
const FIELDS: [&str; 7] = [
    "sys_vendor",
    "product_name",
    "product_version",
    "board_vendor",
    "board_name",
    "bios_vendor",
    "chassis_type",
];

/// Texts by their file, without those that are no names.
#[derive(Debug, Default)]
pub struct Dmi(BTreeMap<&'static str, String>);

/// A text and the file that it comes from.
pub type Named = (String, String);

impl Dmi {
    /// Empty where the machine has no SMBIOS.
    pub fn read(root: &Root) -> Dmi {
        let field = |name: &'static str| {
            let text = printable(&root.read(&format!("{FOLDER}/{name}")).ok()?).ok()?;
            (!TABLE.is_placeholder(&text)).then_some((name, text))
        };
        Dmi(FIELDS.into_iter().filter_map(field).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    pub fn vendor(&self) -> Option<Named> {
        self.named("sys_vendor").or_else(|| self.named("board_vendor"))
    }

    pub fn model(&self) -> Option<Named> {
        let by_version =
            self.text("sys_vendor").is_some_and(|vendor| TABLE.named_by_version.iter().any(|v| v == vendor));
        // Their servers have a number there: a name has several words.
        let version = self.named("product_version").filter(|(text, _)| by_version && text.contains(' '));
        version.or_else(|| self.named("product_name")).or_else(|| self.named("board_name"))
    }

    pub fn kind(&self) -> Option<(MachineKind, String)> {
        let (number, source) = self.named("chassis_type")?;
        Some((*TABLE.chassis.get(&number.parse().ok()?)?, source))
    }

    fn named(&self, field: &str) -> Option<Named> {
        Some((self.0.get(field)?.clone(), shown(&format!("{FOLDER}/{field}"))))
    }
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("dmi.yaml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    placeholders: Vec<String>,
    named_by_version: Vec<String>,
    chassis: BTreeMap<u8, MachineKind>,
}

impl Table {
    fn is_placeholder(&self, text: &str) -> bool {
        self.placeholders.iter().any(|placeholder| placeholder.eq_ignore_ascii_case(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Tree};

    fn dmi(fields: &[(&str, &str)]) -> Dmi {
        let node = |(name, text): &(&str, &str)| {
            (format!("{FOLDER}/{name}"), Node::File(format!("{text}\n").into()))
        };
        Dmi::read(&Root::of(fields.iter().map(node).collect::<Tree>()))
    }

    fn names(dmi: &Dmi) -> (Option<String>, Option<String>) {
        (dmi.vendor().map(|(name, _)| name), dmi.model().map(|(name, _)| name))
    }

    fn both(vendor: &str, model: &str) -> (Option<String>, Option<String>) {
        (Some(vendor.to_owned()), Some(model.to_owned()))
    }

    #[test]
    fn the_table_is_well_formed() {
        assert!(TABLE.placeholders.len() > 15 && TABLE.chassis.len() > 20, "dmi.yaml was not read");
    }

    #[test]
    fn a_board_that_was_never_given_a_name_goes_by_the_board_s() {
        let board = [
            ("sys_vendor", "System manufacturer"),
            ("product_name", "To Be Filled By O.E.M."),
            ("board_vendor", "ASUSTeK COMPUTER INC."),
            ("board_name", "PRIME X570-P"),
        ];
        assert_eq!(names(&dmi(&board)), both("ASUSTeK COMPUTER INC.", "PRIME X570-P"));
        let server =
            [("sys_vendor", "Supermicro"), ("product_name", "Super Server"), ("board_name", "X12STL-F")];
        assert_eq!(names(&dmi(&server)), both("Supermicro", "X12STL-F"));
        assert_eq!(names(&dmi(&[("sys_vendor", "Default string")])), (None, None));
    }

    #[test]
    fn order_codes_give_way_to_names_and_numbers_do_not() {
        let lenovo = |name, version| {
            names(&dmi(&[("sys_vendor", "LENOVO"), ("product_name", name), ("product_version", version)]))
        };
        assert_eq!(
            lenovo("21CBCTO1WW", "ThinkPad X1 Carbon Gen 10"),
            both("LENOVO", "ThinkPad X1 Carbon Gen 10")
        );
        assert_eq!(lenovo("ThinkSystem SR650 V3", "07"), both("LENOVO", "ThinkSystem SR650 V3"));
        let dell = [("sys_vendor", "Dell Inc."), ("product_name", "XPS 15 9520"), ("product_version", "A B")];
        assert_eq!(names(&dmi(&dell)), both("Dell Inc.", "XPS 15 9520"));
    }

    #[test]
    fn the_chassis_tells_the_kind_where_it_says_anything() {
        let kind = |number| dmi(&[("chassis_type", number)]).kind().map(|(kind, _)| kind);
        assert_eq!(kind("10"), Some(MachineKind::Laptop));
        assert_eq!(kind("23"), Some(MachineKind::Server));
        for number in ["1", "2", "x", "-3", "300"] {
            assert_eq!(kind(number), None, "{number}");
        }
    }

    #[test]
    fn texts_that_no_terminal_can_show_are_no_names() {
        assert!(dmi(&[("product_name", "\u{1b}]0;x\u{7}")]).is_empty());
    }
}
