//! How the weights of a predicted file would be stored.

use edgeorch_engines::{Bytes, Format};

use super::entry::Shape;

/// How the weights would be stored.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    pub format: Format,
    /// The type's name on the ladder, such as `Q4_K_M`.
    pub name: &'a str,
    pub layers: Bits,
    /// Of what is no routed expert, where only those are of the type (MXFP4).
    pub dense: Bits,
    /// Of input embeddings, which most formats but GGUF leave as they were.
    pub embeddings: Bits,
    /// Of the output projection, and of a table that serves as both.
    pub output: Bits,
}

/// Bits per weight. Superblocks have 256 of them: rows that 256 doesn't divide are of another type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bits {
    pub even: f64,
    pub odd: f64,
}

impl Bits {
    /// Whatever the rows.
    pub fn all(bits: f64) -> Bits {
        Bits { even: bits, odd: bits }
    }

    /// Of so many elements, those in odd rows among them.
    pub(super) fn bytes(self, elements: u64, in_odd_rows: u64) -> Bytes {
        let odd = in_odd_rows.min(elements);
        Bytes(((elements - odd) as f64 * self.even / 8.0 + odd as f64 * self.odd / 8.0) as u64)
    }

    /// Of a table whose rows are this long.
    pub(super) fn table(self, elements: u64, row: u64) -> Bytes {
        self.bytes(elements, if is_odd(row) { elements } else { 0 })
    }
}

fn is_odd(row: u64) -> bool {
    const SUPERBLOCK: u64 = 256;
    !row.is_multiple_of(SUPERBLOCK)
}

impl Shape {
    /// Of all dense elements in layers, those in odd rows: matrices read vectors as wide as the model, but for those that
    /// lead back to it from feed-forward networks and from heads.
    pub(super) fn in_odd_rows(&self, dense: u64) -> u64 {
        let counts = self.layer_counts();
        let shared = self.experts.map_or(0, |experts| experts.shared);
        let back = [
            (self.heads * self.head_size, counts.attention),
            (self.feed_forward, counts.dense),
            (shared, counts.mixtures),
        ];
        let of = |is: &dyn Fn(u64) -> bool| -> u64 {
            back.iter().filter(|(row, _)| is(*row)).map(|(row, layers)| row * self.embedding * layers).sum()
        };
        match is_odd(self.embedding) {
            true => dense.saturating_sub(of(&|row| !is_odd(row))),
            false => of(&is_odd),
        }
    }

    /// Of the elements of one routed expert, those in odd rows.
    pub(super) fn of_expert_in_odd_rows(&self, elements: u64) -> u64 {
        let Some(experts) = self.experts else { return 0 };
        let wide = experts.latent.unwrap_or(self.embedding);
        let back = experts.feed_forward * wide;
        let into = elements.saturating_sub(back);
        let odd = |row, elements| if is_odd(row) { elements } else { 0 };
        odd(wide, into) + odd(experts.feed_forward, back)
    }
}
