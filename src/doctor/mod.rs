//! What is wrong with a machine, judged by its facts alone, and how to mend it. Pure: a [`Host`] in, findings out.
//!
//! A rule looks at one thing and says nothing where the facts don't: a null is no finding.

mod accelerators;
mod containers;
mod memory;
mod power;
mod processor;
mod storage;

use edgeorch_engines::{Bytes, Host};
use serde::Serialize;

/// How bad it is. Ordered, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something that is here can't be used, or a start will fail.
    Problem,
    /// It works, and slower or shorter than it could.
    Warning,
    /// Worth knowing.
    Hint,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// A lasting name for programs, such as `gpu-without-driver`.
    pub id: &'static str,
    /// A sentence: what is wrong, and with what.
    pub what: String,
    /// A sentence: what to do about it.
    pub remedy: String,
}

impl Finding {
    fn new(
        severity: Severity,
        id: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding { severity, id, what: what.into(), remedy: remedy.into() }
    }
}

/// What the profile's models need together, where a profile was given and its sum is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    pub memory: Bytes,
}

type Rule = fn(&Host, Option<Need>) -> Vec<Finding>;

const RULES: [Rule; 6] =
    [accelerators::check, containers::check, memory::check, power::check, processor::check, storage::check];

/// Everything that is wrong, worst first.
pub fn diagnose(host: &Host, need: Option<Need>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(host, need)).collect();
    findings.sort_by_key(|finding| finding.severity);
    findings
}

#[cfg(test)]
mod tests;
