//! Tensor types and their block sizes, as data.

use std::sync::LazyLock;

use serde::Deserialize;

/// How the elements of a tensor are packed.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorType {
    /// ggml's number for it.
    pub id: u32,
    /// ggml's name for it, such as `Q4_K`.
    pub name: String,
    /// Elements in one block.
    pub block_elements: u64,
    /// Bytes of one block.
    pub block_bytes: u64,
}

#[expect(clippy::expect_used, reason = "the table is compiled in, and a test reads it")]
static TYPES: LazyLock<Vec<TensorType>> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("tensor_types.yaml")).expect("tensor_types.yaml is well-formed")
});

impl TensorType {
    pub fn all() -> &'static [TensorType] {
        &TYPES
    }

    pub(super) fn from_id(id: u32) -> Option<&'static TensorType> {
        TensorType::all().iter().find(|tensor_type| tensor_type.id == id)
    }
}
