//! Samples of one quantity, and how they are printed: the median with the smallest and the largest, because a handful
//! of rounds has no percentiles worth the name.

use std::time::Duration;

/// Milliseconds.
#[derive(Debug, Default)]
pub struct Series(Vec<f64>);

impl Series {
    pub fn push(&mut self, sample: Duration) {
        self.push_millis(sample.as_secs_f64() * 1000.0);
    }

    /// Differences may be negative.
    pub fn push_millis(&mut self, sample: f64) {
        self.0.push(sample);
        self.0.sort_unstable_by(f64::total_cmp);
    }

    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// One line; `note` says what it should be.
    pub fn print(&self, what: &str, note: &str) {
        let (least, most) = (self.0.first().unwrap_or(&f64::NAN), self.0.last().unwrap_or(&f64::NAN));
        let line = format!("  {what:<46} {:8.1} ms  ({least:.1} to {most:.1})  {note}", self.median());
        println!("{}", line.trim_end());
    }
}

/// A heading that says how often.
pub fn heading(what: &str, rounds: usize) {
    println!("\n{what}  (median of {rounds} rounds, smallest to largest)");
}
