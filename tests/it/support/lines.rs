//! Output for people must be readable in a terminal of 80 columns.

/// Fails where a line is longer than 80 characters. A single word, such as a path, can't be folded: it may.
pub fn assert_fit(text: &str) {
    for line in text.lines() {
        let is_word = line.split_whitespace().count() == 1;
        assert!(
            is_word || line.chars().count() <= 80,
            "{} columns: {line}\nin\n{text}",
            line.chars().count()
        );
    }
}
