//! A real file, where `EDGEORCH_TEST_GGUF` names one.

use super::*;

#[test]
fn a_real_file_is_read_and_its_tensors_fill_it() {
    let Some(path) = std::env::var_os("EDGEORCH_TEST_GGUF") else {
        eprintln!("skipped: EDGEORCH_TEST_GGUF names no file");
        return;
    };
    let header = read(path.as_ref()).unwrap();
    assert!(header.metadata.text("general.architecture").is_some());
    let end = header.tensors.iter().map(|tensor| header.data_offset + tensor.offset + tensor.bytes).max();
    let padding = header.file_bytes - end.unwrap_or(header.data_offset);
    assert!(padding < 64, "{padding} bytes after the last tensor are nobody's");
}
