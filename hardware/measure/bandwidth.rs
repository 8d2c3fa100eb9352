//! How fast memory is read and written: by all usable cores at once, and by one alone.
//!
//! Each thread takes its own part of the memory, and all start together. The best of several rounds counts, as in STREAM:
//! what disturbs a round can only make it slower.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Bandwidth, Cache};
use serde::{Deserialize, Serialize};

use super::triad::{BLOCK, BYTES_PER_ELEMENT, Triad, Work, work};
use crate::Root;
use crate::findings::Findings;

/// How much memory is used at most, whatever the caches.
const MOST: u64 = 512 << 20;
/// And at least, where the machine has it: caches that nobody told of.
const LEAST: u64 = 128 << 20;
/// Of the memory that a new process could take.
const SHARE: u64 = 8;
/// STREAM's rule, which leaves next to nothing in the caches from one pass to the next.
const TIMES_CACHE: u64 = 4;

// In all some 220 ms, which leaves a little for starting threads and giving memory back. Rounds are short and many: one that
// nothing disturbs is enough.
const TAKING: Duration = Duration::from_millis(100);
const ROUND: Duration = Duration::from_millis(12);
const ROUNDS: u32 = 6;
const ROUNDS_ALONE: u32 = 4;

const FIELD: &str = "memory.bandwidth";

/// What of the machine decides how it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    pub usable_cores: u32,
    pub caches: &'a [Cache],
    /// What a new process could take now.
    pub usable_memory: Bytes,
}

#[derive(Debug, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
enum NotMeasured {
    #[error("too little memory is free to measure it")]
    NoMemory,
    #[error("only {} could be taken for it, which fit into the caches of {}", .working_set, .caches)]
    InCache { working_set: Bytes, caches: Bytes },
    #[error("this edgeorch was built without optimisation: it would measure itself")]
    Unoptimised,
}

pub fn bandwidth(root: &Root, given: Given, findings: &mut Findings) -> Option<Bandwidth> {
    let caches = reachable_cache(&given);
    let ask = || if cfg!(debug_assertions) { Err(NotMeasured::Unoptimised) } else { measure(&given, caches) };
    match root.answer("bandwidth", ask) {
        Ok(Ok(bandwidth)) => {
            findings.known(FIELD, source(&bandwidth, caches));
            Some(bandwidth)
        }
        Ok(Err(reason @ NotMeasured::Unoptimised)) => {
            findings.unknown_but(FIELD, reason, "build it with --release");
            None
        }
        Ok(Err(reason)) => {
            findings.unknown(FIELD, reason);
            None
        }
        Err(error) => {
            findings.unknown(FIELD, edgeorch_engines::chain(&error));
            None
        }
    }
}

fn source(bandwidth: &Bandwidth, caches: Option<u64>) -> String {
    let set = bandwidth.working_set;
    let compared = match caches {
        None => "; how large the caches are is unknown".to_owned(),
        Some(caches) if set.0 < caches * TIMES_CACHE => format!(", caches of {}", Bytes(caches)),
        Some(_) => ", more than four times the caches".to_owned(),
    };
    format!("measured: triad over {set}{compared}")
}

/// Bytes of the last level of cache that the usable cores can reach: each reaches one of its caches.
fn reachable_cache(given: &Given) -> Option<u64> {
    let last = given.caches.iter().max_by_key(|cache| cache.level)?;
    Some(last.size.0.saturating_mul(u64::from(last.instances.min(given.usable_cores).max(1))))
}

/// Bytes of all arrays together.
fn wanted(given: &Given, caches: Option<u64>) -> u64 {
    let wanted = caches.unwrap_or(0).saturating_mul(TIMES_CACHE).clamp(LEAST, MOST);
    wanted.min(given.usable_memory.0 / SHARE)
}

fn measure(given: &Given, caches: Option<u64>) -> Result<Bandwidth, NotMeasured> {
    let start = Instant::now();
    let threads = usize::try_from(given.usable_cores.max(1)).unwrap_or(1);
    let elements = usize::try_from(wanted(given, caches) / BYTES_PER_ELEMENT).unwrap_or(0) / threads;
    if elements < BLOCK {
        return Err(NotMeasured::NoMemory);
    }
    let (mut arrays, workers) = together(threads, elements, start + TAKING);
    let working_set = Bytes(arrays.iter().map(Triad::bytes).sum());
    if let Some(caches) = caches.filter(|caches| working_set.0 <= *caches) {
        return Err(NotMeasured::InCache { working_set, caches: Bytes(caches) });
    }
    let alone = alone(&mut arrays);
    // Giving memory back takes time too.
    drop(arrays);
    let (Some(together), Some(alone)) = (best(&workers), alone) else { return Err(NotMeasured::NoMemory) };
    Ok(Bandwidth {
        bytes_per_second: together as u64,
        threads: u32::try_from(workers.len()).unwrap_or(u32::MAX),
        one_thread_bytes_per_second: alone as u64,
        working_set,
        milliseconds: u32::try_from(start.elapsed().as_millis()).unwrap_or(u32::MAX),
    })
}

/// All threads at once, or as many as can be started: the memory that they took, and what each did in each round.
///
/// Rounds end at moments that all threads agreed on, and the next begins at once: waking up for each would be measured too.
fn together(threads: usize, elements: usize, until: Instant) -> (Vec<Triad>, Vec<Vec<Work>>) {
    let begun = OnceLock::new();
    let worker = |started: Receiver<Arc<Barrier>>| {
        let mut own = [Triad::grow(elements, until)];
        // How many threads there are is known when all have been started.
        let Ok(barrier) = started.recv() else { return (own, Vec::new()) };
        barrier.wait();
        let begun = *begun.get_or_init(Instant::now);
        let mut next = 0;
        let rounds = (1..=ROUNDS).map(|round| {
            let (done, block) = work(&mut own, next, begun + ROUND * round);
            next = block;
            done
        });
        let rounds: Vec<Work> = rounds.collect();
        (own, rounds)
    };
    let done: Vec<([Triad; 1], Vec<Work>)> = thread::scope(|scope| {
        let start = |_| {
            let (sender, started) = channel();
            let worker = &worker;
            let worker = thread::Builder::new().spawn_scoped(scope, move || worker(started)).ok()?;
            Some((worker, sender))
        };
        let workers: Vec<_> = (0..threads).map_while(start).collect();
        let barrier = Arc::new(Barrier::new(workers.len()));
        for (_, sender) in &workers {
            let _ = sender.send(Arc::clone(&barrier));
        }
        workers.into_iter().filter_map(|(worker, _)| worker.join().ok()).collect()
    });
    let (arrays, rounds): (Vec<[Triad; 1]>, Vec<_>) = done.into_iter().unzip();
    (arrays.into_iter().flatten().collect(), rounds)
}

/// The best round's rate.
fn best(workers: &[Vec<Work>]) -> Option<f64> {
    let round =
        |i| Work::rate(&workers.iter().filter_map(|rounds| rounds.get(i).copied()).collect::<Vec<_>>());
    (0..ROUNDS as usize).filter_map(round).reduce(f64::max)
}

/// One thread over all of the memory.
fn alone(arrays: &mut [Triad]) -> Option<f64> {
    let mut next = 0;
    let round = |_| {
        let (done, block) = work(arrays, next, Instant::now() + ROUND);
        next = block;
        Work::rate(&[done])
    };
    (0..ROUNDS_ALONE).filter_map(round).reduce(f64::max)
}

#[cfg(test)]
mod tests;
