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

    /// What this file said when it was first read. Two probes that read it at different moments must agree, or the audit of
    /// the capture would tell other facts.
    pub fn first(&self, path: &str, bytes: Vec<u8>) -> Vec<u8> {
        let mut tree = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Node::File(known)) = tree.get(path) {
            return known;
        }
        tree.put(path, Node::File(bytes.clone()));
        bytes
    }

    pub fn tree(&self) -> Tree {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
