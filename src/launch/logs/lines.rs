//! Bytes in, lines out. Whatever comes, a line has an end (16 KiB) and is text.

use std::sync::Arc;

/// Where an endless line is split: no log line that tells something is longer, and 200 of them stay small.
pub(super) const LONGEST: usize = 16 << 10;

/// Holds the line that is not finished yet, never more than [`LONGEST`] bytes of it.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    pending: Vec<u8>,
}

impl Splitter {
    /// The lines that these bytes finish.
    pub fn push(&mut self, mut bytes: &[u8]) -> Vec<Arc<str>> {
        let mut lines = Vec::new();
        while !bytes.is_empty() {
            // One byte more than a line may have: if that is the newline, the line is whole.
            let window = &bytes[..bytes.len().min(LONGEST + 1 - self.pending.len())];
            if let Some(end) = memchr::memchr(b'\n', window) {
                self.pending.extend_from_slice(&bytes[..end]);
                lines.push(text(&self.pending));
                self.pending.clear();
                bytes = &bytes[end + 1..];
            } else {
                self.pending.extend_from_slice(window);
                bytes = &bytes[window.len()..];
                if self.pending.len() > LONGEST {
                    let cut = character_boundary(&self.pending, LONGEST);
                    lines.push(text(&self.pending[..cut]));
                    self.pending.drain(..cut);
                }
            }
        }
        lines
    }

    /// The last line, if it lacks its newline.
    pub fn finish(&mut self) -> Vec<Arc<str>> {
        let rest = std::mem::take(&mut self.pending);
        if rest.is_empty() { Vec::new() } else { vec![text(&rest)] }
    }
}

fn text(line: &[u8]) -> Arc<str> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into()
}

/// The last place up to `limit` where no UTF-8 character is torn; `limit` itself if the bytes are no UTF-8.
fn character_boundary(bytes: &[u8], limit: usize) -> usize {
    let is_continuation = |at: usize| bytes[at] & 0xC0 == 0x80;
    (limit.saturating_sub(3)..=limit).rev().find(|at| !is_continuation(*at)).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut lines: Vec<_> = chunks.iter().flat_map(|chunk| splitter.push(chunk)).collect();
        lines.extend(splitter.finish());
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_come_whole_however_they_are_torn() {
        assert_eq!(split(&[b"load", b"ing\r\nrea", b"dy\n\nlast"]), ["loading", "ready", "", "last"]);
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_one_line() {
        let mut line = vec![b'x'; LONGEST];
        line.push(b'\n');
        assert_eq!(split(&[&line]).len(), 1);
    }

    #[test]
    fn an_endless_line_is_split_between_characters() {
        let endless = "é".repeat(LONGEST);
        let lines = split(&[b"x", endless.as_bytes()]);
        assert_eq!(lines.concat(), format!("x{endless}"));
        assert!(lines.iter().all(|line| line.len() <= LONGEST));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_not_dropped() {
        assert_eq!(split(&[b"a\xff\xfeb\n"]), ["a\u{fffd}\u{fffd}b"]);
    }

    proptest! {
        #[test]
        fn chunking_never_changes_the_lines(bytes in proptest::collection::vec(any::<u8>(), 0..500), at in 0usize..500) {
            let (head, tail) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(split(&[head, tail]), split(&[&bytes]));
        }
    }
}
