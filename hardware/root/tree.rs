//! A machine in memory: files, folders and links by their paths, as a capture holds them.
//!
//! What is no file of the machine lies below `.edgeorch/`: the platform's name, what commands printed, and answers to
//! questions that only the live machine could be asked.

use std::collections::BTreeMap;
use std::path::{Component, Path};

pub const PLATFORM: &str = ".edgeorch/platform";

pub fn command(name: &str) -> String {
    format!(".edgeorch/commands/{name}")
}

pub fn failure(name: &str) -> String {
    format!(".edgeorch/commands/{name}.failed")
}

pub fn answer(name: &str) -> String {
    format!(".edgeorch/answers/{name}.json")
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    File(Vec<u8>),
    /// Where it points, as the link itself says.
    Link(String),
    Folder,
    /// A file that was seen and not read.
    Unread,
    /// A file that this user may not read.
    Denied,
}

/// Nodes by path: no leading slash, no `.` and no `..`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, Node>);

impl Tree {
    /// A path that leads out of the tree is refused, with `false`.
    pub fn put(&mut self, path: &str, node: Node) -> bool {
        match normal(path) {
            Some(path) if !path.is_empty() => {
                // What was read says more than that it was seen.
                let known = matches!(node, Node::Unread | Node::Folder) && self.0.contains_key(&path);
                if !known {
                    self.0.insert(path, node);
                }
                true
            }
            _ => false,
        }
    }

    /// The node at exactly this path. A folder is there if anything lies below it.
    pub fn get(&self, path: &str) -> Option<Node> {
        self.0.get(path).cloned().or_else(|| self.below(path).next().map(|_| Node::Folder))
    }

    /// The names in a folder, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> =
            self.below(folder).filter_map(|rest| rest.split('/').next()).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.0.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// What lies below a folder, by the rest of its path.
    fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a str> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let start = prefix.clone();
        self.0
            .range(start..)
            .take_while({
                let prefix = prefix.clone();
                move |(path, _)| path.starts_with(&prefix)
            })
            .map(move |(path, _)| &path[prefix.len()..])
    }
}

impl FromIterator<(String, Node)> for Tree {
    fn from_iter<I: IntoIterator<Item = (String, Node)>>(nodes: I) -> Tree {
        let mut tree = Tree::default();
        for (path, node) in nodes {
            tree.put(&path, node);
        }
        tree
    }
}

/// `/sys//class/./drm` → `sys/class/drm`; `None` for a path with `..`.
pub fn normal(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}
