//! Requests that wait until their model is ready: how many may, how long, and what wakes them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::errors::Refusal;
use super::limits::Limits;
use super::meters::Meters;
use super::routes::Routes;

/// Counts who waits, per model.
#[derive(Debug)]
pub(super) struct Queue {
    limit: usize,
    lanes: Mutex<BTreeMap<String, Lane>>,
    meters: Arc<Meters>,
}

#[derive(Debug, Default)]
struct Lane {
    waiting: usize,
    /// How long the last one waited that was served.
    last: Option<Duration>,
}

/// When nothing was measured yet.
const RETRY: Duration = Duration::from_secs(10);

impl Queue {
    pub(super) fn new(limit: usize, meters: Arc<Meters>) -> Queue {
        Queue { limit, lanes: Mutex::default(), meters }
    }

    /// A place in the model's queue. `admitted` requests had been let in before and are not turned away now.
    fn enter(self: &Arc<Queue>, model: &str, admitted: bool) -> Result<Place, Refusal> {
        let mut lanes = self.lanes();
        let lane = lanes.entry(model.to_owned()).or_default();
        if lane.waiting >= self.limit && !admitted {
            let retry = lane.last.unwrap_or(RETRY);
            return Err(Refusal::QueueFull { model: model.to_owned(), limit: self.limit, retry });
        }
        lane.waiting += 1;
        self.meters.queue_depth.with_label_values(&[model]).inc();
        Ok(Place { queue: self.clone(), model: model.to_owned(), since: Instant::now() })
    }

    fn retry_after(&self, model: &str) -> Duration {
        self.lanes().get(model).and_then(|lane| lane.last).unwrap_or(RETRY)
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<String, Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One waiting request; leaves the queue when dropped.
#[derive(Debug)]
struct Place {
    queue: Arc<Queue>,
    model: String,
    since: Instant,
}

impl Place {
    fn served(self) {
        if let Some(lane) = self.queue.lanes().get_mut(&self.model) {
            lane.last = Some(self.since.elapsed());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(lane) = self.queue.lanes().get_mut(&self.model) {
            lane.waiting -= 1;
        }
        self.queue.meters.queue_depth.with_label_values(&[&self.model]).dec();
    }
}

/// One request's waiting: its deadline, its place in the queue, its view of the routes.
#[derive(Debug)]
pub(super) struct Patience {
    pub(super) routes: Routes,
    queue: Arc<Queue>,
    model: String,
    wait: Duration,
    deadline: Instant,
    pause: Duration,
    place: Option<Place>,
    admitted: bool,
}

impl Patience {
    /// An engine that refuses connections is tried again after this, then at ever longer pauses.
    const SHORTEST: Duration = Duration::from_millis(20);
    const LONGEST: Duration = Duration::from_secs(1);

    pub(super) fn new(model: &str, routes: Routes, queue: Arc<Queue>, limits: &Limits) -> Patience {
        Patience {
            routes,
            queue,
            model: model.to_owned(),
            wait: limits.wait,
            deadline: Instant::now() + limits.wait,
            pause: Patience::SHORTEST,
            place: None,
            admitted: false,
        }
    }

    /// An engine took the request and died: the wait for the next one is counted anew.
    pub(super) fn renew(&mut self) {
        self.deadline = Instant::now() + self.wait;
        self.pause = Patience::SHORTEST;
        self.admitted = true;
    }

    /// The request has an engine: it waits no more.
    pub(super) fn served(&mut self) {
        if let Some(place) = self.place.take() {
            place.served();
        }
    }

    /// Until the routes change.
    pub(super) async fn until_changed(&mut self, why: &str) -> Result<(), Refusal> {
        let deadline = self.deadline;
        self.wake(deadline, why).await
    }

    /// Until the routes change or a pause is over, whichever comes first.
    pub(super) async fn pause(&mut self, why: &str) -> Result<(), Refusal> {
        let until = Instant::now() + self.pause;
        self.pause = (self.pause * 2).min(Patience::LONGEST);
        self.wake(until, why).await
    }

    async fn wake(&mut self, until: Instant, why: &str) -> Result<(), Refusal> {
        if self.place.is_none() {
            self.place = Some(self.queue.enter(&self.model, self.admitted)?);
        }
        tokio::select! {
            changed = self.routes.changed() => changed.map_err(|_| Refusal::ShuttingDown),
            () = sleep_until(until), if until < self.deadline => Ok(()),
            () = sleep_until(self.deadline) => Err(Refusal::NotReady {
                model: self.model.clone(),
                why: why.to_owned(),
                waited: self.wait,
                retry: self.queue.retry_after(&self.model),
            }),
        }
    }
}
