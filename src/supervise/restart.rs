//! When a failed instance is started again: at once, later, or not by itself. Pure.

use std::time::{Duration, Instant};

use edgeorch_engines::Cause;

/// The failures in a row of one instance.
#[derive(Clone, Debug, Default)]
pub struct Restart {
    failures: u32,
    last_start: Option<Instant>,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Again {
        at: Instant,
    },
    /// The breaker is open: requests are refused instead of queued, and one start is tried at `until`.
    Open {
        until: Instant,
    },
    /// The same start would fail again.
    GiveUp,
}

impl Restart {
    /// The first restart comes fast: most crashes are single, and requests wait for it.
    const FIRST: Duration = Duration::from_millis(200);
    const LONGEST: Duration = Duration::from_secs(30);
    /// Failures in a row before the breaker opens.
    const BREAKER: u32 = 5;
    /// Between tries while the breaker is open.
    const REST: Duration = Duration::from_secs(300);
    /// An instance that ran this long was well: its next failure is a first one.
    const WELL: Duration = Duration::from_secs(60);

    pub fn started(&mut self, now: Instant) {
        self.last_start = Some(now);
    }

    pub fn failed(&mut self, cause: Cause, now: Instant) -> Verdict {
        if !cause.is_retryable() {
            return Verdict::GiveUp;
        }
        if self.last_start.is_some_and(|start| now.duration_since(start) >= Restart::WELL) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= Restart::BREAKER {
            return Verdict::Open { until: now + Restart::REST };
        }
        let delay = Restart::FIRST * 4u32.pow(self.failures - 1);
        Verdict::Again { at: now + delay.min(Restart::LONGEST) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_wait_longer_and_longer_until_the_breaker_opens() {
        let now = Instant::now();
        let mut restart = Restart::default();
        let mut waits = Vec::new();
        for _ in 0..4 {
            restart.started(now);
            let Verdict::Again { at } = restart.failed(Cause::Crash, now) else { panic!("too early") };
            waits.push((at - now).as_millis());
        }
        assert_eq!(waits, [200, 800, 3200, 12800]);
        assert_eq!(restart.failed(Cause::Crash, now), Verdict::Open { until: now + Restart::REST });
        // Half open: the next failure keeps it open.
        let later = now + Restart::REST;
        restart.started(later);
        assert_eq!(restart.failed(Cause::Crash, later), Verdict::Open { until: later + Restart::REST });
    }

    #[test]
    fn a_long_good_run_forgives() {
        let now = Instant::now();
        let mut restart = Restart::default();
        for _ in 0..6 {
            restart.started(now);
            restart.failed(Cause::Crash, now);
        }
        restart.started(now);
        let later = now + Restart::WELL;
        assert_eq!(restart.failed(Cause::Killed, later), Verdict::Again { at: later + Restart::FIRST });
    }

    #[test]
    fn what_would_fail_again_is_not_tried_again() {
        for cause in
            [Cause::Config, Cause::Model, Cause::OutOfMemory, Cause::IllegalInstruction, Cause::NotRunnable]
        {
            assert_eq!(Restart::default().failed(cause, Instant::now()), Verdict::GiveUp, "{cause:?}");
        }
    }
}
