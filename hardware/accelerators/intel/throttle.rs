//! Why an Intel GPU's clocks are held back: one file per reason, `0` or `1`. The names are data: `throttle.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use edgeorch_engines::contract::host::Throttle;

use crate::Root;
use crate::root::shown;

/// A test proves that the file is well-formed.
static NAMES: LazyLock<BTreeMap<String, Throttle>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("throttle.yaml")).unwrap_or_default());

#[derive(Debug, PartialEq, Eq)]
pub enum Reasons {
    Told {
        reasons: Vec<Throttle>,
        source: String,
    },
    /// It is held back for a reason that has come after this was written.
    Strange {
        name: String,
    },
    Untold,
}

/// `prefix` stands before `status` and `reason_…` in names.
pub fn read(root: &Root, folder: &str, prefix: &str) -> Reasons {
    let is_one = |name: &str| root.read(&format!("{folder}/{name}")).ok().map(|text| text.trim() == "1");
    let Some(held_back) =
        is_one(&format!("{prefix}status")).or_else(|| is_one(&format!("{prefix}reason_status")))
    else {
        return Reasons::Untold;
    };
    let source = shown(folder);
    if !held_back {
        return Reasons::Told { reasons: Vec::new(), source };
    }
    let reason = format!("{prefix}reason_");
    let files = root.list(folder).unwrap_or_default();
    let set: Vec<&str> = files
        .iter()
        .filter_map(|file| file.strip_prefix(&reason))
        .filter(|name| *name != "status" && is_one(&format!("{reason}{name}")) == Some(true))
        .collect();
    let known: BTreeSet<Throttle> = set.iter().filter_map(|name| NAMES.get(*name).copied()).collect();
    if known.is_empty() {
        let name = set.first().map_or("none is named", |name| *name);
        return Reasons::Strange { name: name.chars().filter(char::is_ascii_graphic).take(40).collect() };
    }
    Reasons::Told { reasons: known.into_iter().collect(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Node, Tree};

    fn reasons(prefix: &str, files: &[(&str, &str)]) -> Reasons {
        let mut tree = Tree::default();
        for (name, text) in files {
            tree.put(&format!("sys/t/{name}"), Node::File((*text).into()));
        }
        read(&Root::of(tree), "sys/t", prefix)
    }

    fn told(reasons: &[Throttle]) -> Reasons {
        Reasons::Told { reasons: reasons.to_vec(), source: "/sys/t".into() }
    }

    #[test]
    fn the_table_is_well_formed() {
        assert!(NAMES.len() > 10 && NAMES.get("pl1") == Some(&Throttle::PowerCap));
    }

    #[test]
    fn reasons_are_told_once_each() {
        let xe = [("status", "1\n"), ("reason_pl1", "1\n"), ("reason_pl2", "1\n"), ("reason_thermal", "0\n")];
        assert_eq!(reasons("", &xe), told(&[Throttle::PowerCap]));
        let i915 = [("throttle_reason_status", "1\n"), ("throttle_reason_thermal", "1\n")];
        assert_eq!(reasons("throttle_", &i915), told(&[Throttle::Thermal]));
        assert_eq!(reasons("", &[("status", "0\n"), ("reason_pl1", "1\n")]), told(&[]));
    }

    #[test]
    fn strange_reasons_are_not_taken_for_none() {
        let strange = Reasons::Strange { name: "gremlins".into() };
        assert_eq!(reasons("", &[("status", "1\n"), ("reason_gremlins", "1\n")]), strange);
        assert_eq!(reasons("", &[("status", "1\n")]), Reasons::Strange { name: "noneisnamed".into() });
        assert_eq!(reasons("", &[("reason_pl1", "1\n")]), Reasons::Untold);
    }
}
