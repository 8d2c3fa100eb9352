//! The bar on a terminal: name, bytes, rate and time left, on one line of at most the terminal's width.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use edgeorch_engines::Bytes;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Progress;

const SIZED: &str =
    "{prefix} [{wide_bar}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} left";
const UNSIZED: &str = "{spinner} {prefix} {binary_bytes} {binary_bytes_per_sec} {wide_msg}";
/// Work without bytes: a build.
const COUNTED: &str = "{prefix} [{wide_bar}] {percent}% {elapsed}";
/// Longer names would leave no room for the bar in 80 columns.
const NAME_WIDTH: usize = 28;
const FULL: u64 = 100;

/// One bar; it is drawn by `started` and taken away by `finished`, or when it is dropped.
#[derive(Debug, Default)]
pub struct Bar {
    drawn: Mutex<Option<ProgressBar>>,
    /// The bar's position is a percentage, not a number of bytes.
    counts_percent: AtomicBool,
}

impl Bar {
    fn drawn(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(&self, act: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.drawn().as_ref() {
            act(bar);
        }
    }

    fn take(&self) -> Option<ProgressBar> {
        self.drawn().take()
    }

    fn replace(&self, bar: ProgressBar) {
        self.clear();
        *self.drawn() = Some(bar);
    }

    fn clear(&self) {
        if let Some(bar) = self.take() {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Bar {
    fn started(&self, name: &str, total: Option<Bytes>) {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_prefix(shortened(name));
        bar.set_style(style(UNSIZED));
        // The spinner must turn while nothing arrives: that is what it is for.
        bar.enable_steady_tick(Duration::from_millis(120));
        self.counts_percent.store(false, Relaxed);
        self.replace(bar);
        if let Some(total) = total {
            self.sized(total);
        }
    }

    fn sized(&self, total: Bytes) {
        self.with(|bar| {
            bar.set_length(total.0);
            bar.set_style(style(SIZED));
        });
    }

    fn advanced(&self, done: Bytes) {
        self.with(|bar| bar.set_position(done.0));
    }

    fn reached(&self, percent: u8) {
        self.with(|bar| {
            if !self.counts_percent.swap(true, Relaxed) {
                bar.set_length(FULL);
                bar.set_style(style(COUNTED));
            }
            bar.set_position(u64::from(percent));
        });
    }

    fn message(&self, text: &str) {
        match self.drawn().as_ref() {
            Some(bar) if bar.length().is_some() => bar.println(format!("{}: {text}", bar.prefix())),
            Some(bar) => bar.set_message(text.to_owned()),
            None => eprintln!("{text}"),
        }
    }

    fn note(&self, text: &str) {
        match self.drawn().as_ref() {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    fn finished(&self) {
        if let Some(bar) = self.take() {
            let (name, position, took) = (bar.prefix(), bar.position(), bar.elapsed().as_secs_f64());
            bar.finish_and_clear();
            match self.counts_percent.load(Relaxed) {
                true => eprintln!("{name}: done in {took:.0} s"),
                false => eprintln!("{name}: {} in {took:.1} s", Bytes(position)),
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The templates are constants, and a test builds each: the fallback is never taken.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_WIDTH {
        return name.to_owned();
    }
    let head: String = name.chars().take(NAME_WIDTH - 1).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_valid() {
        for template in [SIZED, UNSIZED, COUNTED] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_long_name_leaves_room_for_the_bar() {
        assert_eq!(shortened("SmolLM2-135M-Instruct.Q4_1.gguf").chars().count(), NAME_WIDTH);
        assert_eq!(shortened("short"), "short");
    }
}
