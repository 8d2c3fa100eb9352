//! A probe that runs in its own thread and has a deadline: a driver or a network mount that hangs must not hang the audit.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::Root;

/// Longer than any command may take, shorter than a person's patience.
pub const LIMIT: Duration = Duration::from_secs(4);

pub struct Pending<T> {
    name: &'static str,
    limit: Duration,
    started: Instant,
    answer: Receiver<T>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("the probe of {name} did not answer within {seconds} s: a driver or a mount may hang")]
    Late { name: &'static str, seconds: u64 },
    #[error("the probe of {0} failed: this is a bug of edgeorch")]
    Panicked(&'static str),
}

impl<T: Send + 'static> Pending<T> {
    pub fn start(
        name: &'static str,
        root: &Root,
        limit: Duration,
        probe: impl FnOnce(&Root) -> T + Send + 'static,
    ) -> Pending<T> {
        let root = root.clone();
        let (sender, answer) = sync_channel(1);
        // Not joined: a thread that hangs in the kernel can't be ended, and leaves with the process.
        thread::spawn(move || sender.send(probe(&root)));
        Pending { name, limit, started: Instant::now(), answer }
    }

    pub fn finish(self) -> Result<T, NoAnswer> {
        let left = self.limit.saturating_sub(self.started.elapsed());
        self.answer.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => NoAnswer::Late { name: self.name, seconds: self.limit.as_secs() },
            RecvTimeoutError::Disconnected => NoAnswer::Panicked(self.name),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_hangs_is_told_by_name() {
        let (_keep, never) = sync_channel::<()>(1);
        let pending = Pending::start("spinning disks", &Root::live(), Duration::ZERO, move |_| {
            let _ = never.recv();
        });
        assert_eq!(pending.finish(), Err(NoAnswer::Late { name: "spinning disks", seconds: 0 }));
    }

    #[test]
    fn a_probe_that_panics_takes_nothing_else_down() {
        let pending = Pending::<u32>::start("broken things", &Root::live(), LIMIT, |_| panic!("on purpose"));
        assert_eq!(pending.finish(), Err(NoAnswer::Panicked("broken things")));
    }
}
