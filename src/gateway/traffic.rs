//! How many requests each launch of each model has in flight, and the wait until there are none: a swap or a stop
//! publishes the new route first and then awaits [`Traffic::drained`] for the old generation.
//!
//! The order matters: a request takes its [`Lease`] first and then looks again whether the route still leads to that
//! generation. So once a route has been replaced, no new lease on the old generation lives for longer than that look.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    counts: Mutex<BTreeMap<String, BTreeMap<u64, usize>>>,
    /// Told whenever a generation has no request left.
    emptied: Notify,
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<u64, usize>>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Traffic {
    /// Requests that this generation is working on now.
    pub fn in_flight(&self, model: &str, generation: u64) -> usize {
        let counts = self.shared.counts();
        counts.get(model).and_then(|launches| launches.get(&generation)).copied().unwrap_or(0)
    }

    /// Returns once this generation has no request in flight; at once if it has none now.
    pub async fn drained(&self, model: &str, generation: u64) {
        loop {
            // Enlisted before the look: a notice between the two must not be missed.
            let mut emptied = std::pin::pin!(self.shared.emptied.notified());
            emptied.as_mut().enable();
            if self.in_flight(model, generation) == 0 {
                return;
            }
            emptied.await;
        }
    }

    pub(super) fn begin(&self, model: &str, generation: u64) -> Lease {
        let mut counts = self.shared.counts();
        match counts.get_mut(model) {
            Some(launches) => *launches.entry(generation).or_default() += 1,
            None => {
                counts.insert(model.to_owned(), BTreeMap::from([(generation, 1)]));
            }
        }
        Lease { shared: self.shared.clone(), model: model.to_owned(), generation }
    }
}

/// One request in flight; ends when dropped.
#[derive(Debug)]
pub(super) struct Lease {
    shared: Arc<Shared>,
    model: String,
    generation: u64,
}

impl Lease {
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut counts = self.shared.counts();
        let Some(launches) = counts.get_mut(&self.model) else { return };
        if let Some(count) = launches.get_mut(&self.generation) {
            *count -= 1;
            if *count == 0 {
                launches.remove(&self.generation);
                self.shared.emptied.notify_waiters();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_generation_is_drained_when_its_last_request_ends() {
        let traffic = Traffic::default();
        let (first, second) = (traffic.begin("chat", 1), traffic.begin("chat", 1));
        let newer = traffic.begin("chat", 2);
        assert_eq!(traffic.in_flight("chat", 1), 2);

        let watcher = tokio::spawn({
            let traffic = traffic.clone();
            async move { traffic.drained("chat", 1).await }
        });
        drop(first);
        tokio::task::yield_now().await;
        assert!(!watcher.is_finished(), "one request of generation 1 is still in flight");
        drop(second);
        watcher.await.unwrap();
        assert_eq!(traffic.in_flight("chat", 2), 1);
        drop(newer);
    }

    #[tokio::test]
    async fn what_never_had_a_request_is_drained() {
        Traffic::default().drained("chat", 7).await;
    }
}
