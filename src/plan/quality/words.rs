//! A loss in words, the same wherever it is shown.

use super::lookup::{How, Loss};
use super::tables::Measure;

impl Loss {
    /// `Q6_K: 0 to 30 % more perplexity`, and what it was compared with where that is no file without loss.
    pub fn words(&self) -> String {
        let against = self.against.iter().map(|other| format!(", compared with {other} only"));
        format!("{}: {}{}", self.quants.join(" or "), self.cost(), against.collect::<String>())
    }

    fn cost(&self) -> String {
        let (unit, of) = match self.measure {
            Measure::Perplexity => (" %", "more perplexity"),
            Measure::Score => (" %", "of the task scores lost"),
            Measure::TopToken => (" %", "of the likeliest tokens changed"),
            Measure::Answers => (" %", "of the answers changed"),
            Measure::Kld => ("", "mean KL divergence"),
            Measure::KldP99 => ("", "KL divergence of the worst hundredth"),
        };
        let digits = if self.how == How::ThisModel { 2 } else { 1 };
        // What has grown tenfold is broken: by how much tells nobody anything.
        const BROKEN: f64 = 1000.0;
        if self.measure == Measure::Perplexity && self.low > BROKEN {
            return format!("more than {BROKEN}{unit} {of}");
        }
        let low = rounded(self.low.max(0.0), digits, f64::floor);
        match self.high {
            high if self.measure == Measure::Perplexity && high > BROKEN => {
                format!("{low} to more than {BROKEN}{unit} {of}")
            }
            high => format!("{low} to {}{unit} {of}", rounded(high.max(0.0), digits, f64::ceil)),
        }
    }
}

/// With so many significant digits, rounded away from the middle of the band.
fn rounded(value: f64, digits: i32, round: fn(f64) -> f64) -> String {
    if value <= 0.0 {
        return "0".to_owned();
    }
    let places = digits - 1 - value.log10().floor() as i32;
    let scale = 10_f64.powi(places);
    // What is round already must not be moved by the last bit of a float.
    let steps = value * scale;
    let steps = if (steps - steps.round()).abs() < 1e-9 { steps.round() } else { round(steps) };
    format!("{:.*}", usize::try_from(places).unwrap_or(0), steps / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_never_narrows_a_band() {
        assert_eq!(rounded(2.33, 1, f64::floor), "2");
        assert_eq!(rounded(2.33, 1, f64::ceil), "3");
        assert_eq!(rounded(0.0123, 2, f64::floor), "0.012");
        assert_eq!(rounded(0.3, 1, f64::ceil), "0.3");
        assert_eq!(rounded(123.4, 2, f64::ceil), "130");
        assert_eq!(rounded(0.0, 2, f64::floor), "0");
    }
}
