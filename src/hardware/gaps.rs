//! What could not be found out, gathered while the probes run.

use std::error::Error;
use std::fmt;

use edgeorch_engines::contract::Unknown;

/// The `unknown` list in the making.
#[derive(Debug, Default)]
pub struct Gaps(Vec<Unknown>);

impl Gaps {
    /// `field` by its path in the JSON, such as `cpu.model`.
    pub fn note(&mut self, field: impl Into<String>, reason: impl fmt::Display) {
        self.0.push(Unknown { field: field.into(), reason: reason.to_string() });
    }

    /// The value, or `None` and an entry that gives the error with its causes.
    pub fn take<T>(&mut self, field: &str, result: Result<T, impl Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.note(field, chain(&error));
                None
            }
        }
    }

    pub fn into_unknown(self) -> Vec<Unknown> {
        self.0
    }

    #[cfg(test)]
    pub fn fields(&self) -> Vec<&str> {
        self.0.iter().map(|unknown| unknown.field.as_str()).collect()
    }
}

/// An error and its causes on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// A name as the kernel or firmware gives it, if a terminal can show it: a hypervisor may put any bytes into a CPU's
/// brand string, and escape sequences in it would reach the user's screen.
pub fn printable(text: &str) -> Result<String, Unprintable> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        Err(Unprintable::Empty)
    } else if text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
        Err(Unprintable::Bytes)
    } else {
        Ok(text)
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unprintable {
    #[error("the name given is empty")]
    Empty,
    #[error("the name given holds control characters or is not UTF-8")]
    Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_terminal_cannot_show_are_refused() {
        assert_eq!(printable("  AMD   EPYC \t"), Ok("AMD EPYC".to_owned()));
        assert_eq!(printable("\u{1b}[2Jx"), Err(Unprintable::Bytes));
        assert_eq!(printable(" \n"), Err(Unprintable::Empty));
    }

    #[test]
    fn a_reason_names_each_cause_once() {
        let io = std::io::Error::other("disk on fire");
        let error = super::super::ReadError::Io { path: "/proc/x".into(), source: io };
        assert_eq!(chain(&error), "/proc/x can't be read: disk on fire");
    }
}
