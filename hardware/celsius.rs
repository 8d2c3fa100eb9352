//! Temperatures as Linux writes them: thousandths of a degree Celsius.

/// Kernel and firmware write −274 000, −273 200 or 2³¹−1 where they mean "none"; no sensor of a working machine is outside of
/// these bounds.
const PLAUSIBLE: std::ops::RangeInclusive<i64> = -55_000..=200_000;

/// `47450\n` → 47.5. Rounded to a tenth: no sensor is better.
pub fn milli(text: &str) -> Option<f64> {
    let value: i64 = text.trim().parse().ok()?;
    PLAUSIBLE.contains(&value).then(|| (value as f64 / 100.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_none_is_none() {
        assert_eq!(milli("47450\n"), Some(47.5));
        assert_eq!(milli("-5000"), Some(-5.0));
        for none in ["-274000", "-273200", "2147483647", "", "N/A", "47.4", "99999999999999999999"] {
            assert_eq!(milli(none), None, "{none}");
        }
    }
}
