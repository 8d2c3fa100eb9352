//! The profile itself: the outermost keys.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Budget, Gateway, Metadata, ModelId, ModelSpec, Privacy};

/// What one machine is to serve: which models, within which budget, at which address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-not-built-in-yet" = ["extends", "swap"]))]
pub struct Profile {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// The kind of document.
    pub kind: Kind,
    /// What this profile is called.
    pub metadata: Metadata,
    /// What may leave the machine.
    #[serde(default)]
    pub privacy: Privacy,
    /// The models to serve, by the id that clients ask for.
    #[schemars(extend("minProperties" = 1, "propertyNames" = {"format": "model-id"}))]
    pub models: BTreeMap<ModelId, ModelSpec>,
    /// How much of the machine may be used.
    #[serde(default)]
    pub budget: Budget,
    /// Where clients connect.
    #[serde(default)]
    pub gateway: Gateway,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ApiVersion {
    #[serde(rename = "edgeorch/v1")]
    V1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Kind {
    Profile,
}
