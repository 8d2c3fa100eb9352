//! Which models there are and where each one answers now. The supervisor publishes whole snapshots; the gateway reads
//! them and waits for the next. A [`Signal`] is the only thing that goes the other way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use edgeorch_engines::contract::Task;
use tokio::sync::watch;

/// All models by the id that clients ask for.
pub type Table = BTreeMap<String, Route>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub model: ModelCard,
    pub state: Availability,
}

/// What clients may know of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCard {
    pub id: String,
    /// Seconds since 1970, UTC.
    pub created: u64,
    /// Tokens that one request may use.
    pub context_size: u64,
    pub task: Task,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Availability {
    Ready(Target),
    /// Will become ready by itself: requests wait for it.
    Waiting {
        why: String,
    },
    /// Will not become ready by itself: requests are refused at once.
    Failed {
        cause: String,
    },
}

/// Where an engine answers.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub address: SocketAddr,
    /// The launch's own secret, sent as bearer token.
    pub key: String,
    /// Counts the launches of a model: two engines for one model never share it.
    pub generation: u64,
}

// The key is a secret: it must not reach a log through `{:?}`.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("address", &self.address)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// What the gateway noticed; a hint to look at once, not a verdict. The same death may be told many times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    UpstreamDied { model: String, generation: u64 },
}

/// The reading end, cheap to clone. Each clone remembers for itself which snapshot it has seen.
#[derive(Clone, Debug)]
pub struct Routes {
    table: watch::Receiver<Arc<Table>>,
}

/// The writing end. When it is dropped, waiting requests end with `shutting_down`.
#[derive(Debug)]
pub struct Publisher {
    table: watch::Sender<Arc<Table>>,
}

/// The publisher is gone: no route will ever change again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

impl Routes {
    pub fn channel() -> (Publisher, Routes) {
        let (sender, receiver) = watch::channel(Arc::default());
        (Publisher { table: sender }, Routes { table: receiver })
    }

    pub fn snapshot(&self) -> Arc<Table> {
        self.table.borrow().clone()
    }

    /// The newest snapshot, and remembers it as seen: [`Routes::changed`] waits for one after it.
    pub(super) fn seen(&mut self) -> Arc<Table> {
        self.table.borrow_and_update().clone()
    }

    pub(super) async fn changed(&mut self) -> Result<(), Closed> {
        self.table.changed().await.map_err(|_| Closed)
    }

    /// Whether requests for `model` go to this generation now.
    pub(super) fn leads_to(&self, model: &str, generation: u64) -> bool {
        let table = self.table.borrow();
        matches!(table.get(model).map(|route| &route.state), Some(Availability::Ready(target)) if target.generation == generation)
    }
}

impl Publisher {
    pub fn publish(&self, table: Table) {
        self.table.send_replace(Arc::new(table));
    }

    /// Changes one model's state; false if there is no such model.
    pub fn set(&self, model: &str, state: Availability) -> bool {
        self.table.send_if_modified(|table| match Arc::make_mut(table).get_mut(model) {
            Some(route) => {
                route.state = state;
                true
            }
            None => false,
        })
    }
}
