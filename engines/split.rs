//! How the files of a model in parts are called: `NAME-00001-of-00003.gguf` and those that follow.
//!
//! Engines find all parts from the first one's name (`llama_split_path` in llama.cpp's src/llama.cpp, build 11434).

/// Each has a header to be read before anything can be told; the five digits would allow 99,999.
pub const MAX_PARTS: u64 = 1024;

/// What stands behind the name of a part that is counted from 1.
pub fn suffix(number: u64, of: u64) -> String {
    format!("-{number:05}-of-{of:05}.gguf")
}

/// `model-00002-of-00003` is part 2 of 3 of `model`.
pub fn parse(stem: &str) -> Option<(&str, u32, u32)> {
    // A sign would be taken for a number too.
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| digits(text).then(|| text.parse().ok()).flatten();
    let (rest, of) = stem.rsplit_once("-of-")?;
    let (name, part) = rest.rsplit_once('-')?;
    Some((name, number(part)?, number(of)?))
}

/// The names of all parts, in order, where `name` is that of one.
pub fn siblings(name: &str) -> Option<Vec<String>> {
    let (stem, _, of) = parse(name.strip_suffix(".gguf")?)?;
    let of = u64::from(of);
    (1..=MAX_PARTS)
        .contains(&of)
        .then(|| (1..=of).map(|number| format!("{stem}{}", suffix(number, of))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_parts_name_only_with_both_numbers() {
        assert_eq!(parse("a-b-00002-of-00003"), Some(("a-b", 2, 3)));
        for other in ["a", "a-00001", "a-1-of-3", "a-00001-of-3", "a-+0001-of-00003", "a-000001-of-00003"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn one_part_names_all() {
        let all = ["a-00001-of-00002.gguf", "a-00002-of-00002.gguf"].map(str::to_owned).to_vec();
        assert_eq!(siblings("a-00002-of-00002.gguf"), Some(all));
        for other in ["a.gguf", "a-00001-of-00000.gguf", "a-00001-of-99999.gguf", "a-00001-of-00002.bin"] {
            assert_eq!(siblings(other), None, "{other}");
        }
    }
}
