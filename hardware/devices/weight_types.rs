//! Which types of weights a device takes, by interface and architecture: rows of `weight_types.yaml` that add up.

use std::sync::LazyLock;

use edgeorch_engines::contract::host::{AcceleratorKind, Api, Target, Vendor};
use serde::Deserialize;

use super::Identity;

/// A test proves that the file is well-formed.
pub static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| serde_saphyr::from_str(TEXT).unwrap_or_default());

pub const TEXT: &str = include_str!("weight_types.yaml");

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    #[serde(rename = "match")]
    matching: Match,
    pub types: Vec<String>,
    pub source: String,
}

/// All that is given must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Match {
    api: Option<Api>,
    min_capability: Option<String>,
    gfx: Vec<String>,
    kind: Option<AcceleratorKind>,
    vendor: Option<Vendor>,
    pci: Vec<String>,
    compatible: Vec<String>,
}

/// The types of all rows that hold, in the table's order, and their sources; none if no row holds.
pub fn find(identity: &Identity<'_>) -> Option<(Vec<String>, String)> {
    let (mut types, mut sources) = (Vec::<String>::new(), Vec::<&str>::new());
    for row in ROWS.iter().filter(|row| row.matching.holds(identity)) {
        types.extend(row.types.iter().filter(|name| !types.contains(name)).cloned().collect::<Vec<_>>());
        sources.push(&row.source);
    }
    (!types.is_empty()).then(|| (types, sources.join("; ")))
}

impl Match {
    fn holds(&self, identity: &Identity<'_>) -> bool {
        let accelerator = identity.accelerator;
        let target = accelerator.target.as_ref();
        self.api.is_none_or(|api| accelerator.apis.contains(&api))
            && self.kind.is_none_or(|kind| kind == accelerator.kind)
            && self.vendor.is_none_or(|vendor| vendor == accelerator.vendor)
            && self.min_capability.as_deref().is_none_or(|least| reaches(target, least))
            && (self.gfx.is_empty() || matches!(target, Some(Target::Gfx(name)) if self.gfx.contains(name)))
            && (self.pci.is_empty() || identity.is_one_of(&self.pci))
            && (self.compatible.is_empty() || identity.is_part_of(&self.compatible))
    }
}

/// Numbers, not text: 10.0 is more than 8.9.
fn reaches(target: Option<&Target>, least: &str) -> bool {
    let parts = |version: &str| -> Option<(u32, u32)> {
        let (major, minor) = version.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    let Some(Target::ComputeCapability(version)) = target else { return false };
    matches!((parts(version), parts(least)), (Some(has), Some(least)) if has >= least)
}
