//! Output for people must be readable in a terminal of 80 columns.

/// Fails where a line is longer than 80 characters. A path can't be folded: alone, or after its flag, it may.
pub fn assert_fit(text: &str) {
    for line in text.lines() {
        let is_path = line.split_whitespace().count() <= 2;
        assert!(
            is_path || line.chars().count() <= 80,
            "{} columns: {line}\nin\n{text}",
            line.chars().count()
        );
    }
}
