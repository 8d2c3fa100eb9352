//! "Did you mean …?"

use strsim::damerau_levenshtein;

/// The known name that was probably meant: at most a third of its letters differ, and one at least may. Case and the
/// choice between `-` and `_` do not count.
pub(super) fn nearest<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // No name is this long, and the distance takes time in proportion to the length.
    if text.len() > 64 {
        return None;
    }
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    known
        .into_iter()
        .map(|name| (damerau_levenshtein(&plain(text), &plain(name)), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `did you mean …?`, or what there is to choose from.
pub(super) fn hint(text: &str, what: &str, known: &[&str]) -> Option<String> {
    match nearest(text, known.iter().copied()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known {what}: {}", list(known))),
    }
}

/// `` `a`, `b`, `c` ``
pub(super) fn list<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}
