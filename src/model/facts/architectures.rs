//! Which architectures keep their keys and values in a way that can be added up, as data.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// How one `general.architecture` fills the key-value cache.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Architecture {
    pub(super) attention: Pattern,
    #[serde(default)]
    pub(super) cached: Cached,
    /// Where in llama.cpp's source this was read.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table, and checked by a test"))]
    pub(super) source: String,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Pattern {
    /// Every layer sees the whole context.
    Full,
    /// Some layers see only the last tokens.
    Sliding {
        /// Every n-th layer is full, where the file brings no pattern of its own; without it, the file must.
        #[serde(default)]
        full_every: Option<u64>,
        /// Whether the full layer comes first among the n, not last.
        #[serde(default)]
        full_first: bool,
        /// Tokens of the window where the file does not say.
        #[serde(default)]
        window: Option<u64>,
        /// Whether a file without a window means full attention.
        #[serde(default)]
        optional: bool,
    },
}

/// Which layers have a cache of their own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Cached {
    #[default]
    All,
    /// Encoders see their whole input at once and keep nothing.
    None,
    /// The first so many layers; the others use theirs.
    First(u64),
    /// All but the last ones; the key of this name says how many.
    AllBut(String),
}

#[expect(clippy::expect_used, reason = "the table is compiled in, and a test reads it")]
static TABLE: LazyLock<BTreeMap<String, Architecture>> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("../architectures.yaml")).expect("architectures.yaml is well-formed")
});

pub(super) fn find(name: &str) -> Option<&'static Architecture> {
    TABLE.get(name)
}

#[cfg(test)]
pub(super) fn all() -> &'static BTreeMap<String, Architecture> {
    &TABLE
}
