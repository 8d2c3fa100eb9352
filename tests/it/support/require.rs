//! What this machine lacks is skipped with a printed reason; what `EDGEORCH_REQUIRE` names is a failure instead.

/// Prints why a test is skipped, or fails if `EDGEORCH_REQUIRE` (comma separated) names `what`.
pub fn skip(what: &str, reason: &str) {
    let required = std::env::var("EDGEORCH_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|name| name.trim() == what), "{what} is required here, and {reason}");
    eprintln!("skipped: {what}: {reason}");
}
