//! `engine`: which engine serves a model. Which names exist is the engines package's knowledge: `load` is told.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::text_value;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, with = "String", extend("format" = "engine"))]
pub enum EngineChoice {
    /// The first engine that reads the model's format and suits this machine.
    #[default]
    Auto,
    /// An engine's id, such as `llama.cpp`.
    Named(String),
}

text_value!(EngineChoice);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an engine is `auto` or an engine's id, such as `llama.cpp`")]
pub struct EngineNameError;

impl FromStr for EngineChoice {
    type Err = EngineNameError;

    fn from_str(text: &str) -> Result<EngineChoice, EngineNameError> {
        match text {
            "" => Err(EngineNameError),
            "auto" => Ok(EngineChoice::Auto),
            id => Ok(EngineChoice::Named(id.to_owned())),
        }
    }
}

impl fmt::Display for EngineChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineChoice::Auto => f.pad("auto"),
            EngineChoice::Named(id) => f.pad(id),
        }
    }
}
