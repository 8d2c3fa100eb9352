//! Swap areas, from `/proc/swaps`, and what each lies on: swapping to an SD card is another thing than to an NVMe disk.
//!
//! ```text
//! Filename                Type        Size        Used    Priority
//! /dev/zram0              partition   8388604     0       100
//! /swapfile               file        2097148     1024    -2
//! ```

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Swap, SwapKind};

use super::meminfo;
use crate::Root;
use crate::findings::{Findings, printable};
use crate::linux::{block, mounts};

const FIELD: &str = "memory.swap";
const FILE: &str = "proc/swaps";
/// The kernel has room for 32 at most (`MAX_SWAPFILES`).
const MOST: usize = 32;

/// `text` is that of `/proc/meminfo`.
pub fn probe(root: &Root, text: &str, findings: &mut Findings) -> Vec<Swap> {
    let swaps = match root.read(FILE) {
        Ok(swaps) => swaps,
        Err(error) if error.is_missing() => {
            match meminfo::size(text, "SwapTotal") {
                Ok(Bytes::ZERO) => findings.none(FIELD, "SwapTotal in /proc/meminfo is 0"),
                _ => findings.unknown(FIELD, error),
            }
            return Vec::new();
        }
        Err(error) => {
            findings.unknown(FIELD, error);
            return Vec::new();
        }
    };
    findings.known(FIELD, "/proc/swaps");
    let (rows, broken) = parse(&swaps);
    if broken {
        findings.unknown(FIELD, "/proc/swaps has lines of an unknown shape");
    }
    rows.into_iter().enumerate().map(|(i, row)| row.swap(root, i, findings)).collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    kind: SwapKind,
    size: Bytes,
    used: Bytes,
}

/// The rows below the heading, and whether there are lines that are none.
fn parse(text: &str) -> (Vec<Row>, bool) {
    let lines: Vec<&str> = text.lines().skip(1).filter(|line| !line.trim().is_empty()).collect();
    let rows: Vec<Row> = lines.iter().take(MOST).filter_map(|line| row(line)).collect();
    let broken = rows.len() < lines.len();
    (rows, broken)
}

fn row(line: &str) -> Option<Row> {
    let mut words = line.split_whitespace();
    let name = printable(&mounts::unescape(words.next()?)).ok()?;
    let zram = name.strip_prefix("/dev/zram").is_some_and(|unit| unit.bytes().all(|b| b.is_ascii_digit()));
    let kind = match words.next()? {
        _ if zram => SwapKind::Zram,
        "partition" => SwapKind::Partition,
        "file" => SwapKind::File,
        _ => return None,
    };
    let mut kib = || Some(Bytes(words.next()?.parse::<u64>().ok()?.checked_mul(Bytes::KIB)?));
    Some(Row { kind, size: kib()?, used: kib()?, name })
}

impl Row {
    fn swap(self, root: &Root, i: usize, findings: &mut Findings) -> Swap {
        let field = format!("{FIELD}[{i}].storage");
        let below = match self.kind {
            SwapKind::Zram => None,
            SwapKind::Partition => Some(block::kind(root, &self.name)),
            SwapKind::File => Some(block::below_file(root, self.name.trim_end_matches(" (deleted)"))),
        };
        let storage = match below {
            None => {
                findings.none(field, "compressed memory");
                None
            }
            Some(Ok((device, kind))) => {
                findings.known(field, format_args!("/sys/class/block/{device}"));
                Some(kind)
            }
            Some(failed) => findings.take(&field, failed).map(|(_, kind)| kind),
        };
        Swap { device: self.name, kind: self.kind, size: self.size, used: self.used, storage }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Node, Tree};

    const HEADING: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    fn found(files: &[(&str, &str)], meminfo: &str) -> (Vec<Swap>, Findings) {
        let nodes =
            files.iter().map(|(path, text)| ((*path).to_owned(), Node::File(text.as_bytes().to_vec())));
        let mut findings = Findings::default();
        let swaps = probe(&Root::of(nodes.collect::<Tree>()), meminfo, &mut findings);
        (swaps, findings)
    }

    #[test]
    fn each_area_is_told_by_its_kind() {
        let text = format!(
            "{HEADING}/dev/zram0 partition 8388604 1024 100\n/my\\040swap file 2097148 0 -2\n\
             /dev/sda2 partition 1000 0 -3\n"
        );
        let (swaps, findings) = found(&[(FILE, &text)], "");
        let kinds: Vec<_> = swaps.iter().map(|swap| (swap.device.as_str(), swap.kind)).collect();
        let expected = [
            ("/dev/zram0", SwapKind::Zram),
            ("/my swap", SwapKind::File),
            ("/dev/sda2", SwapKind::Partition),
        ];
        assert_eq!(kinds, expected);
        assert_eq!((swaps[0].size.0, swaps[0].used.0), (8_388_604 << 10, 1 << 20));
        assert_eq!(findings.source("memory.swap[0].storage"), Some("compressed memory"));
        assert_eq!(findings.unknown_fields(), ["memory.swap[1].storage", "memory.swap[2].storage"]);
    }

    #[test]
    fn no_swap_is_a_fact_and_an_unseen_list_is_not() {
        assert!(found(&[(FILE, HEADING)], "").1.source(FIELD).is_some());
        assert!(found(&[], "SwapTotal:      0 kB\n").1.source(FIELD).is_some());
        assert_eq!(found(&[], "SwapTotal:      8 kB\n").1.unknown_fields(), [FIELD]);
    }

    #[test]
    fn broken_rows_are_told_and_the_others_stand() {
        let text = format!(
            "{HEADING}/dev/sda2 partition\n/dev/sdb2 partition 99999999999999999999 0 1\n/a file 4 0 -2\n"
        );
        let (swaps, findings) = found(&[(FILE, &text)], "");
        assert_eq!(swaps.len(), 1);
        assert!(findings.unknown_fields().contains(&FIELD));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(/[a-z0-9/\\\\]{0,9} (partition|file) [0-9]{0,22} ?[0-9]{0,4}\n)*|.*") {
            parse(&format!("{HEADING}{text}"));
        }
    }
}
