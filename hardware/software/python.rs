//! The Python that `python3` starts.

use edgeorch_engines::contract::OsFamily;
use edgeorch_engines::contract::host::Python;

use super::ask::{Asked, ask};
use super::found::is_plain;
use super::search::{Search, is_file};
use crate::findings::Findings;
use crate::{Command, Root};
use edgeorch_engines::chain;

const FIELD: &str = "software.python";

pub struct Begun(Option<(String, Asked)>);

pub fn begin(root: &Root, search: &Search) -> Begun {
    let names: &[&str] =
        if search.family == OsFamily::Windows { &["python", "python3"] } else { &["python3"] };
    let path = names.iter().find_map(|name| search.programs(root, name).into_iter().next());
    Begun(path.map(|path| {
        let path = behind_shim(root, &path).unwrap_or(path);
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

/// pyenv puts a script in Python's place, which takes longer to choose one than Python to answer. Its choice, unless a folder
/// or a variable says otherwise, is in a file: `~/.pyenv/version`.
fn behind_shim(root: &Root, path: &str) -> Option<String> {
    let (home, name) = path.rsplit_once("/shims/")?;
    let chosen = root.read(&format!("{home}/version")).ok()?;
    let version = chosen.split_whitespace().next().filter(|version| !version.contains('/'))?;
    let program = format!("{home}/versions/{version}/bin/{name}");
    is_file(root, &program).then_some(program)
}

/// `Python 3.12.3`
fn version(output: &str) -> Option<String> {
    let version = output.trim().strip_prefix("Python ")?.split_whitespace().next()?;
    (version.starts_with(|c: char| c.is_ascii_digit()) && is_plain(version)).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Tree};

    #[test]
    fn pyenv_s_script_leads_to_the_python_that_it_chose() {
        let mut tree = Tree::default();
        tree.put("home/u/.pyenv/version", Node::File(b"3.11.7\n3.12.1\n".into()));
        tree.put("home/u/.pyenv/versions/3.11.7/bin/python3", Node::Unread);
        let root = Root::of(tree);
        let behind = |path| behind_shim(&root, path);
        let chosen = "/home/u/.pyenv/versions/3.11.7/bin/python3";
        assert_eq!(behind("/home/u/.pyenv/shims/python3").as_deref(), Some(chosen));
        assert_eq!(behind("/home/u/.pyenv/shims/python"), None);
        assert_eq!(behind("/home/v/.asdf/shims/python3"), None);
        assert_eq!(behind("/usr/bin/python3"), None);
    }

    #[test]
    fn the_version_is_a_number_after_the_name() {
        assert_eq!(version("Python 3.13.5\n").as_deref(), Some("3.13.5"));
        assert_eq!(version("Python 3.14.0rc2+\n").as_deref(), Some("3.14.0rc2+"));
        for other in ["", "Python", "Python was not found; run without arguments to install", "3.12"] {
            assert_eq!(version(other), None, "{other}");
        }
    }
}
