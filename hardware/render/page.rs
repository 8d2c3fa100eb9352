//! Rows of a label and its text, no wider than the terminal.

/// Columns of the label at the left.
pub const LABEL: usize = 11;
/// Below this the text is wrapped as if the terminal were this wide.
const NARROWEST: usize = 40;

/// Holds the words of a short fact together until the line is written.
const GLUE: char = '\u{a0}';

/// Text that stays on one line.
pub fn glue(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// Facts up to this many characters are not split over two lines.
const SHORT: usize = 26;

pub fn parts(parts: impl IntoIterator<Item = Option<String>>) -> String {
    let glued = |part: String| if part.chars().count() > SHORT { part } else { glue(&part) };
    parts.into_iter().flatten().map(glued).collect::<Vec<_>>().join(", ")
}

/// `1 core`, `2 cores`.
pub fn count(n: u32, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

pub struct Page {
    pub width: usize,
    color: bool,
    pub text: String,
}

impl Page {
    pub fn new(width: usize, color: bool) -> Page {
        Page { width: width.max(NARROWEST), color, text: String::new() }
    }

    /// One row for each text, the label before the first.
    pub fn list(&mut self, label: &str, texts: Vec<String>) {
        for (i, text) in texts.iter().enumerate() {
            self.row(if i == 0 { label } else { "" }, text);
        }
    }

    /// A label and its text, wrapped at blanks and indented below itself.
    pub fn row(&mut self, label: &str, text: &str) {
        for (i, line) in wrap(text, self.width - LABEL).into_iter().enumerate() {
            let label = format!("{:<LABEL$}", if i == 0 { label } else { "" });
            match self.color && !label.trim().is_empty() {
                true => self.text.push_str(&format!("\u{1b}[1m{label}\u{1b}[0m")),
                false => self.text.push_str(&label),
            }
            self.text.extend(line.chars().map(|c| match c {
                GLUE => ' ',
                // A reason may quote a path of the machine: nothing in it may steer the terminal.
                c if c.is_control() => char::REPLACEMENT_CHARACTER,
                c => c,
            }));
            self.text.push('\n');
        }
    }
}

/// Lines of at most `width` characters; a longer word is cut.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let mut rest: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + rest.len() > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        while rest.len() > width {
            let tail = rest.split_off(width);
            lines.push(rest.into_iter().collect());
            rest = tail;
        }
        used += rest.len();
        line.extend(rest);
    }
    lines.push(line);
    lines
}
