//! The task that prepares wishes one after the other, so that each is judged with what those before it take. It runs
//! beside the loop: a download of an hour must not keep anybody waiting.

use std::collections::BTreeMap;
use std::sync::Arc;

use edgeorch_engines::{Bytes, Host};
use tokio::sync::mpsc;

use super::Wish;
use super::prepare::{PrepareError, Prepared, Workshop};
use super::repositories::Repositories;
use crate::engine::Engines;
use crate::home::Home;
use crate::ledger::Past;
use crate::plan::Usage;
use crate::profile::elements::PrivacyMode;
use crate::progress::Progress;

pub struct Preparer {
    pub home: Home,
    /// The machine before anything was started.
    pub host: Host,
    pub engines: Arc<Engines>,
    /// The most that all models together may take.
    pub budget: Bytes,
    pub privacy: PrivacyMode,
    pub progress: Arc<dyn Progress>,
    /// What earlier launches took.
    pub past: Arc<dyn Past>,
}

/// A wish's id and what came of it.
pub type Outcome = (String, Result<Box<Prepared>, PrepareError>);

impl Preparer {
    /// Ends when the queue or the results are closed; dropping it ends what it fetches or builds.
    pub async fn run(
        self,
        mut queue: mpsc::UnboundedReceiver<Wish>,
        results: mpsc::UnboundedSender<Outcome>,
    ) {
        let mut proven: BTreeMap<String, Usage> = BTreeMap::new();
        let repositories = Repositories::default();
        while let Some(wish) = queue.recv().await {
            let id = wish.ask.id.clone();
            proven.remove(&id);
            let workshop = Workshop {
                home: &self.home,
                host: &self.host,
                engines: &self.engines,
                budget: self.budget,
                privacy: self.privacy,
                elsewhere: false,
                past: self.past.clone(),
                repositories: &repositories,
            };
            let mut taken = Usage::default();
            proven.values().for_each(|usage| taken.extend(usage));
            let result = workshop.prepare(&wish, &taken, &*self.progress).await;
            if let Ok(prepared) = &result {
                proven.insert(id.clone(), prepared.approved.usage());
            }
            if results.send((id, result.map(Box::new))).is_err() {
                return;
            }
        }
    }
}
