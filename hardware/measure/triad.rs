//! STREAM's triad over memory of one's own: `a[i] = b[i] + s × c[i]`.
//!
//! Everything ends at a deadline instead of after a number of passes, so that slow memory takes no longer than fast memory.
//! A worker goes round and round through its arrays, block by block, and looks at the clock between blocks.

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

/// Elements of one array between two looks at the clock: about 10 µs.
pub const BLOCK: usize = 16 << 10;

/// What one element costs as STREAM counts: two reads and one write of eight bytes. That most caches read a line before
/// they write it is not counted.
pub const BYTES_PER_ELEMENT: u64 = 24;

const FACTOR: f64 = 3.0;

/// Three arrays of one length.
#[derive(Debug, Default)]
pub struct Triad {
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
}

impl Triad {
    /// Up to `elements` in each array, fewer if memory or time runs out before. The thread that will work on them must
    /// call this: the system places memory beside the core that writes it first.
    pub fn grow(elements: usize, until: Instant) -> Triad {
        let mut triad = Triad::default();
        for array in [&mut triad.a, &mut triad.b, &mut triad.c] {
            if array.try_reserve_exact(elements).is_err() {
                return Triad::default();
            }
        }
        while triad.len() + BLOCK <= elements && Instant::now() < until {
            let length = triad.len() + BLOCK;
            triad.a.resize(length, 0.0);
            triad.b.resize(length, 1.0);
            triad.c.resize(length, 2.0);
        }
        triad
    }

    pub fn len(&self) -> usize {
        self.a.len()
    }

    pub fn bytes(&self) -> u64 {
        self.len() as u64 * BYTES_PER_ELEMENT
    }

    fn compute(&mut self, range: Range<usize>) {
        let (a, b, c) = (&mut self.a[range.clone()], &self.b[range.clone()], &self.c[range]);
        for ((a, b), c) in a.iter_mut().zip(b).zip(c) {
            *a = *b + FACTOR * *c;
        }
        // Nobody reads the result, which is no reason not to compute it.
        black_box(a);
    }
}

/// What a worker did: bytes moved from one moment to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    pub bytes: u64,
    pub from: Instant,
    pub to: Instant,
}

impl Work {
    /// Bytes per second of several workers at once: from the first one's start to the last one's end.
    pub fn rate(together: &[Work]) -> Option<f64> {
        let from = together.iter().map(|work| work.from).min()?;
        let to = together.iter().map(|work| work.to).max()?;
        let seconds = to.duration_since(from).as_secs_f64();
        let bytes: u64 = together.iter().map(|work| work.bytes).sum();
        (seconds > 0.0 && bytes > 0).then(|| bytes as f64 / seconds)
    }
}

/// Goes through the arrays from `start` (a block's number) on until the time is up. At least one block is computed. Gives
/// what was done, and the block to go on with: what was just used may still be in a cache.
pub fn work(arrays: &mut [Triad], start: usize, until: Instant) -> (Work, usize) {
    let blocks: Vec<(usize, usize)> = arrays
        .iter()
        .enumerate()
        .flat_map(|(i, triad)| (0..triad.len() / BLOCK).map(move |block| (i, block)))
        .collect();
    let from = Instant::now();
    let mut done = 0;
    let mut to = from;
    while !blocks.is_empty() && (done == 0 || to < until) {
        let (array, block) = blocks[(start + done) % blocks.len()];
        arrays[array].compute(block * BLOCK..(block + 1) * BLOCK);
        done += 1;
        to = Instant::now();
    }
    let bytes = (done * BLOCK) as u64 * BYTES_PER_ELEMENT;
    (Work { bytes, from, to }, start + done)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_sum_is_the_one_that_is_measured() {
        let mut triad = Triad::grow(2 * BLOCK + 1, Instant::now() + Duration::from_secs(60));
        assert_eq!(triad.len(), 2 * BLOCK);
        triad.compute(0..BLOCK);
        assert_eq!((triad.a[0], triad.a[BLOCK - 1], triad.a[BLOCK]), (7.0, 7.0, 0.0));
    }

    #[test]
    fn no_time_left_is_no_memory_taken() {
        assert_eq!(Triad::grow(BLOCK, Instant::now()).len(), 0);
    }

    #[test]
    fn more_memory_than_there_is_is_refused_without_an_end() {
        assert_eq!(Triad::grow(usize::MAX / 16, Instant::now()).len(), 0);
    }

    #[test]
    fn work_goes_round_and_on_from_where_it_stopped() {
        let later = Instant::now() + Duration::from_secs(60);
        let mut arrays = vec![Triad::grow(2 * BLOCK, later), Triad::grow(BLOCK, later)];
        let (work, next) = work(&mut arrays, 2, Instant::now());
        assert_eq!((work.bytes, next), (BLOCK as u64 * 24, 3));
        assert_eq!((arrays[0].a[0], arrays[1].a[0]), (0.0, 7.0));
        let (none, next) = super::work(&mut [], 5, later);
        assert_eq!((none.bytes, next), (0, 5));
    }

    #[test]
    fn several_workers_count_from_the_first_start_to_the_last_end() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let both =
            [Work { bytes: 500, from: at(0), to: at(50) }, Work { bytes: 500, from: at(50), to: at(100) }];
        assert_eq!(Work::rate(&both), Some(10_000.0));
        assert_eq!(Work::rate(&[]), None);
        assert_eq!(Work::rate(&[Work { bytes: 5, from: at(1), to: at(1) }]), None);
    }
}
