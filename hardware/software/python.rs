//! The Python that `python3` starts.

use edgeorch_engines::contract::OsFamily;
use edgeorch_engines::contract::host::Python;

use super::ask::{Asked, ask};
use super::search::Search;
use crate::findings::{Findings, chain};
use crate::{Command, Root};

const FIELD: &str = "software.python";

pub struct Begun(Option<(String, Asked)>);

pub fn begin(root: &Root, search: &Search) -> Begun {
    let names: &[&str] =
        if search.family == OsFamily::Windows { &["python", "python3"] } else { &["python3"] };
    let path = names.iter().find_map(|name| search.programs(root, name).into_iter().next());
    Begun(path.map(|path| {
        let command = Command::found("python3-version".to_owned(), path.clone(), &["--version"]);
        (path, ask(root, command))
    }))
}

impl Begun {
    pub fn finish(self, findings: &mut Findings) -> Option<Python> {
        let Some((path, asked)) = self.0 else {
            findings.none(FIELD, "the search path: no python3");
            return None;
        };
        findings.known(FIELD, "the search path");
        let version = match asked.answer() {
            Ok(output) => {
                let version = version(&output);
                if version.is_none() {
                    findings.unknown("software.python.version", "its answer to --version is none");
                }
                version
            }
            Err(error) => {
                findings.unknown("software.python.version", chain(&error));
                None
            }
        };
        if version.is_some() {
            findings.known("software.python.version", "python3 --version");
        }
        Some(Python { path, version })
    }
}

/// `Python 3.12.3`
fn version(output: &str) -> Option<String> {
    let version = output.trim().strip_prefix("Python ")?.split_whitespace().next()?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_a_number_after_the_name() {
        assert_eq!(version("Python 3.13.5\n").as_deref(), Some("3.13.5"));
        assert_eq!(version("Python 3.14.0rc2+\n").as_deref(), Some("3.14.0rc2+"));
        for other in ["", "Python", "Python was not found; run without arguments to install", "3.12"] {
            assert_eq!(version(other), None, "{other}");
        }
    }
}
