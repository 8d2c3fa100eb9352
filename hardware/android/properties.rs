//! Android's system properties, those alone that the audit needs: the others hold serial numbers and names of people.

use std::collections::BTreeMap;

use crate::root::{Command, Root, RunError};

/// Prints as `getprop` without a name does.
const GETPROP: Command = Command::new(
    "getprop",
    "sh",
    &[
        "-c",
        "for name in ro.product.manufacturer ro.product.model ro.build.characteristics ro.build.version.release \
         ro.soc.manufacturer ro.soc.model ro.hardware ro.board.platform ro.kernel.qemu; do \
         echo \"[$name]: [$(getprop $name)]\"; done",
    ],
);

pub fn read(root: &Root) -> Result<BTreeMap<String, String>, RunError> {
    root.run(&GETPROP).map(|text| parse(&text))
}

/// `[ro.product.model]: [Pixel 9]`; properties without a value are left out.
fn parse(text: &str) -> BTreeMap<String, String> {
    let property = |line: &str| {
        let (name, value) = line.trim().strip_prefix('[')?.strip_suffix(']')?.split_once("]: [")?;
        (!value.trim().is_empty()).then(|| (name.to_owned(), value.trim().to_owned()))
    };
    text.lines().filter_map(property).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_property_is_a_name_and_a_value_in_brackets() {
        let all =
            parse("[ro.product.model]: [Pixel 9]\r\n[ro.soc.model]: []\n[a]: [[b]: [c]]\nragged]: [x]\n[y\n");
        assert_eq!(all.get("ro.product.model").map(String::as_str), Some("Pixel 9"));
        assert_eq!(all.get("a").map(String::as_str), Some("[b]: [c]"));
        assert_eq!(all.len(), 2);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(\\[|\\]|: |[a-z\n]){0,40}|.*") {
            parse(&text);
        }
    }
}
