//! Where the probes look: this machine, a folder that holds another one's `/proc`, `/sys` and `/etc`, or a capture.
//!
//! A probe asks a [`Root`] for the text of a file, the names in a folder, where a link points, what a command prints, or an
//! answer that is none of these (a library call, a measurement). On the live machine that is done; in a captured one it is
//! looked up. A root that [records](Root::recording) keeps everything that was asked, which is what makes a capture: the
//! same probes then find the same facts in it.
//!
//! Reading is bounded and can't block: what lies at a path may be a FIFO, a device or a file without end.

mod command;
mod error;
mod files;
mod record;
mod run;
mod tree;

use std::path::PathBuf;
use std::sync::Arc;

use edgeorch_engines::contract::OsFamily;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use command::Command;
pub use error::{AnswerError, ReadError, RunError, shown};
pub use tree::{Node, Tree};

use record::Recorder;

/// A machine to audit. Cheap to clone: probes in several threads share one.
#[derive(Clone, Debug)]
pub struct Root {
    place: Place,
    recorder: Option<Arc<Recorder>>,
}

#[derive(Clone, Debug)]
enum Place {
    Live,
    Folder(PathBuf),
    Tree(Arc<Tree>),
}

impl Root {
    /// The most that is read of one file or of one command. `/proc/cpuinfo` has about 1.5 KiB per hardware thread, so this
    /// is enough for 8,192 of them, and for any C library.
    pub const READ_LIMIT: u64 = 16 << 20;

    /// This machine.
    pub fn live() -> Root {
        Root { place: Place::Live, recorder: None }
    }

    /// A folder with another machine's files. Links in it lead nowhere outside.
    pub fn at(folder: impl Into<PathBuf>) -> Root {
        Root { place: Place::Folder(folder.into()), recorder: None }
    }

    /// A captured machine.
    pub fn of(tree: Tree) -> Root {
        Root { place: Place::Tree(Arc::new(tree)), recorder: None }
    }

    /// This machine, with everything that the probes ask kept for [`Root::recorded`].
    pub fn recording() -> Root {
        let recorder = Recorder::default();
        recorder.keep(tree::PLATFORM, Node::File(native().name().into()));
        Root { place: Place::Live, recorder: Some(Arc::new(recorder)) }
    }

    /// What was asked so far; empty if this root does not record.
    pub fn recorded(&self) -> Tree {
        self.recorder.as_ref().map(|recorder| recorder.tree()).unwrap_or_default()
    }

    /// Whether this is the running machine.
    pub fn is_live(&self) -> bool {
        matches!(self.place, Place::Live)
    }

    /// Which system's interfaces to ask. A folder that doesn't say is Linux's: no other has its facts in files.
    pub fn platform(&self) -> OsFamily {
        if self.is_live() {
            return native();
        }
        let named = self.read(tree::PLATFORM).ok();
        named.and_then(|name| OsFamily::by_name(name.trim())).unwrap_or(OsFamily::Linux)
    }

    /// The text of a file such as `proc/meminfo`. Bytes that are no UTF-8 become U+FFFD: one broken line must not hide
    /// the others.
    pub fn read(&self, path: &str) -> Result<String, ReadError> {
        self.read_bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What a command prints on its standard output, if it ends well within [`run::LIMIT`].
    pub fn run(&self, command: &Command) -> Result<String, RunError> {
        if !self.is_live() {
            return self.replay(command);
        }
        let printed = run::run(command);
        if let Some(recorder) = &self.recorder {
            match &printed {
                Ok(text) => recorder.keep(&tree::command(&command.name), Node::File(text.clone().into())),
                Err(error) => recorder.keep(&tree::failure(&command.name), Node::File(json(error))),
            }
        }
        printed
    }

    fn replay(&self, command: &Command) -> Result<String, RunError> {
        match (self.read(&tree::command(&command.name)), self.read(&tree::failure(&command.name))) {
            (Ok(text), _) => Ok(text),
            (Err(_), Ok(failure)) => {
                Err(serde_json::from_str(&failure).unwrap_or(RunError::Captured { text: failure }))
            }
            _ => Err(RunError::NotFound { program: command.program.to_string() }),
        }
    }

    /// An answer that comes neither from a file nor from a command. `ask` is called on the live machine only; a captured
    /// one has the answer under `name`, or none.
    pub fn answer<T>(&self, name: &str, ask: impl FnOnce() -> T) -> Result<T, AnswerError>
    where
        T: Serialize + DeserializeOwned,
    {
        let path = tree::answer(name);
        if self.is_live() {
            let answer = ask();
            if let Some(recorder) = &self.recorder {
                recorder.keep(&path, Node::File(json(&answer)));
            }
            return Ok(answer);
        }
        let text = self.read(&path).map_err(|_| AnswerError::Missing { name: name.to_owned() })?;
        serde_json::from_str(&text).map_err(|source| AnswerError::Malformed { name: name.to_owned(), source })
    }

    /// Like [`Root::answer`], for what is worked out of files too large to keep, such as a C library: a captured machine
    /// without the answer is asked as the live one is.
    pub fn derived<T>(&self, name: &str, derive: impl FnOnce(&Root) -> T) -> T
    where
        T: Serialize + DeserializeOwned,
    {
        let silent = Root { place: self.place.clone(), recorder: None };
        if self.is_live() {
            let answer = derive(&silent);
            if let Some(recorder) = &self.recorder {
                recorder.keep(&tree::answer(name), Node::File(json(&answer)));
            }
            return answer;
        }
        let kept = self.read(&tree::answer(name)).ok().and_then(|text| serde_json::from_str(&text).ok());
        kept.unwrap_or_else(|| derive(&silent))
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap_or_default()
}

/// The system that this program was built for.
fn native() -> OsFamily {
    OsFamily::by_name(std::env::consts::OS).unwrap_or(OsFamily::Linux)
}

#[cfg(test)]
mod tests;
