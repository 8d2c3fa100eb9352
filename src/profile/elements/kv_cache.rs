//! `kv_cache`: the number types in which keys and values are kept.

use edgeorch_engines::KvType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KvCache {
    /// The type of the keys.
    #[serde(default)]
    pub key: KvType,
    /// The type of the values.
    #[serde(default)]
    pub value: KvType,
}
