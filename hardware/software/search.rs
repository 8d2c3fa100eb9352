//! Where programs are looked for: the search path of this process, and the folders that it points to by other means.

use std::path::Path;

use edgeorch_engines::contract::OsFamily;
use serde::{Deserialize, Serialize};

use crate::Root;
use crate::root::AnswerError;

/// Folders of one search path; a longer one is somebody's mistake.
const MOST: usize = 128;

/// What the environment says, with `/` between folders on every system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Environment {
    path: Vec<String>,
    home: Option<String>,
    /// Prefixes of the Python environments that are active.
    environments: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Search {
    pub family: OsFamily,
    pub home: Option<String>,
    pub environments: Vec<String>,
    path: Vec<String>,
}

impl Search {
    pub fn of(root: &Root) -> Result<Search, AnswerError> {
        let environment = root.answer("environment", Environment::ask)?;
        let mut path: Vec<String> = Vec::new();
        // A relative folder of the search path is wherever the user happens to be.
        for folder in environment.path.into_iter().filter(|folder| is_absolute(folder)).take(MOST) {
            if !path.contains(&folder) {
                path.push(folder);
            }
        }
        Ok(Search {
            family: root.platform(),
            home: environment.home.filter(|home| is_absolute(home)),
            environments: environment.environments.into_iter().filter(|prefix| is_absolute(prefix)).collect(),
            path,
        })
    }

    /// Every file of this name on the search path, the one that a shell would take first. Links to one file count once.
    pub fn programs(&self, root: &Root, name: &str) -> Vec<String> {
        let suffix = if self.family == OsFamily::Windows { ".exe" } else { "" };
        let mut seen = Vec::new();
        let mut found = Vec::new();
        for folder in &self.path {
            let path = format!("{}/{name}{suffix}", folder.trim_end_matches('/'));
            if is_file(root, &path) {
                let real = root.real_path(&path).unwrap_or_else(|_| path.clone());
                if !seen.contains(&real) {
                    seen.push(real);
                    found.push(path);
                }
            }
        }
        found
    }

    /// `~/x` in the user's home; `None` where that is unknown.
    pub fn expand(&self, path: &str) -> Option<String> {
        match path.strip_prefix("~/") {
            Some(below) => Some(format!("{}/{below}", self.home.as_deref()?.trim_end_matches('/'))),
            None => Some(path.to_owned()),
        }
    }
}

/// Whether a file, and no folder, lies there.
pub fn is_file(root: &Root, path: &str) -> bool {
    root.exists(path) && root.list(path).is_err()
}

/// `/usr/bin`, or `C:/Windows`: also where this machine is none of the kind.
fn is_absolute(path: &str) -> bool {
    path.starts_with('/') || path.as_bytes().get(1..3) == Some(b":/")
}

impl Environment {
    fn ask() -> Environment {
        let folder = |name: &str| std::env::var_os(name).and_then(|value| text(Path::new(&value)));
        let path = std::env::var_os("PATH").unwrap_or_default();
        Environment {
            path: std::env::split_paths(&path).filter_map(|folder| text(&folder)).collect(),
            home: std::env::home_dir().and_then(|home| text(&home)),
            environments: ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(folder).collect(),
        }
    }
}

fn text(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| !text.is_empty())?;
    Some(if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Tree};

    fn search(json: &str, nodes: &[(&str, Node)]) -> (Root, Search) {
        let mut tree: Tree = nodes.iter().map(|(path, node)| ((*path).to_owned(), node.clone())).collect();
        tree.put(".edgeorch/answers/environment.json", Node::File(json.into()));
        let root = Root::of(tree);
        let search = Search::of(&root).unwrap();
        (root, search)
    }

    #[test]
    fn a_program_counts_once_and_a_folder_of_its_name_not_at_all() {
        let (root, search) = search(
            r#"{"path": ["/a", "relative", "/bin", "/usr/bin", "/a"], "home": "/home/u"}"#,
            &[
                ("a/ollama", Node::Folder),
                ("usr/bin/ollama", Node::Unread),
                ("bin", Node::Link("usr/bin".into())),
                ("relative/ollama", Node::Unread),
            ],
        );
        assert_eq!(search.programs(&root, "ollama"), ["/bin/ollama"]);
        assert_eq!(search.expand("~/x").as_deref(), Some("/home/u/x"));
    }

    #[test]
    fn windows_programs_end_in_exe() {
        let (root, search) = search(
            r#"{"path": ["C:/Program Files/x", "D:relative"]}"#,
            &[
                ("C:/Program Files/x/lms.exe", Node::Unread),
                (".edgeorch/platform", Node::File(b"windows".into())),
            ],
        );
        assert_eq!(search.programs(&root, "lms"), ["C:/Program Files/x/lms.exe"]);
        assert_eq!(search.expand("~/x"), None);
    }

    #[test]
    fn this_machine_has_a_search_path() {
        let search = Search::of(&Root::live()).unwrap();
        assert!(!search.path.is_empty());
    }
}
