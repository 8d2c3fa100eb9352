//! What sparse attention adds to the graph: an indexer scores the tokens before, the best are chosen, and a mask of its
//! own lets attention see these alone.
//!
//! Three ways, by architecture (`traits.yaml`). Rows: each token is scored (`build_attn` of `llm_graph_input_attn_k_dsa` in
//! `src/llama-graph.cpp`). Pools and gated pools: so many tokens are scored as one, by a key that is made of theirs when the
//! chunk completes it (`src/models/qwen4exp.cpp` and `glm5-next.cpp`). The graph is reserved for a chunk that completes
//! every pool of the cache at once, so making them takes memory by the context and not by the chunk.

use serde::Deserialize;

use crate::contract::{Ask, Chooser};

use super::arena::{Id, Steps};
use super::shape::Shape;
use super::{F16, F32};

/// How the tokens are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    Rows,
    /// Rows, with the indexer's keys and queries turned as those of a quantized cache.
    TurnedRows,
    Pools,
    /// Pools whose keys are weighted by a gate.
    GatedPools,
}

/// Of a model whose file wasn't read: that of DeepSeek V3.2, the first of its kind (its config.json: index_n_heads,
/// index_head_dim, q_lora_rank, index_topk).
pub(super) const PUBLISHED: Chooser = Chooser { heads: 64, size: 128, rank: 1536, chosen: 2048, pool: 1 };

/// Pools are padded to this, and one more is never used (`kpool_pad` in `src/llama-memory-hybrid-idx.cpp`).
const POOL_PADDING: u64 = 64;

/// Cell numbers.
const I32: u64 = 4;
const I64: u64 = 8;

pub(super) struct Sparse {
    way: Way,
    chooser: Chooser,
    tokens: u64,
    /// Cells that a token's row of the mask has.
    cells: u64,
    pools: u64,
    /// Layers that attend, and those with an indexer of their own.
    attending: u64,
    indexing: u64,
    /// Of each layer that is played through.
    leaves: Vec<Id>,
    given: Vec<Id>,
    /// What the layers without an indexer of their own take over.
    last: Option<Id>,
    /// Of pools that were chosen and are no mask yet.
    found: Option<Found>,
}

#[derive(Clone, Copy)]
struct Found {
    score: Id,
    best: Id,
    /// The cells of the tokens that are seen.
    cells: Id,
}

impl Sparse {
    /// `None` where every token is looked at.
    pub(super) fn of(shape: &Shape, ask: &Ask, tokens: u64, cells: u64) -> Option<Sparse> {
        let way = shape.traits.chooses?;
        if shape.indexing == 0 {
            return None;
        }
        let chooser = shape.chooser.unwrap_or(PUBLISHED);
        // Each slot can have all cells of its cache.
        let pools = (cells / chooser.pool.max(1)).saturating_mul(u64::from(ask.parallel));
        let (attending, indexing) = (shape.attending, shape.indexing);
        let (leaves, given, last, found) = (Vec::new(), Vec::new(), None, None);
        Some(Sparse { way, chooser, tokens, cells, pools, attending, indexing, leaves, given, last, found })
    }

    /// Elements of four bytes for each token.
    fn wide(&self, elements: u64) -> u64 {
        elements.saturating_mul(self.tokens).saturating_mul(F32)
    }

    fn padded(&self) -> u64 {
        self.pools.saturating_add(1).div_ceil(POOL_PADDING).saturating_mul(POOL_PADDING)
    }

    /// Rows or pools that are chosen.
    fn top(&self) -> u64 {
        match self.way {
            Way::Rows | Way::TurnedRows => self.cells.min(self.chooser.chosen),
            Way::Pools | Way::GatedPools => self.padded().min(self.chooser.chosen / self.chooser.pool.max(1)),
        }
    }

    /// Tokens that are seen of them, and those behind the last whole pool.
    fn seen(&self) -> u64 {
        self.chooser.pool.saturating_mul(self.top()).saturating_add(self.chooser.pool.saturating_sub(1))
    }

    /// Its own mask, lists of cells, and the zeros that unmask what is chosen: these lie in the buffer from the start, once
    /// for each layer. `played` layers are in the graph that is played through.
    pub(super) fn inputs(&mut self, steps: &mut Steps, played: u64, copies: u64) {
        let mut input = |bytes: u64| steps.input(bytes.saturating_mul(copies));
        match self.way {
            Way::Rows | Way::TurnedRows => {
                let mask = self.cells.saturating_mul(self.tokens).saturating_mul(F16);
                self.given.push(input(mask));
                let zeros = self.wide(self.top());
                self.leaves = (0..played.min(self.attending)).map(|_| input(zeros)).collect();
                self.leaves.reverse();
                input(zeros.saturating_mul(self.attending.saturating_sub(played)));
            }
            Way::Pools | Way::GatedPools => {
                let pool = self.chooser.pool;
                let padded = self.padded();
                let cells = input(padded.saturating_mul(I32));
                let members = input(padded.saturating_mul(pool).saturating_mul(I32));
                let mask = input(padded.saturating_mul(self.tokens).saturating_mul(F16));
                let tail = input(self.wide(pool.saturating_sub(1)));
                let gathered = match self.way {
                    Way::GatedPools => input(self.wide(self.seen())),
                    _ => input(0),
                };
                let fresh = input(self.pools.saturating_mul(pool).saturating_mul(I32));
                let places = input(self.pools.saturating_mul(2 * I64));
                self.given = vec![cells, members, mask, tail, gathered, fresh, places];
                let row =
                    self.cells.saturating_add(self.seen()).saturating_add(self.seen()).saturating_mul(F16);
                let leaf = self.wide(self.chooser.size).saturating_add(row);
                input(leaf.saturating_mul(self.indexing));
            }
        }
    }

    /// What comes before attention's own queries: the short one that both are made of, and the choice among pools.
    pub(super) fn begin(&mut self, steps: &mut Steps, own: bool, norm: Id) -> Id {
        match self.way {
            Way::Pools | Way::GatedPools if own => self.among_pools(steps, norm),
            _ => self.short(steps, norm),
        }
    }

    fn short(&self, steps: &mut Steps, norm: Id) -> Id {
        match self.chooser.rank {
            0 => norm,
            rank => steps.step(self.wide(rank), &[norm]),
        }
    }

    /// The mask that attention reads.
    pub(super) fn choose(&mut self, steps: &mut Steps, own: bool, [norm, short]: [Id; 2], mask: Id) -> Id {
        match self.way {
            Way::Rows | Way::TurnedRows => self.among_rows(steps, own, [norm, short], mask),
            Way::Pools | Way::GatedPools => {
                let fresh = self.found.take().map(|found| self.mask_of(steps, found, mask));
                self.last = fresh.or(self.last);
                self.last.unwrap_or(mask)
            }
        }
    }

    fn among_rows(&mut self, steps: &mut Steps, own: bool, [norm, short]: [Id; 2], mask: Id) -> Id {
        let chosen = match self.last {
            Some(last) if !own => last,
            _ => self.scored_rows(steps, [norm, short]),
        };
        self.last = Some(chosen);
        let plane = self.cells.saturating_mul(self.tokens).saturating_mul(F16);
        let hidden = steps.step(plane, &[mask]);
        let zeros = self.leaves.pop();
        let read: Vec<Id> = zeros.into_iter().chain([chosen, hidden]).collect();
        steps.store(&read);
        let seen = steps.in_place(plane, &[mask, hidden]);
        steps.store(&[hidden]);
        seen
    }

    fn scored_rows(&mut self, steps: &mut Steps, [norm, short]: [Id; 2]) -> Id {
        let Chooser { heads, size, .. } = self.chooser;
        let queries = self.wide(heads.saturating_mul(size));
        let query = steps.step(queries, &[short]);
        let query = steps.step(queries, &[query]);
        let query = match self.way {
            Way::TurnedRows => steps.step(queries, &[query]),
            _ => query,
        };
        let weights = steps.step(self.wide(heads), &[norm]);
        let weights = steps.step(self.wide(heads), &[weights]);
        let read: Vec<Id> = [query, weights].into_iter().chain(self.given.first().copied()).collect();
        let score = steps.step(self.wide(self.cells), &read);
        let best = steps.step(self.wide(self.top()), &[score]);
        steps.step(self.wide(self.top()), &[best])
    }

    /// Every pool is made and scored, and the best become their tokens.
    fn among_pools(&mut self, steps: &mut Steps, norm: Id) -> Id {
        let Chooser { heads, size, pool, .. } = self.chooser;
        let [cells, members, pool_mask, tail, _, fresh, places] = self.given[..] else { return norm };
        // Keys and gates of the chunk go into the cache; then every pool that they complete is made.
        let key = steps.step(self.wide(size), &[norm]);
        let packed = steps.step(self.wide(size.saturating_mul(3)), &[key, norm]);
        steps.store(&[packed]);
        let made = self.pools.saturating_mul(size).saturating_mul(F32);
        let all = made.saturating_mul(pool);
        match self.way {
            Way::GatedPools => {
                let rows = steps.step(all.saturating_mul(2), &[fresh]);
                let gates = steps.step(all, &[rows]);
                let gates = steps.step(all, &[gates]);
                let shares = steps.step(all, &[gates]);
                let keys = steps.step(all, &[rows]);
                let weighted = steps.in_place(all, &[keys, shares]);
                let sum = steps.step(made, &[weighted]);
                steps.store(&[sum, places]);
            }
            _ => {
                let rows = steps.step(all, &[fresh]);
                let sum = steps.step(made, &[rows]);
                steps.store(&[rows]);
                let turned = steps.step(made, &[sum, places]);
                steps.store(&[turned]);
            }
        }
        let short = self.short(steps, norm);
        let queries = self.wide(heads.saturating_mul(size));
        let query = steps.step(queries, &[short]);
        let query = match self.way {
            Way::GatedPools => query,
            _ => steps.step(queries, &[query]),
        };
        let pooled = steps.step(self.padded().saturating_mul(size).saturating_mul(F32), &[cells]);
        let score = steps.step(self.wide(self.padded()), &[query, pooled, pool_mask]);
        let top = self.wide(self.top());
        let best = steps.step(top, &[score]);
        let best = match self.way {
            Way::GatedPools => {
                // In the order of their scores.
                let copy = steps.step(top, &[best]);
                let scores = steps.step(top, &[score, best]);
                let order = steps.step(top, &[scores]);
                let sorted = steps.step(top, &[copy, order]);
                let whole = steps.step(top, &[sorted]);
                steps.step(top, &[whole])
            }
            _ => best,
        };
        let member = steps.step(self.wide(self.chooser.pool.saturating_mul(self.top())), &[members, best]);
        let cells = steps.step(self.wide(self.seen()), &[member, tail]);
        self.found = Some(Found { score, best, cells });
        short
    }

    /// The tokens become a mask: every step has a row for each token of the chunk.
    fn mask_of(&self, steps: &mut Steps, Found { score, best, cells }: Found, mask: Id) -> Id {
        let top = self.wide(self.top());
        let tokens = self.wide(self.seen());
        let gathered = self.given.get(4).copied().unwrap_or(mask);
        let zeros = steps.step(self.seen().saturating_mul(self.tokens).saturating_mul(F16), &[]);
        let number = steps.step(tokens, &[cells]);
        let number = match self.way {
            Way::GatedPools => {
                let live = steps.step(tokens, &[gathered]);
                steps.in_place(tokens, &[number, live])
            }
            _ => {
                let scores = steps.step(top, &[score, best]);
                let repeated = steps.step(self.wide(self.chooser.pool.saturating_mul(self.top())), &[scores]);
                let live = steps.step(tokens, &[repeated]);
                let ones = steps.step(tokens, &[live]);
                let spare = steps.step(tokens, &[ones]);
                steps.in_place(tokens, &[number, live, spare])
            }
        };
        let number = steps.step(tokens, &[number]);
        let hidden = self.cells.saturating_add(self.seen()).saturating_mul(self.tokens).saturating_mul(F16);
        let hidden = steps.step(hidden, &[]);
        steps.store(&[hidden, zeros, number]);
        let plane = self.cells.saturating_mul(self.tokens).saturating_mul(F16);
        steps.step(plane, &[hidden, mask])
    }
}
