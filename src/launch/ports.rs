//! Which port the next child gets. Ports are assigned and never defaulted; the kernel picks a free one.
//!
//! Between the release here and the child's own bind somebody else may take it: that is rare, the child says so,
//! and the answer is another launch with another port (`Cause::PortTaken`).

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// How many assignments are remembered. A port that comes back at once could be answered by a child that is still
/// on its way out.
const REMEMBERED: usize = 100;

#[derive(Debug, Default)]
pub struct Ports {
    recent: Mutex<VecDeque<u16>>,
}

impl Ports {
    pub fn new() -> Ports {
        Ports::default()
    }

    /// A loopback port that was free a moment ago and is none of the last hundred that were given.
    pub fn assign(&self) -> io::Result<u16> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        // Refused candidates stay bound until the end, or the kernel could offer the same one again.
        let mut refused = Vec::new();
        loop {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            if recent.contains(&port) {
                refused.push(listener);
                continue;
            }
            if recent.len() == REMEMBERED {
                recent.pop_front();
            }
            recent.push_back(port);
            return Ok(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_hundred_assignments_never_repeat_a_port() {
        let ports = Ports::new();
        let given: BTreeSet<u16> = (0..REMEMBERED).map(|_| ports.assign().unwrap()).collect();
        assert_eq!(given.len(), REMEMBERED);
    }

    #[test]
    fn an_assigned_port_can_be_bound() {
        let port = Ports::new().assign().unwrap();
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
