//! A time to wait: text with a unit (`60s`, `5m`), 1 second to 24 hours.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::text_value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("format" = "duration"))]
pub struct Timeout(Duration);

text_value!(Timeout);

impl Timeout {
    pub fn duration(self) -> Duration {
        self.0
    }
}

/// One minute: about the patience of HTTP clients and proxies in their default settings.
impl Default for Timeout {
    fn default() -> Timeout {
        Timeout(Duration::from_secs(60))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeoutError {
    #[error("a time needs a unit, such as `{0}s` or `{0}m`")]
    NoUnit(String),
    #[error("a time is a number with a unit, such as `90s`, `5m` or `1h 30m`")]
    Grammar,
    #[error("a time to wait is from 1s to 24h")]
    Bounds,
}

impl FromStr for Timeout {
    type Err = TimeoutError;

    fn from_str(text: &str) -> Result<Timeout, TimeoutError> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(TimeoutError::NoUnit(text.to_owned()));
        }
        let duration = humantime::parse_duration(text).map_err(|_| TimeoutError::Grammar)?;
        let bounds = Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);
        if bounds.contains(&duration) { Ok(Timeout(duration)) } else { Err(TimeoutError::Bounds) }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}
