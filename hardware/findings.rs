//! What the probes found out, gathered while they run: where each fact came from, and what could not be had.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use edgeorch_engines::chain;
use edgeorch_engines::contract::Unknown;

/// What helps where the kernel shows a file to root only.
pub const AS_ROOT: &str = "run the audit as root";

/// The `sources` and the `unknown` list in the making. Fields are paths in the JSON, such as `cpu.model`.
#[derive(Debug, Default, PartialEq)]
pub struct Findings {
    sources: BTreeMap<String, String>,
    unknown: Vec<Unknown>,
}

impl Findings {
    /// This field, and what lies below it, comes from `source`.
    pub fn known(&mut self, field: impl Into<String>, source: impl fmt::Display) {
        self.sources.insert(field.into(), plain(source));
    }

    /// A second source of a field that has one already.
    pub fn also_known(&mut self, field: &str, source: impl fmt::Display) {
        let source = match self.sources.get(field) {
            Some(first) => format!("{first}; {}", plain(source)),
            None => plain(source),
        };
        self.sources.insert(field.to_owned(), source);
    }

    /// It was looked at and there is none: the field is null or empty for a reason that is a fact.
    pub fn none(&mut self, field: impl Into<String>, source: impl fmt::Display) {
        self.known(field, source);
    }

    pub fn unknown(&mut self, field: impl Into<String>, reason: impl fmt::Display) {
        self.unknown.push(Unknown { field: field.into(), reason: plain(reason), remedy: None });
    }

    /// Unknown, and how to find out.
    pub fn unknown_but(
        &mut self,
        field: impl Into<String>,
        reason: impl fmt::Display,
        remedy: impl Into<String>,
    ) {
        let (field, reason) = (field.into(), plain(reason));
        self.unknown.push(Unknown { field, reason, remedy: Some(remedy.into()) });
    }

    /// The value, or `None` and an entry that gives the error with its causes.
    pub fn take<T>(&mut self, field: &str, result: Result<T, impl Error>) -> Option<T> {
        result.map_err(|error| self.unknown(field, chain(&error))).ok()
    }

    /// Like [`Findings::take`], with the value's source.
    pub fn learn<T>(
        &mut self,
        field: &str,
        source: impl fmt::Display,
        result: Result<T, impl Error>,
    ) -> Option<T> {
        let value = self.take(field, result)?;
        self.known(field, source);
        Some(value)
    }

    /// Takes over what a part found, its fields below `prefix`; an empty field is the part itself.
    pub fn nest(&mut self, prefix: &str, part: Findings) {
        let below = |field: String| match (prefix, field.as_str()) {
            ("", _) => field,
            (_, "") => prefix.to_owned(),
            _ if field.starts_with('[') => format!("{prefix}{field}"),
            _ => format!("{prefix}.{field}"),
        };
        self.sources.extend(part.sources.into_iter().map(|(field, source)| (below(field), source)));
        self.unknown
            .extend(part.unknown.into_iter().map(|entry| Unknown { field: below(entry.field), ..entry }));
    }

    /// Whether there is an entry for this very field.
    pub fn tells_of(&self, field: &str) -> bool {
        self.sources.contains_key(field) || self.unknown.iter().any(|unknown| unknown.field == field)
    }

    /// Whether this very field could not be had, or not all of it.
    pub fn doubts(&self, field: &str) -> bool {
        self.unknown.iter().any(|unknown| unknown.field == field)
    }

    /// Drops what was said of this very field: a better source was found.
    pub fn forget(&mut self, field: &str) {
        self.sources.remove(field);
        self.unknown.retain(|unknown| unknown.field != field);
    }

    pub fn into_parts(self) -> (BTreeMap<String, String>, Vec<Unknown>) {
        (self.sources, self.unknown)
    }

    #[cfg(test)]
    pub fn unknown_fields(&self) -> Vec<&str> {
        self.unknown.iter().map(|unknown| unknown.field.as_str()).collect()
    }

    #[cfg(test)]
    pub fn source(&self, field: &str) -> Option<&str> {
        self.sources.get(field).map(String::as_str)
    }
}

/// A source or a reason may quote what a hostile file says: control characters must not reach a terminal through it.
fn plain(text: impl fmt::Display) -> String {
    text.to_string().replace(['\n', '\r', '\t'], " ").replace(char::is_control, "\u{fffd}")
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
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
    fn what_a_reason_quotes_reaches_no_terminal_as_a_command() {
        let mut findings = Findings::default();
        findings.unknown("cpu.model", "part \u{1b}[2J is in no table");
        findings.known("os.name", "a\u{7}\nb");
        let (sources, unknown) = findings.into_parts();
        assert_eq!(unknown[0].reason, "part \u{fffd}[2J is in no table");
        assert_eq!(sources["os.name"], "a\u{fffd} b");
    }

    #[test]
    fn a_reason_names_each_cause_once() {
        let io = std::io::Error::other("disk on fire");
        let error = crate::root::ReadError::Io { path: "/proc/x".into(), source: io };
        assert_eq!(chain(&error), "/proc/x can't be read: disk on fire");
    }

    #[test]
    fn a_part_s_fields_lie_below_it() {
        let mut part = Findings::default();
        part.known("", "nvml");
        part.known("memory", "nvml");
        part.unknown_but("link", "no answer", AS_ROOT);
        let mut all = Findings::default();
        all.nest("accelerators[1]", part);
        assert_eq!(all.source("accelerators[1]"), Some("nvml"));
        assert_eq!(all.source("accelerators[1].memory"), Some("nvml"));
        assert_eq!(all.unknown_fields(), ["accelerators[1].link"]);
    }
}
