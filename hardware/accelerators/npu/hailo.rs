//! Hailo: which chip it is and with which firmware, as `hailortcli fw-control identify` tells.
//!
//! Hailo-8 and Hailo-8L have the same PCI id, and models compiled for one do not run on the other: only the firmware knows.

use edgeorch_engines::contract::host::{Target, Vendor};

use super::device::Seen;
use crate::root::{Command, Root};

const IDENTIFY: Command = Command::new("hailortcli-identify", "hailortcli", &["fw-control", "identify"]);

pub fn fill(root: &Root, npus: &mut [Seen]) {
    let mut hailos: Vec<&mut Seen> =
        npus.iter_mut().filter(|npu| npu.accelerator.vendor == Vendor::Hailo && npu.driven).collect();
    if hailos.is_empty() {
        return;
    }
    let printed = root.run(&IDENTIFY);
    let boards = printed.as_deref().map(boards).unwrap_or_default();
    let only = hailos.len() == 1 && boards.len() == 1;
    for npu in &mut hailos {
        let address = npu.accelerator.pci.as_ref().map(|pci| pci.address.as_str());
        let board = boards.iter().find(|board| board.address == address || (only && board.address.is_none()));
        match (board.and_then(|board| board.architecture), &printed) {
            (Some(architecture), _) => chip(npu, architecture),
            (None, _) if npu.accelerator.target.is_some() => {}
            (None, Err(error)) => npu.findings.unknown_but(
                "target",
                format_args!("only its firmware tells a Hailo-8 from a Hailo-8L: {error}"),
                "hailortcli fw-control identify",
            ),
            (None, Ok(_)) => {
                npu.findings.unknown("target", "hailortcli does not tell this device's architecture")
            }
        }
    }
}

/// `HAILO8L` → a Hailo-8L, whose models are compiled for `hailo8l`.
fn chip(npu: &mut Seen, architecture: &str) {
    npu.accelerator.target = Some(Target::Named(architecture.to_lowercase()));
    npu.findings.known("target", "hailortcli fw-control identify");
    if let Some(model) = architecture.strip_prefix("HAILO") {
        npu.accelerator.name = Some(format!("Hailo-{model}"));
        npu.findings.known("name", "hailortcli fw-control identify");
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Board<'a> {
    /// Not told for devices that are on no PCI bus, nor by old versions.
    address: Option<&'a str>,
    /// `HAILO8`, `HAILO8L`, `HAILO10H`.
    architecture: Option<&'a str>,
}

/// One block per device, each begun by `Executing on device: 0000:01:00.0`.
fn boards(text: &str) -> Vec<Board<'_>> {
    let mut boards: Vec<Board> = Vec::new();
    for (key, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        let value = value.trim();
        match key.trim() {
            "Executing on device" => boards.push(Board { address: Some(value), architecture: None }),
            "Device Architecture"
                if value.chars().all(|c| c.is_ascii_alphanumeric()) && !value.is_empty() =>
            {
                match boards.last_mut() {
                    Some(board) => board.architecture = Some(value),
                    None => boards.push(Board { address: None, architecture: Some(value) }),
                }
            }
            _ => {}
        }
    }
    boards
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_device_has_its_block() {
        let text = "Executing on device: 0000:01:00.0\nIdentifying board\nDevice Architecture: HAILO8L\n\n\
                    Executing on device: 0000:02:00.0\nDevice Architecture: HAILO8\nSerial Number: N/A\n";
        let expected =
            [("0000:01:00.0", "HAILO8L"), ("0000:02:00.0", "HAILO8")].map(|(address, architecture)| Board {
                address: Some(address),
                architecture: Some(architecture),
            });
        assert_eq!(boards(text), expected);
    }

    #[test]
    fn an_architecture_that_is_no_word_is_not_taken() {
        assert_eq!(boards("Device Architecture: <N/A>\nDevice Architecture: \n"), []);
        assert_eq!(boards("[HailoRT] [error] Failed\n"), []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "((Executing on device|Device Architecture|x):? ?[A-Z0-9<]{0,9}\n)*|.*") {
            boards(&text);
        }
    }
}
