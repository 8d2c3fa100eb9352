//! What pip's lines say.

use edgeorch_engines::Bytes;

/// One line of pip's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// `Progress 16384 of 98362432`, by `--progress-bar=raw`; a total of 0 means that it is unknown.
    Progress {
        done: Bytes,
        total: Option<Bytes>,
    },
    Text(&'a str),
}

pub(super) fn parse(line: &str) -> Line<'_> {
    let progress = || {
        let (done, total) = line.strip_prefix("Progress ")?.split_once(" of ")?;
        let total: u64 = total.trim().parse().ok()?;
        let done = Bytes(done.parse().ok()?);
        Some(Line::Progress { done, total: (total > 0).then_some(Bytes(total)) })
    };
    progress().unwrap_or_else(|| Line::Text(line.trim_end()))
}

/// Why pip failed, in its own words: its last two error lines (the first of them is often the one that tells), or the
/// last thing that it said at all.
pub(super) fn cause(lines: &[String]) -> String {
    let errors: Vec<&str> = lines.iter().filter_map(|line| line.trim().strip_prefix("ERROR: ")).collect();
    let said = match errors.as_slice() {
        [] => lines.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty()),
        [.., first, last] => return with_hint(&format!("{first}; {last}"), lines),
        [only] => Some(*only),
    };
    with_hint(said.unwrap_or("it failed without a word"), lines)
}

/// pip reports an index that it could not reach as one that has no such package.
fn with_hint(said: &str, lines: &[String]) -> String {
    if lines.iter().any(|line| line.contains("Retrying (")) {
        format!("{said} (its connections failed: check the network, or pip's index-url and proxy)")
    } else {
        said.to_owned()
    }
}

pub(super) fn tells_wrong_hash(lines: &[String]) -> bool {
    lines.iter().any(|line| line.contains("DO NOT MATCH THE HASHES"))
}

pub(super) fn tells_disk_full(lines: &[String]) -> bool {
    lines.iter().any(|line| line.contains("No space left on device"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn progress_lines_carry_numbers_and_all_others_text() {
        assert_eq!(parse("Progress 10 of 20"), Line::Progress { done: Bytes(10), total: Some(Bytes(20)) });
        assert_eq!(parse("Progress 10 of 0"), Line::Progress { done: Bytes(10), total: None });
        assert_eq!(parse("Progress is slow "), Line::Text("Progress is slow"));
    }

    #[test]
    fn a_failure_is_told_in_pips_own_words() {
        let missing = "Looking in links: /x\n\
            ERROR: Could not find a version that satisfies the requirement a==9 (from versions: 1)\n\
            ERROR: No matching distribution found for a==9\n";
        assert_eq!(
            cause(&lines(missing)),
            "Could not find a version that satisfies the requirement a==9 (from versions: 1); No matching distribution found for a==9"
        );
        assert_eq!(cause(&lines("Traceback\nValueError: broken\n\n")), "ValueError: broken");
        assert_eq!(cause(&[]), "it failed without a word");
    }

    #[test]
    fn an_index_out_of_reach_is_not_mistaken_for_a_missing_package() {
        let text =
            "WARNING: Retrying (Retry(total=4)) after connection broken\nERROR: No matching distribution";
        assert!(cause(&lines(text)).contains("check the network"));
    }
}
