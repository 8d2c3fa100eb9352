//! The life of one instance, as a pure state machine: events and the time go in, actions come out.
//!
//! ```text
//!            Want          Prepared          Answered         Proven
//!   Absent ───────▶ Fetching ─────▶ Starting ───────▶ Probing ───────▶ Ready
//!     ▲                │               │  ▲              │               │ Stop
//!     │                │ Unprepared    │  │ Deadline     │ Exited,       ▼
//!     │                ▼               ▼  │              ▼ Refuted    Draining
//!     │             Failed ◀──────── Backoff ◀───────────┘               │ Drained, Deadline
//!     │                └──────Deadline─────▲                             ▼
//!     └────────────────────────────────────┴──────────────────────── Stopping
//! ```
//!
//! A child that has ended, or was ended, is always swept (its whole group verified to be gone) before the next state
//! is entered: that is [`State::Stopping`] with the place to go next. The gateway may route to [`State::Ready`] only.

use std::time::{Duration, Instant};

use edgeorch_engines::{Cause, StopRecipe};

use super::restart::{Restart, Verdict};

/// Where an instance is. Each state holds only what is true in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Absent,
    /// Engine and weights are being fetched, and the plan is being proven.
    Fetching,
    /// The child runs and has not answered yet.
    Starting {
        until: Instant,
    },
    /// It answers; it must still prove that it is ours and that a token comes out.
    Probing {
        until: Instant,
    },
    Ready,
    /// No new requests; those in flight may finish.
    Draining {
        until: Instant,
    },
    /// The child is asked to go, then made to go.
    Stopping {
        step: Step,
        until: Instant,
        next: Next,
    },
    /// It failed and is started again at `until`.
    Backoff {
        until: Instant,
        cause: Cause,
    },
    /// It is not served. With `retry`, another start is tried then; without, only a person can mend it.
    Failed {
        cause: Cause,
        retry: Option<Instant>,
    },
}

/// How far the stopping went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Term,
    SecondTerm,
    Kill,
}

/// What follows once the group is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Absent,
    /// Started again, after the delay that the restart policy gives.
    Restart(Cause),
}

/// What happens to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It shall run.
    Want,
    /// Everything is here and the plan is approved.
    Prepared,
    /// It can't be: fetching failed, or it does not fit.
    Unprepared(Cause),
    /// The child could not even be started.
    NotSpawned(Cause),
    /// The child made progress while starting: output, reading, memory.
    Progress,
    /// Its first readiness probe passed.
    Answered,
    /// All readiness probes passed.
    Proven,
    /// A probe failed for good.
    Refuted(Cause),
    /// It was healthy and no longer answers.
    Unhealthy,
    /// The child ended.
    Exited(Cause),
    /// It shall stop.
    Stop,
    /// It shall stop at once.
    Kill,
    /// The last request in flight has ended.
    Drained,
    /// The whole group is verified to be gone.
    Gone,
    /// The time in the state is over.
    Deadline,
}

/// What is to be done. The order within one answer matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Prepare,
    Spawn,
    /// Ask the readiness probes until they pass or fail.
    Probe,
    /// Watch the health of a ready engine.
    Watch,
    /// Stop probing and watching.
    Quiet,
    /// Tell when no request is in flight any more.
    Drain,
    Term,
    /// Kill the whole group and verify that it is gone: ends with [`Event::Gone`].
    Sweep,
    /// A restart, to be counted.
    Count(Cause),
}

/// How long things may take. Starting is bounded by progress, not by wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Without any progress while starting.
    pub stall: Duration,
    /// From the first answer to the first token.
    pub proof: Duration,
    /// For requests in flight when it shall stop.
    pub drain: Duration,
    pub stop: StopTimes,
}

/// A [`StopRecipe`], as the lifecycle needs it.
#[derive(Clone, Copy, Debug)]
pub struct StopTimes {
    pub term: Duration,
    pub second_term: Duration,
}

impl From<&StopRecipe> for StopTimes {
    fn from(recipe: &StopRecipe) -> StopTimes {
        StopTimes { term: recipe.term_grace, second_term: recipe.second_term_grace }
    }
}

impl Limits {
    /// Verifying a killed group; the kernel needs milliseconds, a process in uninterruptible I/O longer.
    const KILL: Duration = Duration::from_secs(10);
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // A model on a slow SD card still reads megabytes every second: a minute without any is a hang.
            stall: Duration::from_secs(60),
            proof: Duration::from_secs(180),
            drain: Duration::from_secs(30),
            stop: StopTimes { term: Duration::from_secs(2), second_term: Duration::from_secs(3) },
        }
    }
}

/// One instance's life.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    state: State,
    restart: Restart,
    limits: Limits,
}

impl Lifecycle {
    pub fn new(limits: Limits) -> Lifecycle {
        Lifecycle { state: State::Absent, restart: Restart::default(), limits }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// The engine's own stop times, known once it is planned.
    pub fn set_stop(&mut self, stop: StopTimes) {
        self.limits.stop = stop;
    }

    /// When [`Event::Deadline`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Starting { until }
            | State::Probing { until }
            | State::Draining { until }
            | State::Stopping { until, .. }
            | State::Backoff { until, .. } => Some(until),
            State::Failed { retry, .. } => retry,
            State::Absent | State::Fetching | State::Ready => None,
        }
    }

    /// The next state and what is to be done. An event that means nothing in a state changes nothing.
    pub fn on(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Kill => return self.kill(now),
            Event::Stop => return self.stop(now),
            _ => {}
        }
        match self.state.clone() {
            State::Absent => self.in_absent(event),
            State::Fetching => self.in_fetching(event, now),
            State::Starting { .. } => self.in_starting(event, now),
            State::Probing { until } => self.in_probing(event, until, now),
            State::Ready => self.in_ready(event, now),
            State::Draining { .. } => self.in_draining(event, now),
            State::Stopping { step, next, .. } => self.in_stopping(event, step, next, now),
            State::Backoff { .. } => self.in_backoff(event, now),
            State::Failed { .. } => self.in_failed(event, now),
        }
    }

    fn in_absent(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Want => self.go(State::Fetching, vec![Action::Prepare]),
            _ => vec![],
        }
    }

    fn in_fetching(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Prepared => self.spawn(now),
            Event::Unprepared(cause) => self.go(State::Failed { cause, retry: None }, vec![]),
            _ => vec![],
        }
    }

    fn in_starting(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Progress => self.go(State::Starting { until: now + self.limits.stall }, vec![]),
            Event::Answered => self.go(State::Probing { until: now + self.limits.proof }, vec![]),
            // A fast engine may pass everything between two looks.
            Event::Proven => self.ready(),
            Event::NotSpawned(cause) => self.after_failure(cause, now, vec![Action::Quiet]),
            Event::Deadline => self.sweep(Next::Restart(Cause::StartTimeout), now),
            Event::Refuted(cause) | Event::Exited(cause) => self.sweep(Next::Restart(cause), now),
            _ => vec![],
        }
    }

    fn in_probing(&mut self, event: Event, until: Instant, now: Instant) -> Vec<Action> {
        match event {
            Event::Proven => self.ready(),
            Event::Deadline if now >= until => self.sweep(Next::Restart(Cause::StartTimeout), now),
            Event::Refuted(cause) | Event::Exited(cause) => self.sweep(Next::Restart(cause), now),
            _ => vec![],
        }
    }

    fn ready(&mut self) -> Vec<Action> {
        self.go(State::Ready, vec![Action::Watch])
    }

    fn in_ready(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Exited(cause) => self.sweep(Next::Restart(cause), now),
            Event::Unhealthy => self.sweep(Next::Restart(Cause::Hang), now),
            _ => vec![],
        }
    }

    fn in_draining(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Drained | Event::Deadline => self.term(now),
            Event::Exited(_) => self.sweep(Next::Absent, now),
            _ => vec![],
        }
    }

    fn in_stopping(&mut self, event: Event, step: Step, next: Next, now: Instant) -> Vec<Action> {
        match (event, step) {
            (Event::Exited(_), Step::Term | Step::SecondTerm) => self.sweep(next, now),
            (Event::Deadline, Step::Term) => {
                let until = now + self.limits.stop.second_term;
                self.go(State::Stopping { step: Step::SecondTerm, until, next }, vec![Action::Term])
            }
            // Killing that did not help within its time is tried again: there is nothing stronger.
            (Event::Deadline, Step::SecondTerm | Step::Kill) => self.sweep(next, now),
            (Event::Gone, Step::Kill) => match next {
                Next::Absent => self.go(State::Absent, vec![]),
                Next::Restart(cause) => self.after_failure(cause, now, vec![]),
            },
            _ => vec![],
        }
    }

    fn in_backoff(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Deadline | Event::Want => self.spawn(now),
            _ => vec![],
        }
    }

    fn in_failed(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match (event, &self.state) {
            (Event::Deadline, State::Failed { retry: Some(_), .. }) => self.spawn(now),
            (Event::Want, _) => {
                self.restart = Restart::default();
                self.go(State::Fetching, vec![Action::Prepare])
            }
            _ => vec![],
        }
    }

    fn stop(&mut self, now: Instant) -> Vec<Action> {
        match self.state {
            State::Ready => {
                let until = now + self.limits.drain;
                self.go(State::Draining { until }, vec![Action::Quiet, Action::Drain])
            }
            // Nothing was routed to it yet, so there is nothing to drain.
            State::Starting { .. } | State::Probing { .. } => {
                let mut actions = vec![Action::Quiet];
                actions.extend(self.term(now));
                actions
            }
            State::Stopping { step, until, .. } => {
                self.go(State::Stopping { step, until, next: Next::Absent }, vec![])
            }
            State::Draining { .. } | State::Absent => vec![],
            State::Fetching | State::Backoff { .. } | State::Failed { .. } => self.go(State::Absent, vec![]),
        }
    }

    fn kill(&mut self, now: Instant) -> Vec<Action> {
        match self.state {
            State::Starting { .. } | State::Probing { .. } | State::Ready | State::Draining { .. } => {
                self.sweep(Next::Absent, now)
            }
            State::Stopping { step: Step::Kill, .. } | State::Absent => vec![],
            State::Stopping { .. } => self.sweep(Next::Absent, now),
            State::Fetching | State::Backoff { .. } | State::Failed { .. } => self.go(State::Absent, vec![]),
        }
    }

    fn spawn(&mut self, now: Instant) -> Vec<Action> {
        self.restart.started(now);
        self.go(State::Starting { until: now + self.limits.stall }, vec![Action::Spawn, Action::Probe])
    }

    fn term(&mut self, now: Instant) -> Vec<Action> {
        let until = now + self.limits.stop.term;
        self.go(State::Stopping { step: Step::Term, until, next: Next::Absent }, vec![Action::Term])
    }

    fn sweep(&mut self, next: Next, now: Instant) -> Vec<Action> {
        let until = now + Limits::KILL;
        self.go(State::Stopping { step: Step::Kill, until, next }, vec![Action::Quiet, Action::Sweep])
    }

    fn after_failure(&mut self, cause: Cause, now: Instant, mut actions: Vec<Action>) -> Vec<Action> {
        let state = match self.restart.failed(cause, now) {
            Verdict::Again { at } => State::Backoff { until: at, cause },
            Verdict::Open { until } => State::Failed { cause, retry: Some(until) },
            Verdict::GiveUp => State::Failed { cause, retry: None },
        };
        actions.push(Action::Count(cause));
        self.go(state, actions)
    }

    fn go(&mut self, state: State, actions: Vec<Action>) -> Vec<Action> {
        self.state = state;
        actions
    }
}

impl State {
    /// Every name that [`State::name`] can give: the label values of `edgeorch_instance_state`.
    pub const NAMES: [&str; 9] =
        ["absent", "fetching", "starting", "probing", "ready", "draining", "stopping", "backoff", "failed"];

    pub fn name(&self) -> &'static str {
        match self {
            State::Absent => "absent",
            State::Fetching => "fetching",
            State::Starting { .. } => "starting",
            State::Probing { .. } => "probing",
            State::Ready => "ready",
            State::Draining { .. } => "draining",
            State::Stopping { .. } => "stopping",
            State::Backoff { .. } => "backoff",
            State::Failed { .. } => "failed",
        }
    }
}

#[cfg(test)]
mod tests;
