//! `privacy`: what may leave the machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// `local-only`: models and engines may be fetched, prompts and answers never leave. `airgap`: nothing is fetched
    /// either.
    #[serde(default)]
    pub mode: PrivacyMode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline, extend("x-not-built-in-yet" = ["hybrid"]))]
pub enum PrivacyMode {
    Airgap,
    #[default]
    LocalOnly,
}
