//! Files that serve a model without edgeorch: what `plan -o` writes. An adapter makes their text; nothing is written here.

use super::{Ask, Binary, Files, Host, Model};

/// What deployment files are made of.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    pub ask: &'a Ask,
    pub model: &'a Model,
    pub files: &'a Files,
    /// The engine's program here; none where it is not installed, and then the newest build that is known is taken.
    pub binary: Option<&'a Binary>,
    pub host: &'a Host,
    /// Where it shall answer, on loopback.
    pub port: u16,
    /// Who could read the files; none where they lie on another machine.
    pub user: Option<User>,
}

/// A user of this machine, by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

/// Files that belong together, and what to know before they are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    pub files: Vec<DeployFile>,
    /// Sentences for people: what was assumed, how it is started.
    pub notes: Vec<String>,
    /// What clients give as `model` to the server that the files start.
    pub asked_as: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployFile {
    /// Without folders: `start.sh`, `compose.yaml`.
    pub name: String,
    pub executable: bool,
    pub text: String,
}

impl DeployFile {
    pub fn new(name: &str, text: String) -> DeployFile {
        DeployFile { name: name.to_owned(), executable: false, text }
    }

    pub fn script(name: &str, text: String) -> DeployFile {
        DeployFile { executable: true, ..DeployFile::new(name, text) }
    }
}
