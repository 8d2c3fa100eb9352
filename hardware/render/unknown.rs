//! What is unknown and how to find out, short enough for a screen: facts with one reason stand together.

use std::collections::BTreeMap;

use edgeorch_engines::contract::{Host, Unknown};

/// More would push the facts off the screen; `--json` has them all.
const MOST: usize = 5;

/// What a plan needs, by the field without its numbers. What a person can do something about comes before all.
const WEIGHTY: [&str; 11] = [
    "memory.total",
    "memory.available",
    "memory.limit",
    "memory.bandwidth",
    "storage.free",
    "storage.read",
    "accelerators",
    "accelerators.memory.total",
    "accelerators.memory.free",
    "accelerators.driver",
    "accelerators.apis",
];
/// Details that hardly anybody misses.
const SLIGHT: [&str; 10] = [
    "uuid",
    "index",
    "cores",
    "revision",
    "subsystem",
    "huge_pages",
    "max_mhz",
    "min_mhz",
    "nominal",
    "weight_types",
];

pub fn sentences(host: &Host) -> Vec<String> {
    let mut groups = grouped(&host.unknown);
    // Stable: among equals the order of the probes stands.
    groups.sort_by_key(Group::rank);
    let told = groups.iter().take(MOST).filter(|group| group.rank() != Rank::Detail).count();
    let mut sentences: Vec<String> = groups[..told].iter().map(Group::sentence).collect();
    let rest: usize = groups[told..].iter().map(|group| group.fields.len()).sum();
    match (rest, told) {
        (0, _) => {}
        (1, 0) => sentences.push("1 detail: edgeorch audit --json tells which and why".to_owned()),
        (n, 0) => sentences.push(format!("{n} details: edgeorch audit --json tells which and why")),
        (n, _) => sentences.push(format!("and {n} more: edgeorch audit --json tells which and why")),
    }
    sentences
}

/// What is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Somebody can do something about it.
    Remediable,
    /// A plan needs it.
    Weighty,
    /// Hardly anybody misses it.
    Detail,
}

struct Group<'a> {
    fields: Vec<&'a str>,
    reason: &'a str,
    remedy: Option<&'a str>,
}

/// By reason, in the order in which the reasons come first.
fn grouped(unknown: &[Unknown]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for entry in unknown {
        let key = (entry.reason.as_str(), entry.remedy.as_deref());
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Group { fields: Vec::new(), reason: key.0, remedy: key.1 });
            groups.len() - 1
        });
        groups[place].fields.push(&entry.field);
    }
    groups
}

impl Group<'_> {
    fn rank(&self) -> Rank {
        let is_slight = |field: &&str| field.split(['.', '[', ']']).any(|part| SLIGHT.contains(&part));
        let is_weighty = |field: &&str| {
            let plain: String = field.chars().filter(|c| !c.is_ascii_digit() && !"[]".contains(*c)).collect();
            WEIGHTY.contains(&plain.as_str())
        };
        if self.fields.iter().all(is_slight) {
            Rank::Detail
        } else if self.remedy.is_some() {
            Rank::Remediable
        } else if self.fields.iter().any(is_weighty) {
            Rank::Weighty
        } else {
            Rank::Detail
        }
    }

    fn sentence(&self) -> String {
        let remedy = self.remedy.map(|remedy| format!(" → {remedy}")).unwrap_or_default();
        format!("{}: {}{remedy}", self.names(), self.reason)
    }

    /// A few by name, many by number.
    fn names(&self) -> String {
        match self.fields.as_slice() {
            few if few.len() <= 3 => few.join(", "),
            [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
            [] | [_] => String::new(),
        }
    }
}
