//! The id of a model: the key in `models`, and what clients send as `"model"`.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::text_value;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = "model-id"))]
pub struct ModelId(String);

text_value!(ModelId);

/// Ids appear in URLs, metric labels and log lines: nothing may need quoting there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a model id has 1 to 128 letters, digits, `.`, `_`, `:`, `/` or `-`")]
pub struct ModelIdError;

impl ModelId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ModelId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelId {
    type Err = ModelIdError;

    fn from_str(text: &str) -> Result<ModelId, ModelIdError> {
        let fits = (1..=128).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:/-".contains(c));
        if fits { Ok(ModelId(text.to_owned())) } else { Err(ModelIdError) }
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
