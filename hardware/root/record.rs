//! What a recording root keeps: every node that a probe looked at.

use std::sync::{Mutex, PoisonError};

use super::{Node, Tree};

#[derive(Debug, Default)]
pub struct Recorder(Mutex<Tree>);

impl Recorder {
    pub fn keep(&self, path: &str, node: Node) {
        // A probe that panicked left whole nodes: the map is never seen half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(path, node);
    }

    pub fn tree(&self) -> Tree {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
