//! An error and its causes as one sentence, each said once.

use std::error::Error;

/// `can't write to X: permission denied`.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // A transparent wrapper repeats what it wraps.
        if !text.ends_with(&next) {
            // "failed to" goes on in its cause.
            let joint = if text.ends_with("failed to") { " " } else { ": " };
            text = format!("{text}{joint}{next}");
        }
        cause = error.source();
    }
    text
}
