//! `budget`: how much of the machine may be used.

use std::fmt;
use std::str::FromStr;

use edgeorch_engines::Bytes;
use edgeorch_engines::contract::units::SizeError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Size;
use super::text::text_value;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Memory that all models together may take: a share of the machine's (`85%`) or a size (`6GiB`).
    #[serde(default)]
    pub memory: MemoryBudget,
    /// What one model may take on the disk: its weights, and its `disk_cache`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Size")]
    pub disk: Option<Size>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("format" = "size-or-share"))]
pub enum MemoryBudget {
    Share(Share),
    Size(Size),
}

text_value!(MemoryBudget);

impl MemoryBudget {
    /// The budget in bytes on a machine, or in a container, that could give `ceiling` at most.
    pub fn of(self, ceiling: Bytes) -> Bytes {
        match self {
            MemoryBudget::Share(share) => ceiling.fraction(f64::from(share.percent()) / 100.0),
            MemoryBudget::Size(Size(bytes)) => bytes.min(ceiling),
        }
    }
}

/// 85 %: the rest is for the kernel, other programs, and what a plan could not foresee.
impl Default for MemoryBudget {
    fn default() -> MemoryBudget {
        MemoryBudget::Share(Share(85))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoryBudgetError {
    #[error(transparent)]
    Share(#[from] ShareError),
    #[error(transparent)]
    Size(#[from] SizeError),
    #[error("a memory budget needs a unit, such as `{0}%` or `{0}GiB`")]
    NoUnit(String),
    #[error("a budget of nothing holds no model")]
    Zero,
}

impl FromStr for MemoryBudget {
    type Err = MemoryBudgetError;

    fn from_str(text: &str) -> Result<MemoryBudget, MemoryBudgetError> {
        if text.trim_end().ends_with('%') {
            return Ok(MemoryBudget::Share(text.parse()?));
        }
        match text.parse() {
            Ok(Size(Bytes::ZERO)) => Err(MemoryBudgetError::Zero),
            Ok(size) => Ok(MemoryBudget::Size(size)),
            Err(SizeError::NoUnit(number)) => Err(MemoryBudgetError::NoUnit(number)),
            Err(error) => Err(error.into()),
        }
    }
}

impl fmt::Display for MemoryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryBudget::Share(share) => share.fmt(f),
            MemoryBudget::Size(size) => size.fmt(f),
        }
    }
}

/// A whole number of percent, 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u8);

impl Share {
    pub fn percent(self) -> u8 {
        self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share is a whole number of percent from 1% to 100%")]
pub struct ShareError;

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Share, ShareError> {
        let number = text.trim().strip_suffix('%').ok_or(ShareError)?;
        match number.trim().parse() {
            Ok(percent @ 1..=100) => Ok(Share(percent)),
            _ => Err(ShareError),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", self.0))
    }
}
