//! The table that Huawei's `npu-smi info` prints: two lines per chip, below a heading that tells the columns.
//!
//! ```text
//! | NPU     Name                  | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |
//! | Chip    Device                | Bus-Id          | AICore(%)    Memory-Usage(MB)                        |
//! +===============================+=================+======================================================+
//! | 0       310P3                 | OK              | 15.8         42                0     / 0             |
//! | 0       0                     | 0000:82:00.0    | 0            1074 / 21534                            |
//! ```
//!
//! Chips with memory stacks have a last column `HBM-Usage(MB)` and no `Device`. Megabytes are 2²⁰ bytes. What a chip does not
//! measure is `NA`.

use edgeorch_engines::contract::Bytes;

/// More than a server has; a hostile text may have any number.
const MOST_CHIPS: usize = 128;

#[derive(Debug, PartialEq)]
pub struct Chip {
    /// By which programs ask for it.
    pub index: Option<u32>,
    /// `310P3`, `910B4`.
    pub name: String,
    /// In lower case, as Linux writes it.
    pub address: String,
    pub watts: Option<f64>,
    pub celsius: Option<f64>,
    pub used: Option<Bytes>,
    pub total: Option<Bytes>,
}

pub fn parse(text: &str) -> Vec<Chip> {
    let mut chips = Vec::new();
    let mut layout = Layout::default();
    let mut first: Option<Vec<&str>> = None;
    for line in text.lines() {
        let Some(cells) = cells(line) else {
            first = None;
            continue;
        };
        let [left, middle, right] = cells.as_slice() else {
            first = None;
            continue;
        };
        if *middle == "Bus-Id" {
            layout = Layout { device: left.contains("Device"), stacks: right.contains("HBM-Usage") };
            first = None;
            continue;
        }
        match first.take() {
            None => first = Some(cells),
            Some(upper) => match layout.chip(&upper, &[left, middle, right]) {
                Some(chip) => chips.push(chip),
                // Perhaps this is the upper line of the next.
                None => first = Some(cells),
            },
        }
        if chips.len() == MOST_CHIPS {
            break;
        }
    }
    chips
}

/// The cells of `| a | b |`, trimmed; `None` for rules and other text.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// Which columns the heading promised.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    device: bool,
    stacks: bool,
}

impl Layout {
    fn chip(self, upper: &[&str], lower: &[&str; 3]) -> Option<Chip> {
        let (card, name) = upper.first()?.split_once(char::is_whitespace)?;
        let (card, name) = (card.parse::<u32>().ok()?, name.trim());
        let address = lower[1].to_lowercase();
        if !is_address(&address) || name.is_empty() {
            return None;
        }
        let mut left = lower[0].split_whitespace().map(|word| word.parse::<u32>().ok());
        let (chip, device) = (left.next().flatten(), left.next().flatten());
        // Where there is no column for it, each card has one chip, and its number is the card's.
        let index = if self.device { device } else { chip.filter(|chip| *chip == 0).map(|_| card) };
        let mut measured = upper.last()?.split_whitespace();
        let (watts, celsius) = (measured.next().and_then(positive), measured.next().and_then(positive));
        let (memory, stacks) = usages(lower[2]);
        let usage = if self.stacks { stacks.or(memory) } else { memory };
        let (used, total) = usage.unzip();
        Some(Chip { index, name: name.to_owned(), address, watts, celsius, used, total })
    }
}

/// `0000:82:00.0`.
fn is_address(text: &str) -> bool {
    text.len() == 12
        && text.bytes().enumerate().all(|(i, byte)| match i {
            4 | 7 => byte == b':',
            10 => byte == b'.',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn positive(word: &str) -> Option<f64> {
    word.parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0 && *value < 10_000.0)
}

type Usage = (Bytes, Bytes);

/// `0   1197 / 13553   1365 / 32768` → what follows the load: one usage or two, used and total. A chip without memory of one
/// kind has `0 / 0` there.
fn usages(text: &str) -> (Option<Usage>, Option<Usage>) {
    let spaced = text.replace('/', " / ");
    let words: Vec<&str> = spaced.split_whitespace().skip(1).collect();
    let mut pairs = words.chunks(3).map(|words| match words {
        [used, "/", total] => {
            let bytes = |word: &str| word.parse::<u64>().ok()?.checked_mul(Bytes::MIB).map(Bytes);
            bytes(used).zip(bytes(total)).filter(|(used, total)| total.0 > 0 && used <= total)
        }
        _ => None,
    });
    (pairs.next().flatten(), pairs.next().flatten())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADING_310: &str = "+--------+\n| npu-smi 25.3.rc1                                 Version: 25.3.rc1 |\n\
        | NPU     Name    | Health | Power(W)     Temp(C)           Hugepages-Usage(page) |\n\
        | Chip    Device  | Bus-Id | AICore(%)    Memory-Usage(MB)                        |\n+===+===+===+\n";
    const HEADING_910: &str = "| NPU   Name  | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|\n\
        | Chip        | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |\n";

    #[test]
    fn a_card_of_two_chips_counts_them_by_device() {
        let text = format!(
            "{HEADING_310}| 6       310P3 | OK | NA           50                0     / 0             |\n\
             | 0       0     | 0000:84:00.0    | 0            1839 / 21525                            |\n+===+\n\
             | 6       310P3 | OK | 15.4           43              0     / 0             |\n\
             | 1       1     | 0000:8A:00.0    | 3            1070 / 21534 |\n"
        );
        let chips = parse(&text);
        assert_eq!(chips.len(), 2);
        let expected = Chip {
            index: Some(0),
            name: "310P3".into(),
            address: "0000:84:00.0".into(),
            watts: None,
            celsius: Some(50.0),
            used: Some(Bytes::mib(1839)),
            total: Some(Bytes::mib(21_525)),
        };
        assert_eq!(chips[0], expected);
        assert_eq!((chips[1].index, chips[1].watts), (Some(1), Some(15.4)));
        assert_eq!(chips[1].address, "0000:8a:00.0");
    }

    #[test]
    fn models_lie_in_the_memory_stacks_where_there_are_some() {
        let text = format!(
            "{HEADING_910}| 2     910B4  | OK | 88.9   39     0    / 0 |\n| 0  | 0000:C2:00.0  | 0  0    / 0    2858 / 32768 |\n\
             | 3     910B   | OK | 70.0   34     0    / 0 |\n| 0  | 0000:C1:00.0  | 0  1197 / 13553      1365/32768 |\n"
        );
        let chips = parse(&text);
        let memory: Vec<_> = chips.iter().map(|chip| (chip.index, chip.used, chip.total)).collect();
        let total = Some(Bytes::mib(32_768));
        assert_eq!(
            memory,
            [(Some(2), Some(Bytes::mib(2858)), total), (Some(3), Some(Bytes::mib(1365)), total)]
        );
    }

    #[test]
    fn ragged_and_foreign_lines_are_left_out() {
        let text = format!(
            "{HEADING_310}| 0 310P3 | OK |\n| 0 0 | 0000:84:00.0 | 0 1 / 2 |\n\
             | No running processes found in NPU 6 |\n\
             | 1 310P3 | OK | NA NA NA |\n| 0 x | 0000:85:00.0 | 0 99999999999999999999 / 5 |\n"
        );
        let chips = parse(&text);
        assert_eq!(chips.len(), 1);
        let chip = &chips[0];
        assert_eq!((chip.index, chip.watts, chip.used, chip.total), (None, None, None, None));
        assert_eq!(parse("dcmi module initialize failed. ret is -8005\n"), []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(
            rows in proptest::collection::vec("\\| ?[0-9]{0,3} [0-9A-Z]{0,5} \\| (OK|Bus-Id|0000:[0-9A-F]{2}:00.0) \\| [0-9/NA ]{0,20}\\|?", 0..9),
            other in ".*",
        ) {
            parse(&rows.join("\n"));
            parse(&other);
        }
    }
}
