//! How large a buffer gets in which the tensors of a graph live one after the other.
//!
//! It plays through what `ggml/src/ggml-alloc.c` does (b11434): the smallest hole that fits, else the end; neighbours that
//! are free grow together; a step may write over a parent that nobody else needs. The peak depends on the order as much
//! as on the sizes, which is why it is played and not added up.

/// ggml's alignment of tensors in host memory; devices use up to 256, which changes nothing that is printed.
const ALIGNMENT: u64 = 32;

/// What no machine has. A lying header's sizes end here, so that no sum of them overflows.
const MAX_BYTES: u64 = 1 << 48;

pub(super) type Id = usize;

#[derive(Clone, Debug)]
struct Step {
    bytes: u64,
    parents: Vec<Id>,
    /// Its operation may write over a parent of the same size.
    in_place: bool,
    /// Written before the graph runs, so it has a place from the start.
    input: bool,
    /// Nobody frees it: something reads it that is no step.
    kept: bool,
}

/// The steps of a graph in the order in which they run.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps(Vec<Step>);

impl Steps {
    /// Something that the graph is given; without a reader it is kept to the end.
    pub(super) fn input(&mut self, bytes: u64) -> Id {
        self.add(bytes, &[], false, true, false)
    }

    pub(super) fn step(&mut self, bytes: u64, parents: &[Id]) -> Id {
        self.add(bytes, parents, false, false, false)
    }

    pub(super) fn in_place(&mut self, bytes: u64, parents: &[Id]) -> Id {
        self.add(bytes, parents, true, false, false)
    }

    pub(super) fn kept(&mut self, bytes: u64, parents: &[Id]) -> Id {
        self.add(bytes, parents, false, false, true)
    }

    /// It is read and written elsewhere, into a cache or an output: nothing new is needed.
    pub(super) fn store(&mut self, parents: &[Id]) {
        self.add(0, parents, false, false, false);
    }

    fn add(&mut self, bytes: u64, parents: &[Id], in_place: bool, input: bool, kept: bool) -> Id {
        let bytes = bytes.min(MAX_BYTES).next_multiple_of(ALIGNMENT);
        self.0.push(Step { bytes, parents: parents.to_vec(), in_place, input, kept });
        self.0.len() - 1
    }

    /// The size of the buffer.
    pub(super) fn peak(&self) -> u64 {
        let mut arena = Arena::default();
        let mut readers = vec![0usize; self.0.len()];
        let mut places: Vec<Option<u64>> = vec![None; self.0.len()];
        for (id, step) in self.0.iter().enumerate() {
            step.parents.iter().for_each(|&parent| readers[parent] += 1);
            if step.input {
                places[id] = Some(arena.take(step.bytes));
            }
        }
        for (id, step) in self.0.iter().enumerate().filter(|(_, step)| !step.input) {
            let over = step.parents.iter().copied().find(|&parent| {
                let other = &self.0[parent];
                let own = places[parent].is_some() && !other.kept;
                step.in_place && own && other.bytes == step.bytes && readers[parent] == 1
            });
            places[id] = match over {
                Some(parent) => places[parent].take(),
                None if step.bytes > 0 => Some(arena.take(step.bytes)),
                None => None,
            };
            for &parent in &step.parents {
                readers[parent] -= 1;
                if readers[parent] == 0
                    && !self.0[parent].kept
                    && let Some(place) = places[parent].take()
                {
                    arena.give_back(place, self.0[parent].bytes);
                }
            }
        }
        arena.peak
    }
}

/// Holes in the order of their places, and the end behind which all is free.
#[derive(Debug, Default)]
struct Arena {
    holes: Vec<(u64, u64)>,
    end: u64,
    peak: u64,
}

impl Arena {
    fn take(&mut self, bytes: u64) -> u64 {
        // Of equal holes the last.
        let fitting = self.holes.iter().enumerate().filter(|(_, hole)| hole.1 >= bytes);
        let best = fitting.rev().min_by_key(|(_, hole)| hole.1).map(|(index, _)| index);
        let Some(index) = best else {
            let place = self.end;
            self.end += bytes;
            self.peak = self.peak.max(self.end);
            return place;
        };
        let (place, size) = self.holes[index];
        if size == bytes {
            self.holes.remove(index);
        } else {
            self.holes[index] = (place + bytes, size - bytes);
        }
        place
    }

    fn give_back(&mut self, place: u64, bytes: u64) {
        let index = self.holes.partition_point(|hole| hole.0 < place);
        self.holes.insert(index, (place, bytes));
        if self.holes.get(index + 1).is_some_and(|next| place + bytes == next.0) {
            let next = self.holes.remove(index + 1);
            self.holes[index].1 += next.1;
        }
        if index > 0 && self.holes[index - 1].0 + self.holes[index - 1].1 == place {
            let hole = self.holes.remove(index);
            self.holes[index - 1].1 += hole.1;
        }
        // A hole at the end is no hole.
        if let Some(&(place, size)) = self.holes.last()
            && place + size == self.end
        {
            self.holes.pop();
            self.end = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_no_more_makes_room() {
        let mut steps = Steps::default();
        let first = steps.step(64, &[]);
        let second = steps.step(64, &[first]);
        steps.step(64, &[second]);
        assert_eq!(steps.peak(), 128);
    }

    #[test]
    fn a_step_writes_over_its_parent_where_it_may() {
        let mut steps = Steps::default();
        let first = steps.step(64, &[]);
        let second = steps.in_place(64, &[first]);
        steps.in_place(64, &[second]);
        assert_eq!(steps.peak(), 64);

        let mut steps = Steps::default();
        let first = steps.step(64, &[]);
        steps.in_place(64, &[first]);
        steps.in_place(64, &[first]);
        assert_eq!(steps.peak(), 128, "another still reads it");
    }

    #[test]
    fn a_hole_that_is_too_small_stays_a_hole() {
        let mut steps = Steps::default();
        let small = steps.step(32, &[]);
        let guard = steps.step(32, &[]);
        steps.store(&[small]);
        let large = steps.step(64, &[]);
        steps.store(&[guard, large]);
        assert_eq!(steps.peak(), 128);
    }

    #[test]
    fn inputs_have_their_places_from_the_start() {
        let mut steps = Steps::default();
        let first = steps.step(64, &[]);
        steps.store(&[first]);
        let late = steps.input(64);
        steps.store(&[late]);
        assert_eq!(steps.peak(), 128);
    }

    #[test]
    fn sizes_from_a_lying_header_stay_sizes() {
        let mut steps = Steps::default();
        let parents: Vec<Id> = (0..4096).map(|_| steps.step(u64::MAX, &[])).collect();
        steps.store(&parents);
        assert_eq!(steps.peak(), 4096 * MAX_BYTES);
    }
}
