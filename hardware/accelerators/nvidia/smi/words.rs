//! The words of `nvidia-smi` as values: numbers with their unit, or its many ways to say that it has none.

use super::super::report::{LOST, Said};
use crate::findings::printable;

/// What stands where a value can't be had, with brackets around it or without.
const REFUSALS: [&str; 10] = [
    "N/A",
    "Not Supported",
    "Not Available",
    "Unknown",
    "Unknown Error",
    "ERR!",
    LOST,
    "GPU requires reset",
    "Insufficient Permissions",
    "Requested functionality has been deprecated",
];

/// The longest text that is quoted in a reason.
const QUOTED: usize = 60;

pub fn text(words: Option<&str>) -> Said<String> {
    let Some(words) = words.map(str::trim) else { return Said::Nothing };
    let bare = words.strip_prefix('[').and_then(|words| words.strip_suffix(']'));
    // Newer drivers put whole sentences in brackets where a field is on its way out.
    if bare.is_some() || REFUSALS.contains(&words) {
        return Said::Refused(quote(bare.unwrap_or(words)));
    }
    match printable(words) {
        Ok(text) => Said::Value(text),
        Err(fault) => Said::Refused(fault.to_string()),
    }
}

/// `595.58.03`: digits and points. A remark in brackets may follow where the field is on its way out.
pub fn version(words: Option<&str>) -> Said<String> {
    let before_remark = |words: &str| words.split_once(" [").map(|(version, _)| version.to_owned());
    text(words).map(|words| before_remark(&words).unwrap_or(words)).and_then(|text| {
        match text.split('.').all(is_number) {
            true => Said::Value(text),
            false => Said::Refused(quote(&text)),
        }
    })
}

/// `10240 MiB`.
pub fn mebibytes(words: Option<&str>) -> Said<u64> {
    number::<u64>(words, " MiB").and_then(|mib| match mib.checked_mul(1 << 20) {
        Some(bytes) => Said::Value(bytes),
        None => Said::Refused(quote(words.unwrap_or_default())),
    })
}

/// `139.62 W`.
pub fn watts(words: Option<&str>) -> Said<f64> {
    decimal(words, " W")
}

/// `27 C`.
pub fn celsius(words: Option<&str>) -> Said<f64> {
    decimal(words, " C")
}

/// `1950 MHz`.
pub fn megahertz(words: Option<&str>) -> Said<u32> {
    number(words, " MHz")
}

/// `4`, or `16x` with the unit `x`.
pub fn number<T: std::str::FromStr>(words: Option<&str>, unit: &str) -> Said<T> {
    text(words).and_then(|text| {
        let digits = text.strip_suffix(unit).filter(|digits| is_number(digits));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(number) => Said::Value(number),
            None => Said::Refused(quote(&text)),
        }
    })
}

fn decimal(words: Option<&str>, unit: &str) -> Said<f64> {
    text(words).and_then(|text| {
        let digits = text.strip_suffix(unit).filter(|digits| {
            let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
            is_number(whole) && is_number(part)
        });
        match digits.and_then(|digits| digits.parse().ok()).filter(|number: &f64| number.is_finite()) {
            Some(number) => Said::Value(number),
            None => Said::Refused(quote(&text)),
        }
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn quote(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_their_unit() {
        assert_eq!(mebibytes(Some(" 10240 MiB\n")), Said::Value(10240 << 20));
        assert_eq!(watts(Some("139.62 W")), Said::Value(139.62));
        assert_eq!(watts(Some("350 W")), Said::Value(350.0));
        assert_eq!(celsius(Some("27 C")), Said::Value(27.0));
        assert_eq!(megahertz(Some("1950 MHz")), Said::Value(1950));
        assert_eq!(number::<u8>(Some("16x"), "x"), Said::Value(16));
        assert_eq!(version(Some("595.58.03")), Said::Value("595.58.03".to_owned()));
    }

    #[test]
    fn every_way_to_say_no_is_a_refusal() {
        for words in REFUSALS {
            assert_eq!(mebibytes(Some(words)), Said::Refused(words.to_owned()));
            assert_eq!(text(Some(&format!("[{words}]"))), Said::Refused(words.to_owned()));
        }
        let leaving = "[Deprecated; will be removed in CUDA 14.0. Use CUDA UMD Version instead]";
        assert_eq!(
            version(Some(leaving)).refusal(),
            Some("Deprecated; will be removed in CUDA 14.0. Use CUDA UMD Versi")
        );
        assert_eq!(version(Some(&format!("13.3 {leaving}"))), Said::Value("13.3".to_owned()));
        assert_eq!(text(None), Said::Nothing);
        assert_eq!(text(Some(" ")).refusal(), Some("the name given is empty"));
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        for words in
            ["99999999999999999999 MiB", "18446744073709551615 MiB", "10240", "10240 GiB", "-1 MiB", "+1 MiB"]
        {
            assert!(mebibytes(Some(words)).refusal().is_some(), "{words}");
        }
        for words in ["nan W", "inf W", "1e400 W", "1. W", ".5 W", "-3 W", " W"] {
            assert!(watts(Some(words)).refusal().is_some(), "{words}");
        }
        assert!(version(Some("13.2 (forward)")).refusal().is_some());
        assert!(version(Some("13..2")).refusal().is_some());
    }

    proptest! {
        #[test]
        fn any_words_are_read_without_a_panic(words in "\\[?[0-9.]{0,25}( MiB| W|x)?\\]?|.*") {
            let _ = (mebibytes(Some(&words)), watts(Some(&words)), version(Some(&words)));
        }
    }
}
