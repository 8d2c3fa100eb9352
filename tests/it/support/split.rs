//! Splits a GGUF file into parts as `llama-gguf-split` does: the first has the metadata, each its own tensors, and all say
//! which part they are.

use crate::gguf_builder::string;

const U16: u32 = 2;
const I32: u32 = 5;

/// Parts with about as many tensors each.
pub fn split(file: &[u8], parts: usize) -> Vec<Vec<u8>> {
    let mut at = Reader { file, at: 4 };
    let version = at.number(4) as u32;
    let (tensors, keys) = (at.number(8) as usize, at.number(8));
    let begin = at.at;
    let mut alignment = 32;
    for _ in 0..keys {
        let key = at.text();
        let kind = at.number(4);
        let value = at.at;
        at.skip(kind);
        if key == b"general.alignment" {
            alignment = Reader { file, at: value }.number(4) as usize;
        }
    }
    let metadata = &file[begin..at.at];
    let mut table: Vec<Entry> = (0..tensors).map(|_| at.entry()).collect();
    let data = at.at.next_multiple_of(alignment);
    // A tensor ends where the next one begins.
    let mut offsets: Vec<usize> = table.iter().map(|entry| entry.offset).chain([file.len() - data]).collect();
    offsets.sort_unstable();
    for entry in &mut table {
        entry.end = offsets[offsets.partition_point(|offset| *offset <= entry.offset)];
    }
    let one = |(number, entries): (usize, &[Entry])| {
        let first = number == 0;
        let mut out = b"GGUF".to_vec();
        out.extend(version.to_le_bytes());
        out.extend((entries.len() as u64).to_le_bytes());
        out.extend((3 + if first { keys } else { 0 }).to_le_bytes());
        out.extend(if first { metadata } else { &[] });
        let mut key = |name: &str, kind: u32, value: &[u8]| {
            out.extend(string(name.as_bytes()));
            out.extend(kind.to_le_bytes());
            out.extend(value);
        };
        key("split.no", U16, &(number as u16).to_le_bytes());
        key("split.count", U16, &(parts as u16).to_le_bytes());
        key("split.tensors.count", I32, &(tensors as i32).to_le_bytes());
        let mut place = 0_usize;
        for entry in entries {
            out.extend(entry.head);
            out.extend((place as u64).to_le_bytes());
            place = (place + entry.end - entry.offset).next_multiple_of(alignment);
        }
        for entry in entries {
            out.resize(out.len().next_multiple_of(alignment), 0);
            out.extend(&file[data + entry.offset..data + entry.end]);
        }
        out
    };
    table.chunks(tensors.div_ceil(parts)).enumerate().map(one).collect()
}

/// A tensor of the table: all that stands before its offset, and where it lies in the data.
struct Entry<'a> {
    head: &'a [u8],
    offset: usize,
    end: usize,
}

struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> &'a [u8] {
        let taken = &self.file[self.at..self.at + bytes];
        self.at += bytes;
        taken
    }

    fn number(&mut self, bytes: usize) -> u64 {
        self.take(bytes).iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn text(&mut self) -> &'a [u8] {
        let length = self.number(8) as usize;
        self.take(length)
    }

    /// Steps over a value of this type.
    fn skip(&mut self, kind: u64) {
        match kind {
            0 | 1 | 7 => self.at += 1,
            2 | 3 => self.at += 2,
            4..=6 => self.at += 4,
            8 => _ = self.text(),
            9 => {
                let (kind, length) = (self.number(4), self.number(8));
                (0..length).for_each(|_| self.skip(kind));
            }
            10..=12 => self.at += 8,
            other => panic!("a value of the type {other}"),
        }
    }

    fn entry(&mut self) -> Entry<'a> {
        let begin = self.at;
        self.text();
        let dims = self.number(4) as usize;
        self.at += 8 * dims + 4;
        let head = &self.file[begin..self.at];
        let offset = self.number(8) as usize;
        Entry { head, offset, end: offset }
    }
}
