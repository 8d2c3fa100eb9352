//! The printed `compute buffer size`: the graph of one chunk through every kind of layer, with its inputs.
//!
//! The order of the steps is that of `src/llama-graph.cpp` and of the models in `src/models/`: what differs between them
//! without changing what is alive at once (biases, scales, norms of queries) is left out.

use crate::contract::{Ask, Layout, Task};

use super::arena::{Id, Steps};
use super::compressed::Compressed;
use super::shape::{Kind, Mixture, Shape};
use super::sparse::Sparse;
use super::turns::{self, Turns};
use super::{F16, F32, cells_of_slot, chunk, pad};

/// What part of the model a buffer computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Section {
    /// The embeddings are looked up here.
    pub first: bool,
    pub layers: bool,
    /// The logits are computed here.
    pub last: bool,
    /// Copies of each input, where several devices work on different chunks at once.
    pub copies: u64,
}

impl Section {
    pub(super) const WHOLE: Section = Section { first: true, layers: true, last: true, copies: 1 };
}

/// Tokens of a batch whose logits are asked for: each slot's last one, or all, because the pooling of an embedding
/// comes after them.
pub(super) fn rows_out(ask: &Ask) -> u64 {
    match ask.task {
        Task::Embedding => chunk(ask).max(u64::from(ask.parallel)),
        Task::Chat | Task::Code | Task::Reasoning => u64::from(ask.parallel),
    }
}

pub(super) fn bytes(shape: &Shape, ask: &Ask, section: Section) -> u64 {
    let mut graph = Graph::new(shape, ask);
    let given = graph.embeddings(section);
    graph.inputs(section);
    let mut stream = graph.stream(given, section);
    if section.layers {
        for kind in &shape.played {
            stream = graph.layer(kind, stream, graph.tokens);
        }
    }
    if section.last {
        graph.output(stream);
    }
    graph.steps.peak()
}

/// Rows of a chunk as they are given, before they become a stream.
struct Given {
    tokens: Id,
    mixed: Id,
    mixed_tokens: Id,
    mixed_slots: Id,
}

struct Graph<'a> {
    shape: &'a Shape,
    ask: &'a Ask,
    steps: Steps,
    tokens: u64,
    mask: Option<Id>,
    mask_of_window: Option<Id>,
    sparse: Option<Sparse>,
    compressed: Option<Compressed>,
}

impl<'a> Graph<'a> {
    fn new(shape: &'a Shape, ask: &'a Ask) -> Graph<'a> {
        Graph {
            shape,
            ask,
            steps: Steps::default(),
            tokens: chunk(ask),
            mask: None,
            mask_of_window: None,
            sparse: None,
            compressed: None,
        }
    }

    /// Bytes of so many elements for each of `rows` tokens.
    fn of(elements: u64, rows: u64) -> u64 {
        elements.saturating_mul(rows).saturating_mul(F32)
    }

    /// One row for each token.
    fn wide(&self, elements: u64) -> u64 {
        Graph::of(elements, self.tokens)
    }

    /// Positions, cell numbers, masks and rotations.
    fn inputs(&mut self, section: Section) {
        const PER_TOKEN: u64 = 48;
        let copies = section.copies;
        self.steps.input(self.tokens.saturating_mul(PER_TOKEN).saturating_mul(copies));
        self.steps.input(turns::matrices(self.shape, self.ask).saturating_mul(F32 * copies));
        let attends = |kind: &Kind| kind.rows.is_some() && !kind.windowed;
        if self.shape.keeps_nothing() || self.shape.kinds.iter().any(attends) {
            self.mask = Some(self.steps.input(self.mask_bytes(None).saturating_mul(copies)));
        }
        if self.shape.window.is_some() {
            let bytes = self.mask_bytes(self.shape.window).saturating_mul(copies);
            self.mask_of_window = Some(self.steps.input(bytes));
        }
        let cells = [self.attended(None), self.attended(self.shape.window)];
        self.compressed = Compressed::of(self.shape, self.ask, self.tokens, cells);
        if let Some(compressed) = &mut self.compressed {
            compressed.inputs(&mut self.steps, self.shape, copies);
        }
        self.sparse = Sparse::of(self.shape, self.ask, self.tokens, self.attended(None));
        if let Some(sparse) = &mut self.sparse {
            let played = self.shape.played.iter().filter(|kind| attends(kind)).count();
            sparse.inputs(&mut self.steps, played as u64, copies);
        }
    }

    /// In the f16 that flash attention reads, else in f32.
    fn mask_bytes(&self, window: Option<u64>) -> u64 {
        let size = if self.shape.traits.unfused { F32 } else { F16 };
        self.attended(window).saturating_mul(self.tokens).saturating_mul(size)
    }

    /// Cells that a token's row of the mask has. Slots with caches of their own share the rows of a chunk.
    fn attended(&self, window: Option<u64>) -> u64 {
        if self.shape.keeps_nothing() {
            return pad(self.tokens);
        }
        match self.ask.layout {
            Layout::PerSlot => cells_of_slot(self.ask, window),
            Layout::Unified => super::cells_of_window(self.ask, window),
        }
    }

    /// Rows come by tokens or by vectors, or mixed; inputs for all three are there, and lie before all others.
    fn embeddings(&mut self, section: Section) -> Option<Given> {
        let row = self.wide(self.shape.embedding);
        if !section.first {
            return None;
        }
        const TOKEN: u64 = 4;
        const SLOT: u64 = 8;
        let tokens = self.steps.input(self.tokens.saturating_mul(TOKEN));
        // By vectors: nobody reads it, so it is never freed.
        self.steps.input(row);
        let mixed_tokens = self.steps.input(self.tokens.saturating_mul(TOKEN));
        let mixed_slots = self.steps.input(self.tokens.saturating_mul(SLOT));
        let mixed = self.steps.input(row);
        Some(Given { tokens, mixed, mixed_tokens, mixed_slots })
    }

    /// One of the three goes through the layers. The mixed one is a copy, into which the rows of tokens are written, and
    /// which nobody reads.
    fn stream(&mut self, given: Option<Given>, section: Section) -> Id {
        let row = self.wide(self.shape.embedding);
        let Some(given) = given else {
            return self.steps.input(row.saturating_mul(section.copies));
        };
        self.steps.input(row.saturating_mul(self.shape.traits.held));
        let stream = self.steps.step(row, &[given.tokens]);
        let looked_up = self.steps.step(row, &[given.mixed_tokens]);
        let copy = self.steps.kept(row, &[given.mixed]);
        self.steps.store(&[looked_up, given.mixed_slots, copy]);
        if self.shape.side > 0 {
            let side = self.wide(self.shape.side);
            let looked_up = self.steps.step(side, &[]);
            let projected = self.steps.step(side, &[stream]);
            // Every layer reads its share of it.
            self.steps.kept(side, &[looked_up, projected]);
        }
        stream
    }

    fn layer(&mut self, kind: &Kind, stream: Id, rows: u64) -> Id {
        let row = Graph::of(self.shape.embedding, rows);
        let norm = self.steps.step(row, &[stream]);
        let norm = self.steps.in_place(row, &[norm]);
        let mut mixed = Vec::new();
        if kind.recurrent.is_some() {
            mixed.push(self.recurrent(kind, norm));
        }
        if kind.rows.is_some() || self.shape.keeps_nothing() {
            mixed.push(self.attention(kind, norm));
        }
        let mixed = match mixed[..] {
            [] => norm,
            [one] => one,
            [one, other, ..] => self.steps.in_place(row, &[one, other]),
        };
        let residual = match self.shape.traits.parallel {
            // Added to the rest at the end.
            true => mixed,
            false => self.steps.in_place(row, &[mixed, stream]),
        };
        if self.shape.dense == 0 && !kind.experts {
            return residual;
        }
        let inner = match self.shape.traits.parallel {
            true => norm,
            false => {
                let inner = self.steps.step(row, &[residual]);
                self.steps.in_place(row, &[inner])
            }
        };
        let out = match self.shape.experts.filter(|_| kind.experts) {
            Some(mixture) => self.experts(mixture, inner),
            None => self.dense(self.shape.dense, inner),
        };
        let sum = self.steps.in_place(row, &[out, residual]);
        match self.shape.traits.parallel {
            true => self.steps.in_place(row, &[sum, stream]),
            false => sum,
        }
    }

    fn attention(&mut self, kind: &Kind, norm: Id) -> Id {
        let (key, value) = kind.rows.unwrap_or((self.shape.queries(), self.shape.queries()));
        let (query_row, out_row) = (self.wide(self.shape.queries()), self.wide(self.shape.embedding));
        let short = match &mut self.sparse {
            Some(sparse) if !kind.windowed => sparse.begin(&mut self.steps, kind.index.is_some(), norm),
            _ => norm,
        };
        let query = match (value, self.shape.heads) {
            // Of latent attention: a narrow query, widened to the shared vector's size.
            (0, heads) => {
                let narrow = self.steps.step(query_row / 3, &[short]);
                let absorbed = self.steps.step(self.wide(heads.saturating_mul(key)), &[narrow]);
                match self.shape.traits.unplaced {
                    true => absorbed,
                    false => self.steps.step(query_row, &[absorbed, narrow]),
                }
            }
            _ => {
                let query = self.steps.step(query_row, &[norm]);
                // Turned by its position: what is read is a view, so nothing is written over.
                self.steps.step(query_row, &[query])
            }
        };
        let turns = Turns::of(self.shape, self.ask, kind);
        let query = self.rotated(query, self.shape.queries(), turns.keys);
        // Where some layers have windows, keys come first (`build_attn` in `src/llama-graph.cpp`).
        let (values, turned) = match self.shape.window {
            Some(_) => {
                let turned = self.keys(key, norm, turns, value == 0);
                (self.values(value, norm, turns), turned)
            }
            None => (self.values(value, norm, turns), self.keys(key, norm, turns, value == 0)),
        };
        let mut read = vec![query];
        if self.shape.keeps_nothing() {
            read.push(self.steps.step(self.wide(key) / 2, &[turned]));
            read.push(self.steps.step(self.wide(value) / 2, &[values]));
        } else {
            self.steps.store(&[turned]);
            self.steps.store(&[values]);
        }
        let mask = if kind.windowed { self.mask_of_window } else { self.mask };
        match (&mut self.sparse, &mut self.compressed, kind.index, mask) {
            (Some(sparse), _, _, Some(mask)) if !kind.windowed => {
                read.push(sparse.choose(&mut self.steps, kind.index.is_some(), [norm, short], mask));
            }
            (_, Some(compressed), Some(index), Some(mask)) => {
                read.extend(compressed.listed(&mut self.steps, index, key, [norm, short, mask]));
            }
            (None, None, Some(_), mask) => {
                read.extend(mask);
                read.push(self.index(norm));
            }
            (_, _, _, mask) => read.extend(mask),
        }
        if self.shape.traits.unfused {
            let window = self.shape.window.filter(|_| kind.windowed);
            let plane = self.attended(window).saturating_mul(self.shape.heads);
            let scores = self.steps.step(self.wide(plane), &read);
            read = vec![self.steps.in_place(self.wide(plane), &[scores])];
        }
        let attended = self.steps.step(query_row, &read);
        let attended = self.rotated(attended, self.shape.queries(), turns.values);
        self.steps.step(out_row, &[attended])
    }

    fn values(&mut self, elements: u64, norm: Id, turns: Turns) -> Id {
        let values = self.steps.step(self.wide(elements), &[norm]);
        self.rotated(values, elements, turns.values)
    }

    fn keys(&mut self, elements: u64, norm: Id, turns: Turns, latent: bool) -> Id {
        let keys = self.steps.step(self.wide(elements), &[norm]);
        if latent && self.shape.traits.unplaced {
            return self.steps.in_place(self.wide(elements), &[keys]);
        }
        if latent {
            // Only the part without a position has a norm; the two are joined again.
            let normed = self.steps.step(self.wide(elements), &[keys]);
            return self.steps.step(self.wide(elements), &[normed, keys]);
        }
        let placed = self.steps.step(self.wide(elements), &[keys]);
        self.rotated(placed, elements, turns.keys)
    }

    fn rotated(&mut self, step: Id, elements: u64, by: Option<u64>) -> Id {
        match by {
            Some(_) => self.steps.step(self.wide(elements), &[step]),
            None => step,
        }
    }

    /// The indexer's scores of each cell.
    fn index(&mut self, norm: Id) -> Id {
        let traits = self.shape.traits;
        let bytes = match (self.ask.parallel, self.ask.layout) {
            (0 | 1, _) => traits.index_scores,
            (_, Layout::PerSlot) => traits.index_scores_of_slots,
            (_, Layout::Unified) => traits.index_scores_unified,
        };
        let scores = self.attended(None).saturating_mul(self.tokens).saturating_mul(bytes);
        self.steps.step(scores, &[norm])
    }

    /// A convolution over the last tokens, then a scan that reads and writes each sequence's state.
    fn recurrent(&mut self, kind: &Kind, norm: Id) -> Id {
        let Some(state) = kind.recurrent else { return norm };
        // Three tokens before this one are kept, in nearly all of them.
        const KEPT: u64 = 3;
        let channels = (state.convolution / KEPT).max(self.shape.embedding);
        let sequences = u64::from(self.ask.parallel);
        let states = Graph::of(state.state, sequences);
        let wide = self.wide(channels);
        let projected = self.steps.step(wide.saturating_mul(2), &[norm]);
        let before = self.steps.step(Graph::of(state.convolution, sequences), &[]);
        let joined = self.steps.step(wide, &[projected, before]);
        let read = self.steps.step(states, &[]);
        let convolved = self.steps.step(wide, &[joined]);
        let convolved = self.steps.in_place(wide, &[convolved]);
        let scanned = self.steps.step(wide.saturating_add(states), &[convolved, read]);
        let gated = self.steps.step(wide, &[scanned, projected]);
        self.steps.step(self.wide(self.shape.embedding), &[gated])
    }

    fn dense(&mut self, width: u64, norm: Id) -> Id {
        let wide = self.wide(width);
        let gate = self.steps.step(wide, &[norm]);
        let up = self.steps.step(wide, &[norm]);
        let product = self.steps.step(wide, &[gate, up]);
        self.steps.step(self.wide(self.shape.embedding), &[product])
    }

    fn experts(&mut self, mixture: Mixture, norm: Id) -> Id {
        let all = self.wide(mixture.count);
        let wide = self.wide(mixture.used.saturating_mul(mixture.width));
        let row = self.wide(self.shape.embedding);
        let logits = self.steps.step(all, &[norm]);
        let shares = self.steps.in_place(all, &[logits]);
        let chosen = self.steps.step(all, &[shares]);
        let weights = self.steps.step(self.wide(mixture.used), &[shares, chosen]);
        let gate = self.steps.step(wide, &[norm, chosen]);
        let up = self.steps.step(wide, &[norm, chosen]);
        let product = self.steps.step(wide, &[gate, up]);
        let outputs = self.wide(mixture.used.saturating_mul(self.shape.embedding));
        let down = self.steps.step(outputs, &[product, chosen]);
        let weighted = self.steps.in_place(outputs, &[down, weights]);
        let sum = self.steps.step(row, &[weighted]);
        // Shared experts read it once more.
        self.steps.store(&[norm]);
        sum
    }

    /// The last rows, and their logits.
    fn output(&mut self, stream: Id) {
        let rows = rows_out(self.ask);
        let row = Graph::of(self.shape.embedding, rows);
        let chosen = self.steps.step(row, &[stream]);
        let norm = self.steps.step(row, &[chosen]);
        let logits = Graph::of(self.shape.vocabulary, rows);
        match self.ask.task {
            // The vectors are what is asked for: logits are kept beside them, and pooling turns their table.
            Task::Embedding => {
                let norm = self.steps.kept(row, &[norm]);
                // One more row of each token was seen with several slots, and only then.
                let more = if self.ask.parallel > 1 { row } else { 0 };
                self.steps.kept(logits.saturating_add(more), &[norm]);
                let turned = self.steps.step(row, &[norm]);
                self.steps.store(&[turned, chosen]);
            }
            Task::Chat | Task::Code | Task::Reasoning => {
                let norm = self.steps.in_place(row, &[norm]);
                self.steps.step(logits, &[norm]);
            }
        }
    }
}
