//! Quantities with their units in the type.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number of bytes. In JSON facts it is a plain integer; people read and write it with a binary unit (`6GiB`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    pub const ZERO: Bytes = Bytes(0);
    pub const KIB: u64 = 1 << 10;
    pub const MIB: u64 = 1 << 20;
    pub const GIB: u64 = 1 << 30;
    pub const TIB: u64 = 1 << 40;

    pub const fn mib(n: u64) -> Bytes {
        Bytes(n * Bytes::MIB)
    }

    pub const fn gib(n: u64) -> Bytes {
        Bytes(n * Bytes::GIB)
    }

    pub fn checked_add(self, other: Bytes) -> Option<Bytes> {
        self.0.checked_add(other.0).map(Bytes)
    }

    pub fn saturating_sub(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_sub(other.0))
    }

    /// `share` of these bytes, rounded down; `share` is clamped to 0..=1.
    pub fn fraction(self, share: f64) -> Bytes {
        Bytes((self.0 as f64 * share.clamp(0.0, 1.0)) as u64)
    }
}

impl Add for Bytes {
    type Output = Bytes;
    /// Saturates: a sum of memory that overflows u64 fits nowhere anyway, and must not wrap into something that does.
    fn add(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_add(other.0))
    }
}

impl Sub for Bytes {
    type Output = Bytes;
    fn sub(self, other: Bytes) -> Bytes {
        self.saturating_sub(other)
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Bytes>>(items: I) -> Bytes {
        items.fold(Bytes::ZERO, Add::add)
    }
}

/// `512 B`, `93.8 MiB`, `16.0 GiB`: three significant figures at most, binary units.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            n if n >= Bytes::TIB => (Bytes::TIB, "TiB"),
            n if n >= Bytes::GIB => (Bytes::GIB, "GiB"),
            n if n >= Bytes::MIB => (Bytes::MIB, "MiB"),
            n if n >= Bytes::KIB => (Bytes::KIB, "KiB"),
            n => return f.pad(&format!("{n} B")),
        };
        let value = self.0 as f64 / unit as f64;
        let text = if value >= 100.0 { format!("{value:.0} {name}") } else { format!("{value:.1} {name}") };
        f.pad(&text)
    }
}

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    #[error("a size needs a unit, such as `{0}MiB` or `{0}GiB`")]
    NoUnit(String),
    #[error("unknown unit `{0}` (known: B, KiB, MiB, GiB, TiB, kB, MB, GB, TB)")]
    Unit(String),
    #[error("`{0}` is no number")]
    Number(String),
    #[error("larger than 2^64 bytes")]
    TooLarge,
}

/// Reads `6GiB`, `512 MiB`, `1.5GB`, `64B`. A bare number is refused: its unit would be a guess.
impl FromStr for Bytes {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Bytes, SizeError> {
        let text = text.trim();
        let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = (text[..split].trim(), text[split..].trim());
        let value: f64 = number.parse().map_err(|_| SizeError::Number(number.to_owned()))?;
        if !value.is_finite() || value < 0.0 {
            return Err(SizeError::Number(number.to_owned()));
        }
        let scale = match unit {
            "" => return Err(SizeError::NoUnit(number.to_owned())),
            "B" => 1,
            "KiB" => Bytes::KIB,
            "MiB" => Bytes::MIB,
            "GiB" => Bytes::GIB,
            "TiB" => Bytes::TIB,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            other => return Err(SizeError::Unit(other.to_owned())),
        };
        let bytes = value * scale as f64;
        if bytes >= u64::MAX as f64 { Err(SizeError::TooLarge) } else { Ok(Bytes(bytes as u64)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_unit_and_refused_without() {
        assert_eq!("6GiB".parse(), Ok(Bytes::gib(6)));
        assert_eq!("1.5 GB".parse(), Ok(Bytes(1_500_000_000)));
        assert_eq!("512".parse::<Bytes>(), Err(SizeError::NoUnit("512".into())));
        assert_eq!("5 gigs".parse::<Bytes>(), Err(SizeError::Unit("gigs".into())));
        assert!("GiB".parse::<Bytes>().is_err());
        assert!("1e30TiB".parse::<Bytes>().is_err());
    }

    #[test]
    fn sums_saturate_instead_of_wrapping() {
        assert_eq!(Bytes(u64::MAX) + Bytes(1), Bytes(u64::MAX));
        assert_eq!(Bytes(98_362_432).to_string(), "93.8 MiB");
    }
}
