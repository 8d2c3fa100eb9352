//! "Did you mean": the names most like one that was not found.

use std::collections::BTreeSet;

/// Below this Jaro-Winkler similarity a suggestion would only confuse.
const LIKE: f64 = 0.75;

/// At most `most` of `names`, the most similar first.
pub(crate) fn nearest<'a>(asked: &str, names: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<String> {
    let distinct: BTreeSet<&str> = names.into_iter().collect();
    let mut rated: Vec<(f64, &str)> =
        distinct.into_iter().map(|name| (strsim::jaro_winkler(asked, name), name)).collect();
    rated.retain(|(likeness, _)| *likeness >= LIKE);
    rated.sort_by(|a, b| b.0.total_cmp(&a.0));
    rated.into_iter().take(most).map(|(_, name)| name.to_owned()).collect()
}
