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
    let mut sentences: Vec<String> = groups.iter().take(MOST).map(Group::sentence).collect();
    if groups.len() > MOST {
        let rest: usize = groups[MOST..].iter().map(|group| group.fields.len()).sum();
        sentences.push(format!("and {rest} more: edgeorch audit --json lists them"));
    }
    sentences
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
    /// The less, the sooner it is told.
    fn rank(&self) -> u8 {
        let is_slight = |field: &&str| field.split(['.', '[', ']']).any(|part| SLIGHT.contains(&part));
        let is_weighty = |field: &&str| {
            let plain: String = field.chars().filter(|c| !c.is_ascii_digit() && !"[]".contains(*c)).collect();
            WEIGHTY.contains(&plain.as_str())
        };
        match self.fields.iter().all(is_slight) {
            true => 3,
            false if self.remedy.is_some() => 0,
            false if self.fields.iter().any(is_weighty) => 1,
            false => 2,
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
