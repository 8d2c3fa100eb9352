//! How long work tells how far it is: one [`Progress`] per task, reported to from async code.
//!
//! Everything goes to stderr, so that stdout stays what a program may read. A terminal gets a bar; anything else
//! (a log, a pipe) gets a line at the start, one at the end and few between, because a bar in a log is noise.

mod bar;
mod meter;

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Instant;

use edgeorch_engines::Bytes;

pub use bar::Bar;
pub use meter::{Cancelled, Meter, metered};

/// Where one task tells how far it is. Calls come in this order: `started`, any of the others, `finished`;
/// a task that fails or is dropped never calls `finished`.
pub trait Progress: Send + Sync {
    /// Work on `name` begins; `total` is how much there is to do, where that is known already.
    fn started(&self, name: &str, total: Option<Bytes>);
    /// The total became known, or changed.
    fn sized(&self, total: Bytes);
    /// Bytes done since `started`, all together.
    fn advanced(&self, done: Bytes);
    /// How much of work that has no bytes is done, of 100.
    fn reached(&self, percent: u8);
    /// What is being waited for, or went wrong and is tried again.
    fn message(&self, text: &str);
    /// Something to be read later too: a line that stays. It may come at any time, also without a task.
    fn note(&self, text: &str);
    fn finished(&self);
}

/// A bar where stderr is a terminal, else lines.
pub fn on_stderr() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal() { Box::new(Bar::default()) } else { Box::new(Lines::on_stderr()) }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _name: &str, _total: Option<Bytes>) {}
    fn sized(&self, _total: Bytes) {}
    fn advanced(&self, _done: Bytes) {}
    fn reached(&self, _percent: u8) {}
    fn message(&self, _text: &str) {}
    fn note(&self, _text: &str) {}
    fn finished(&self) {}
}

/// A log of an hour's work stays readable: one line for so many percent.
const STEP: u8 = 10;

/// One line at the start, one at the end, one for each message and each tenth: for logs and pipes.
pub struct Lines {
    state: Mutex<LinesState>,
}

struct LinesState {
    out: Box<dyn Write + Send>,
    name: String,
    done: Done,
    since: Instant,
}

/// What a task counts by.
#[derive(Clone, Copy)]
enum Done {
    Bytes(Bytes),
    Percent(u8),
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lines")
    }
}

impl Lines {
    pub fn on_stderr() -> Lines {
        Lines::to(Box::new(std::io::stderr()))
    }

    pub fn to(out: Box<dyn Write + Send>) -> Lines {
        let (name, done) = (String::new(), Done::Bytes(Bytes::ZERO));
        Lines { state: Mutex::new(LinesState { out, name, done, since: Instant::now() }) }
    }

    fn with(&self, act: impl FnOnce(&mut LinesState)) {
        // A poisoned lock means that another reporter panicked while printing: the text is still fine to use.
        act(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl LinesState {
    fn line(&mut self, text: &str) {
        // Nobody is left to tell that stderr is closed, and the work itself is not hurt by it.
        let _ = writeln!(self.out, "{text}");
    }
}

impl Progress for Lines {
    fn started(&self, name: &str, total: Option<Bytes>) {
        self.with(|state| {
            state.name = name.to_owned();
            state.done = Done::Bytes(Bytes::ZERO);
            state.since = Instant::now();
            match total {
                Some(total) => state.line(&format!("{name}: {total} to go")),
                None => state.line(&format!("{name}: started")),
            }
        });
    }

    fn sized(&self, _total: Bytes) {}

    fn advanced(&self, done: Bytes) {
        self.with(|state| state.done = Done::Bytes(done));
    }

    fn reached(&self, percent: u8) {
        self.with(|state| {
            let before = if let Done::Percent(before) = state.done { before } else { 0 };
            state.done = Done::Percent(percent.max(before));
            // 100 % is what `finished` says.
            if percent / STEP > before / STEP && percent < 100 {
                let line = format!("{}: {} %", state.name, percent / STEP * STEP);
                state.line(&line);
            }
        });
    }

    fn message(&self, text: &str) {
        self.with(|state| {
            let line =
                if state.name.is_empty() { text.to_owned() } else { format!("{}: {text}", state.name) };
            state.line(&line);
        });
    }

    fn note(&self, text: &str) {
        self.with(|state| state.line(text));
    }

    fn finished(&self) {
        self.with(|state| {
            let line = match state.done {
                Done::Bytes(done) => format!("{}: done, {done}", state.name),
                Done::Percent(_) => {
                    format!("{}: done in {:.0} s", state.name, state.since.elapsed().as_secs_f64())
                }
            };
            state.line(&line);
            state.name.clear();
        });
    }
}

#[cfg(test)]
mod tests;
