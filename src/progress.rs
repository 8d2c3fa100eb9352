//! How long work tells how far it is: one [`Progress`] per task, reported to from async code.
//!
//! Everything goes to stderr, so that stdout stays what a program may read. A terminal gets a bar; anything else
//! (a log, a pipe) gets a line at the start and one at the end, because a bar in a log is noise.

mod bar;
mod meter;

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

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
    /// What is being waited for, or went wrong and is tried again.
    fn message(&self, text: &str);
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
    fn message(&self, _text: &str) {}
    fn finished(&self) {}
}

/// One line at the start, one at the end, one for each message: for logs and pipes.
pub struct Lines {
    state: Mutex<LinesState>,
}

struct LinesState {
    out: Box<dyn Write + Send>,
    name: String,
    done: Bytes,
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
        Lines { state: Mutex::new(LinesState { out, name: String::new(), done: Bytes::ZERO }) }
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
            state.done = Bytes::ZERO;
            match total {
                Some(total) => state.line(&format!("{name}: {total} to go")),
                None => state.line(&format!("{name}: started")),
            }
        });
    }

    fn sized(&self, _total: Bytes) {}

    fn advanced(&self, done: Bytes) {
        self.with(|state| state.done = done);
    }

    fn message(&self, text: &str) {
        self.with(|state| {
            let line = format!("{}: {text}", state.name);
            state.line(&line);
        });
    }

    fn finished(&self) {
        self.with(|state| {
            let line = format!("{}: done, {}", state.name, state.done);
            state.line(&line);
        });
    }
}

#[cfg(test)]
mod tests;
