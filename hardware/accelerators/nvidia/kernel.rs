//! What NVIDIA's kernel module tells in `/proc/driver/nvidia`, even where its libraries are missing or don't fit.

use super::report::{Gpu, Said};
use crate::Root;
use crate::findings::printable;

const FOLDER: &str = "proc/driver/nvidia";

pub const SOURCE: &str = "/proc/driver/nvidia";

/// The GPU at this address, by the module's word.
pub fn ask(root: &Root, address: &str) -> Gpu {
    let told = root.read(&format!("{FOLDER}/gpus/{address}/information")).unwrap_or_default();
    Gpu {
        address: Some(address.to_owned()),
        driver: driver(root),
        name: value(&told, "Model"),
        uuid: value(&told, "GPU UUID"),
        ..Gpu::default()
    }
}

/// The module's version.
pub fn driver(root: &Root) -> Said<String> {
    match root.read(&format!("{FOLDER}/version")).ok().and_then(|text| version(&text)) {
        Some(version) => Said::Value(version),
        None => Said::Nothing,
    }
}

/// `NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.16  Release Build …`
fn version(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("NVRM version:"))?;
    let is_version =
        |word: &&str| word.contains('.') && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    line.split_whitespace().find(is_version).map(str::to_owned)
}

/// `Model: \t\t NVIDIA GeForce RTX 4090`. Until the GPU was used once, its UUID is question marks.
fn value(text: &str, key: &str) -> Said<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    match line.map(printable) {
        Some(Ok(value)) if !value.contains("??") && value != "Unknown" => Said::Value(value),
        Some(Ok(value)) => Said::Refused(value),
        Some(Err(fault)) => Said::Refused(fault.to_string()),
        None => Said::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_version_is_found_in_both_kinds_of_module() {
        let closed = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\nGCC version: gcc 12.2.0\n";
        let open = "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  (builder@build)\n";
        assert_eq!(version(closed).as_deref(), Some("535.183.01"));
        assert_eq!(version(open).as_deref(), Some("540.4.0"));
        assert_eq!(version("GCC version: gcc 12.2.0"), None);
    }

    #[test]
    fn a_model_is_read_and_a_uuid_not_yet_known_is_not() {
        let text = "Model: \t\t NVIDIA GeForce RTX 4090\nIRQ:   \t\t 178\nGPU UUID: \t GPU-????????-????-????-????-????????????\n";
        assert_eq!(value(text, "Model"), Said::Value("NVIDIA GeForce RTX 4090".to_owned()));
        assert!(value(text, "GPU UUID").refusal().is_some());
        assert_eq!(value(text, "Bus Location"), Said::Nothing);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(NVRM version:|Model:)?.*\n?") {
            let _ = (version(&text), value(&text, "Model"));
        }
    }
}
