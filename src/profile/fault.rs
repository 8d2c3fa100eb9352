//! One thing that is wrong with a profile's text, where it is, and what to write instead.

use std::ops::Range;

/// Bytes of the profile's text.
pub type Span = Range<usize>;

/// Beyond this many the rest is left out: a file that is no profile at all would drown its own cause.
pub const LIMIT: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub span: Span,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    pub hint: Option<String>,
}

/// Collects faults, and what must not be shown when they are.
#[derive(Debug)]
pub(super) struct Faults<'t> {
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    found: Vec<Fault>,
    secrets: Vec<Span>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(text: &'t str) -> Faults<'t> {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(after_breaks).collect();
        Faults { text, lines, found: Vec::new(), secrets: Vec::new() }
    }

    pub(super) fn add(&mut self, span: &Span, message: impl Into<String>, hint: Option<String>) {
        if self.found.len() < LIMIT {
            let (line, column) = self.position(span.start);
            self.found.push(Fault { span: span.clone(), line, column, message: message.into(), hint });
        }
    }

    /// The text under `span` will be masked.
    pub(super) fn hide(&mut self, span: &Span) {
        self.secrets.push(span.clone());
    }

    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// Line and column of a byte, both from 1.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|&start| start <= at);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(start..at).unwrap_or("");
        (line, before.chars().count() + 1)
    }

    /// The faults in the order of the text, and that text with its secrets masked; nothing if there is no fault.
    pub(super) fn finish(mut self) -> Option<(String, Vec<Fault>)> {
        self.found.sort_by_key(|fault| fault.span.start);
        (!self.found.is_empty()).then(|| (masked(self.text, &self.secrets), self.found))
    }
}

/// As many bytes as before, so that all spans stay true.
fn masked(text: &str, secrets: &[Span]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for span in secrets {
        let secret = bytes.get_mut(span.clone()).unwrap_or_default();
        secret.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A piece of the profile as messages quote it: on one line, without control characters, not too long.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text.chars().take(LONGEST).flat_map(printable).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// Control characters could move the terminal's cursor; they are shown as their escapes.
fn printable(c: char) -> impl Iterator<Item = char> {
    let (plain, escaped) = if c.is_control() { (None, Some(c.escape_default())) } else { (Some(c), None) };
    plain.into_iter().chain(escaped.into_iter().flatten())
}
