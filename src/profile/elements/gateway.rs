//! `gateway`: the one endpoint that clients talk to.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EnvName, Listen, Timeout};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// Address and port; port 0 lets the system choose one. Beyond loopback, `api_keys` must name at least one key.
    #[serde(default)]
    pub listen: Listen,
    /// Keys that clients may send as `Authorization: Bearer KEY`; any one of them lets a request in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub api_keys: Vec<KeySource>,
    /// How long a request waits for its model to become ready, such as `60s`; then it is answered with 503.
    #[serde(default)]
    pub request_timeout: Timeout,
}

/// Where a key is kept. The key itself is never written in a profile: profiles are committed, copied and shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline, extend("x-secret" = true))]
pub enum KeySource {
    /// The environment variable that holds the key.
    Env(EnvName),
    /// The file that holds the key, on its first line. A relative path is relative to the profile's folder.
    File(#[schemars(with = "String", extend("format" = "path"))] PathBuf),
}
