//! The two short outputs of `nvidia-smi` that tell what its report leaves out: the compute capability of each GPU, and the
//! names of slices.

use super::super::report::{Part, Said, address};
use super::words;

/// A row of `--query-gpu=index,pci.bus_id,compute_cap --format=csv,noheader`.
#[derive(Debug, PartialEq)]
pub struct Row {
    pub index: u32,
    pub address: Option<String>,
    pub capability: Said<String>,
}

/// Rows that are not of this shape are left out: the driver prints warnings among them.
pub fn rows(csv: &str) -> Vec<Row> {
    let row = |line: &str| {
        let [index, bus, capability] = line.split(',').map(str::trim).collect::<Vec<_>>().try_into().ok()?;
        let index = index.parse().ok()?;
        Some(Row { index, address: address(bus), capability: words::version(Some(capability)) })
    };
    csv.lines().filter_map(row).collect()
}

/// The slices that `nvidia-smi -L` lists below the GPU of this UUID, in order.
///
/// ```text
/// GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-…)
///   MIG 3g.40gb     Device  0: (UUID: MIG-…)
/// ```
pub fn slices(list: &str, gpu: &str) -> Vec<Part> {
    let below =
        list.lines().skip_while(|line| !(line.starts_with("GPU ") && uuid(line) == Some(gpu))).skip(1);
    below.map_while(|line| line.trim_start().strip_prefix("MIG ").map(part)).collect()
}

/// `3g.40gb     Device  0: (UUID: MIG-…)`
fn part(line: &str) -> Part {
    Part {
        profile: words::text(line.split_whitespace().next()),
        uuid: words::text(uuid(line)),
        ..Part::default()
    }
}

fn uuid(line: &str) -> Option<&str> {
    Some(line.rsplit_once("(UUID: ")?.1.trim_end().trim_end_matches(')'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_of_another_shape_are_left_out() {
        let csv = "0, 00000000:01:00.0, 8.9\nWARNING: infoROM is corrupted\n1, [N/A], [N/A]\n2, 00000000:02:00.0\n3, x, 8.6, 7\n";
        let expected = [
            Row { index: 0, address: Some("0000:01:00.0".into()), capability: Said::Value("8.9".into()) },
            Row { index: 1, address: None, capability: Said::Refused("N/A".into()) },
        ];
        assert_eq!(rows(csv), expected);
    }

    #[test]
    fn slices_are_those_below_their_gpu() {
        let list = "GPU 0: A (UUID: GPU-a)\n  MIG 1g.10gb     Device  0: (UUID: MIG-1)\nGPU 1: B (UUID: GPU-b)\n  MIG 3g.40gb     Device  0: (UUID: MIG-2)\n  MIG 1g.10gb+me  Device  1: (UUID: MIG-3)\nGPU 2: C (UUID: GPU-c)\n";
        let told = |gpu: &str| -> Vec<(String, String)> {
            let value = |said: Said<String>| said.value().cloned().unwrap();
            slices(list, gpu).into_iter().map(|part| (value(part.profile), value(part.uuid))).collect()
        };
        assert_eq!(told("GPU-a"), [("1g.10gb".into(), "MIG-1".into())]);
        assert_eq!(
            told("GPU-b"),
            [("3g.40gb".into(), "MIG-2".into()), ("1g.10gb+me".into(), "MIG-3".into())]
        );
        assert_eq!(told("GPU-c"), []);
        assert_eq!(told("GPU-d"), []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "((GPU|  MIG)? ?[0-9a-z:,.]* ?(\\(UUID: )?[A-Z-]*\\)?\n)*|.*") {
            let _ = (rows(&text), slices(&text, "GPU-a"));
        }
    }
}
