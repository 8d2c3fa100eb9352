//! One thing that was found, with what is known of it.

use crate::findings::Findings;

/// The findings' fields are the thing's own, such as `version`.
#[derive(Debug)]
pub struct Found<T> {
    pub thing: T,
    pub findings: Findings,
}

/// Whether a version or a name that some program gave can go onto a terminal: escape sequences would act there.
pub fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}

/// The things, their findings below `list[0]`, `list[1]`, ….
pub fn number<T>(list: &str, all: Vec<Found<T>>, findings: &mut Findings) -> Vec<T> {
    let number = |(index, found): (usize, Found<T>)| {
        findings.nest(&format!("{list}[{index}]"), found.findings);
        found.thing
    };
    all.into_iter().enumerate().map(number).collect()
}
