//! What DeepSeek V4 adds to the graph: beside its window, a layer looks at rows that stand for several tokens each, and at
//! some of them only (`build_csa` and `build_lid_top_k` in `src/models/deepseek4.cpp`).
//!
//! Both kinds of rows are copied into one list for each layer, so this takes memory by the context and not by the chunk.

use crate::contract::{Ask, Chooser, Index, KvType};

use super::arena::{Id, Steps};
use super::shape::Shape;
use super::sparse::PUBLISHED;
use super::{F16, F32, pad};

/// Rows that stand for so many tokens are chosen by an indexer; of heavier ones all are seen.
pub(super) const CHOSEN_OF: u64 = 4;

pub(super) struct Compressed {
    chooser: Chooser,
    key_type: KvType,
    slots: u64,
    tokens: u64,
    /// Cells of a slot over the whole context, and of the window.
    cells: u64,
    window: u64,
    masks: Vec<(u64, Id)>,
    scored: Option<Id>,
    leaves: Vec<Id>,
}

impl Compressed {
    /// `None` where every row is of one token.
    pub(super) fn of(shape: &Shape, ask: &Ask, tokens: u64, [cells, window]: [u64; 2]) -> Option<Compressed> {
        shape.kinds.iter().find(|kind| kind.index.is_some_and(|index| index.every > 1))?;
        let chooser = shape.chooser.unwrap_or(PUBLISHED);
        let (masks, scored, leaves) = (Vec::new(), None, Vec::new());
        let (key_type, slots) = (ask.key_type, u64::from(ask.parallel));
        Some(Compressed { chooser, key_type, slots, tokens, cells, window, masks, scored, leaves })
    }

    fn rows(&self, every: u64) -> u64 {
        pad(self.cells / every.max(1))
    }

    fn wide(&self, elements: u64) -> u64 {
        elements.saturating_mul(self.tokens).saturating_mul(F32)
    }

    fn plane(&self, cells: u64) -> u64 {
        cells.saturating_mul(self.tokens).saturating_mul(F16)
    }

    fn top(&self) -> u64 {
        self.rows(CHOSEN_OF).min(self.chooser.chosen)
    }

    /// Masks over each kind of rows, one more for the indexer, and for each layer that chooses the zeros that unmask what it
    /// chose.
    pub(super) fn inputs(&mut self, steps: &mut Steps, shape: &Shape, copies: u64) {
        let mut every: Vec<u64> = shape.kinds.iter().filter_map(|kind| Some(kind.index?.every)).collect();
        every.sort_unstable();
        every.dedup();
        let mask = |every: u64| self.plane(self.rows(every)).saturating_mul(copies);
        let masks = every.iter().map(|every| (*every, steps.input(mask(*every)))).collect();
        let scored = every.contains(&CHOSEN_OF).then(|| steps.input(mask(CHOSEN_OF)));
        (self.masks, self.scored) = (masks, scored);
        let chooses = |index: Option<Index>| index.is_some_and(|index| index.every == CHOSEN_OF);
        let zeros = self.plane(self.top()).saturating_mul(copies);
        let played = shape.played.iter().filter(|kind| chooses(kind.index)).count() as u64;
        self.leaves = (0..played.min(shape.choosing)).map(|_| steps.input(zeros)).collect();
        self.leaves.reverse();
        steps.input(zeros.saturating_mul(shape.choosing.saturating_sub(played)));
    }

    /// The list of rows and the mask that attention reads. `key`: elements of a row.
    pub(super) fn listed(
        &mut self,
        steps: &mut Steps,
        index: Index,
        key: u64,
        [norm, short, mask]: [Id; 3],
    ) -> [Id; 2] {
        let more = self.rows(index.every);
        let all = self.window.saturating_add(more);
        let keys = self.key_type.bytes(key).0.saturating_mul(all).saturating_mul(self.slots);
        let keys = steps.step(keys, &[]);
        let own = self.masks.iter().find(|(every, _)| *every == index.every).map_or(mask, |(_, id)| *id);
        let seen = if index.every == CHOSEN_OF { self.chosen(steps, own, [norm, short]) } else { own };
        [keys, steps.step(self.plane(all), &[mask, seen])]
    }

    fn chosen(&mut self, steps: &mut Steps, mask: Id, [norm, short]: [Id; 2]) -> Id {
        let Chooser { heads, size, .. } = self.chooser;
        let queries = self.wide(heads.saturating_mul(size));
        let query = steps.step(queries, &[short]);
        let query = steps.step(queries, &[query]);
        let query = steps.step(queries, &[query]);
        let weights = steps.step(self.wide(heads), &[norm]);
        let read: Vec<Id> = [query, weights].into_iter().chain(self.scored).collect();
        let score = steps.step(self.wide(self.rows(CHOSEN_OF)), &read);
        let best = steps.step(self.wide(self.top()), &[score]);
        let best = steps.step(self.wide(self.top()), &[best]);
        let plane = self.plane(self.rows(CHOSEN_OF));
        let hidden = steps.step(plane, &[mask]);
        let read: Vec<Id> = self.leaves.pop().into_iter().chain([best, hidden]).collect();
        steps.store(&read);
        let seen = steps.in_place(plane, &[mask, hidden]);
        steps.store(&[hidden]);
        seen
    }
}
