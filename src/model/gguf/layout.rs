//! Proves that the tensors lie where the table says: aligned, within the file, none over another.

use super::GgufError;
use super::metadata::Metadata;
use super::tensor::Tensor;
use super::value::Value;

/// In bytes, where the file names none (GGUF_DEFAULT_ALIGNMENT in llama.cpp's ggml/include/gguf.h).
const DEFAULT_ALIGNMENT: u64 = 32;

/// The alignment of the tensor data, in bytes. Engines accept it as u32 only.
pub(super) fn alignment(metadata: &Metadata) -> Result<u64, GgufError> {
    match metadata.get("general.alignment") {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(Value::U32(bytes)) if bytes.is_power_of_two() => Ok(u64::from(*bytes)),
        Some(_) => Err(GgufError::Alignment),
    }
}

/// Where the tensor data begins, in bytes from the start of the file.
pub(super) fn check(
    tensors: &[Tensor],
    alignment: u64,
    header_bytes: u64,
    file_bytes: u64,
) -> Result<u64, GgufError> {
    if tensors.is_empty() {
        return Ok(header_bytes);
    }
    // No overflow: a header ends below 2^28, and an alignment is below 2^32.
    let data_offset = header_bytes.next_multiple_of(alignment);
    let mut end = 0;
    for tensor in in_file_order(tensors) {
        let name = || tensor.name.clone();
        if !tensor.offset.is_multiple_of(alignment) {
            return Err(GgufError::Misaligned { tensor: name(), offset: tensor.offset, alignment });
        }
        if tensor.offset < end {
            return Err(GgufError::Overlap { tensor: name() });
        }
        end = tensor
            .offset
            .checked_add(tensor.bytes)
            .filter(|end| end.checked_add(data_offset).is_some())
            .ok_or_else(|| GgufError::TensorSize { tensor: name() })?;
    }
    match (data_offset + end).checked_sub(file_bytes) {
        None | Some(0) => Ok(data_offset),
        Some(missing) => Err(GgufError::Truncated { missing, file_bytes }),
    }
}

fn in_file_order(tensors: &[Tensor]) -> Vec<&Tensor> {
    let mut ordered: Vec<&Tensor> = tensors.iter().collect();
    ordered.sort_by_key(|tensor| tensor.offset);
    ordered
}
