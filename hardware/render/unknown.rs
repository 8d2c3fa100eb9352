//! What is unknown and how to find out, short enough for a screen: facts with one reason stand together.

use std::collections::BTreeMap;

use edgeorch_engines::contract::{Host, Unknown};

/// More would push the facts off the screen; `--json` has them all.
const MOST: usize = 8;

pub fn sentences(host: &Host) -> Vec<String> {
    let groups = grouped(&host.unknown);
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
