//! One thing that was found, with what is known of it.

use crate::findings::Findings;

/// The findings' fields are the thing's own, such as `version`.
#[derive(Debug)]
pub struct Found<T> {
    pub thing: T,
    pub findings: Findings,
}

/// The things, their findings below `list[0]`, `list[1]`, ….
pub fn number<T>(list: &str, all: Vec<Found<T>>, findings: &mut Findings) -> Vec<T> {
    let number = |(index, found): (usize, Found<T>)| {
        findings.nest(&format!("{list}[{index}]"), found.findings);
        found.thing
    };
    all.into_iter().enumerate().map(number).collect()
}
