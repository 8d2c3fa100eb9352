//! From a wish to an approved plan: the engine is found or installed, the weights are fetched, their header is read,
//! the sum is proven. Nothing is started here.

mod choice;
mod error;
mod files;
mod survey;

use std::sync::Arc;

use edgeorch_engines::manifest::expand;
use edgeorch_engines::{Ask, Backend, Bytes, Engine, Files, Host, Refusal, Source};

use super::repositories::Repositories;
use super::{Wish, subjects};
use crate::engine::{self, Engines};
use crate::home::Home;
use crate::ledger::Past;
use crate::plan::demands::Demands;
use crate::plan::rehearsal::Rehearsed;
use crate::plan::{self, Allowances, Approved, Candidate, Decision, Holdings, Key, Plan, Question, Usage};
use crate::profile::elements::{PrivacyMode, SourceChoice};
use crate::progress::Progress;
pub use error::PrepareError;
use files::Seen;

/// Where things are and what they are judged by.
#[derive(Debug)]
pub struct Workshop<'a> {
    pub home: &'a Home,
    pub host: &'a Host,
    pub engines: &'a Engines,
    /// The most that all models together may take.
    pub budget: Bytes,
    pub privacy: PrivacyMode,
    /// The host is another machine: what is installed here says nothing about it.
    pub elsewhere: bool,
    /// What earlier launches took.
    pub past: Arc<dyn Past>,
    /// What the hub was asked in this run.
    pub repositories: &'a Repositories,
}

/// A wish with all that its launch needs.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub approved: Approved,
    pub engine: engine::Ready,
    pub files: Files,
    pub wish: Wish,
    /// Under what its launches are recorded.
    pub key: Key,
}

/// What was decided about a wish, and the files that it was decided about.
#[derive(Clone, Debug)]
pub struct Decided {
    pub decision: Decision,
    pub files: Files,
    /// What other engines would make of it; only a survey asks.
    pub others: Vec<(&'static dyn Engine, Decision)>,
    /// Of the weights, where they were hashed.
    pub digest: Option<String>,
    /// What the engine's own dry run says; only a survey asks.
    pub rehearsed: Option<Rehearsed>,
}

impl Decided {
    fn of(decision: Decision) -> Decided {
        Decided { decision, files: Files::default(), others: Vec::new(), digest: None, rehearsed: None }
    }
}

impl Workshop<'_> {
    /// What can be refused before anything is fetched: the user's own flags, and engines that edgeorch doesn't start.
    pub fn check(&self, wish: &Wish) -> Result<(), PrepareError> {
        Ok(expand::deny(wish.engine.manifest(), &wish.ask.runtime_flags)?)
    }

    /// The best way to serve the wish on this machine; its weights are fetched, because their header is what is summed
    /// up. `taken` is what other models of the profile take.
    pub async fn decide(
        &self,
        wish: &Wish,
        taken: &Usage,
        progress: &dyn Progress,
    ) -> Result<Decided, PrepareError> {
        let allowances = Allowances::of(self.host, self.budget, taken);
        let demands = self.demands(wish).await;
        let source = match &wish.source {
            SourceChoice::Given(source) => source.clone(),
            SourceChoice::Auto => match self.propose(wish, &demands, &allowances, progress).await? {
                Proposal::Fetch(source) => source,
                Proposal::Unfit(mut decision) => {
                    self.look_around(wish, &wish.ask, &demands, &allowances, &mut decision);
                    return Ok(Decided::of(*decision));
                }
            },
        };
        let Seen { model, path, digest } = self.here(&source, progress).await?;
        let (ask, files) = self.beside(wish, &model, path, progress).await?;
        let subject = subjects::of_file(&source, model, wish.ask.task);
        let holdings = self.repositories.holdings();
        let decision = self.question(wish, &ask, &demands, &allowances, &holdings).decide([subject]);
        let mut decision = self.corrected(wish, decision, digest.clone(), allowances.clone()).await?;
        self.look_around(wish, &ask, &demands, &allowances, &mut decision);
        Ok(Decided { files, digest, ..Decided::of(decision) })
    }

    /// The decision with its plan corrected by what was measured of this very setup with the engine that is here.
    async fn corrected(
        &self,
        wish: &Wish,
        mut decision: Decision,
        digest: Option<String>,
        allowances: Allowances,
    ) -> Result<Decision, PrepareError> {
        // What was measured holds for one build, and which one will be installed is not known yet. What edgeorch doesn't
        // start was never measured.
        let manifest = wish.engine.manifest();
        if self.elsewhere || !manifest.launches {
            return Ok(decision);
        }
        let ready = self.engines.find(manifest).await.ready;
        if let (Some(best), Some(ready)) = (&mut decision.best, ready) {
            let past = self.past(self.key(wish, &best.plan, digest, &ready)?).await;
            let (model, ask) = (&best.plan.model, &best.plan.ask);
            best.plan = plan::decide(model, ask, wish.engine, self.host, allowances, Some(&past));
        }
        Ok(decision)
    }

    fn key(
        &self,
        wish: &Wish,
        plan: &Plan,
        digest: Option<String>,
        engine: &engine::Ready,
    ) -> Result<Key, PrepareError> {
        let binary = &engine.binary;
        let candidate = Candidate {
            ask: &plan.ask,
            model: &plan.model,
            digest,
            engine: wish.engine,
            binary,
            program_bytes: std::fs::metadata(&binary.program).ok().map(|facts| facts.len()),
        };
        Ok(Key::of(self.host, &candidate)?)
    }

    async fn past(&self, key: Key) -> plan::Past {
        // It waits for the disk, and for whoever holds the file.
        let (past, of) = (self.past.clone(), key.clone());
        let launches = tokio::task::spawn_blocking(move || past.history(&of)).await.unwrap_or_default();
        plan::Past { key, launches }
    }

    fn question<'a>(
        &'a self,
        wish: &'a Wish,
        ask: &'a Ask,
        demands: &'a Demands,
        allowances: &'a Allowances,
        holdings: &'a Holdings,
    ) -> Question<'a> {
        let engines = std::slice::from_ref(&wish.engine);
        Question { ask, engines, demands, host: self.host, allowances, holdings }
    }

    /// The catalogue's best model for this machine.
    async fn propose(
        &self,
        wish: &Wish,
        demands: &Demands,
        allowances: &Allowances,
        progress: &dyn Progress,
    ) -> Result<Proposal, PrepareError> {
        let subjects = || subjects::of_catalogue(&wish.ask, demands);
        let decision = self.choose(wish, demands, allowances, subjects, progress).await?;
        choice::tell_absent(&decision, progress);
        if !decision.fits() {
            return Ok(Proposal::Unfit(Box::new(decision)));
        }
        proposed(&decision).map(Proposal::Fetch).ok_or_else(|| PrepareError::NoModel {
            id: wish.ask.id.clone(),
            reason: "what it proposes names no source".to_owned(),
        })
    }

    /// What the profile demands, with the backends that the engine here has. One that is yet to be installed computes on
    /// the processor: that is what its sources give.
    async fn demands(&self, wish: &Wish) -> Demands {
        let manifest = wish.engine.manifest();
        if wish.demands.backends.is_some() || !manifest.launches || self.elsewhere {
            return wish.demands.clone();
        }
        let ready = self.engines.find(manifest).await.ready;
        let devices = ready.map(|ready| ready.binary.devices).unwrap_or_default();
        let backends =
            [Backend::Cpu].into_iter().chain(devices.iter().map(|device| device.backend)).collect();
        Demands { backends: Some(backends), ..wish.demands.clone() }
    }

    /// Everything, in the order in which a mistake costs least: the user's flags are refused before anything is
    /// fetched, and an engine that takes minutes to build is built only for a plan that fits.
    pub async fn prepare(
        &self,
        wish: &Wish,
        taken: &Usage,
        progress: &dyn Progress,
    ) -> Result<Prepared, PrepareError> {
        let manifest = wish.engine.manifest();
        if !manifest.launches {
            return Err(Refusal::NotStarted { engine: manifest.id.clone() }.into());
        }
        self.check(wish)?;
        let Decided { decision, files, digest, .. } = self.decide(wish, taken, progress).await?;
        let plan = chosen(&wish.ask.id, decision)?;
        let approved = plan.approve().map_err(PrepareError::Unfit)?;
        let engine = self.engine(wish, progress).await?;
        let key = self.key(wish, approved.plan(), digest, &engine)?;
        Ok(Prepared { approved, engine, files, wish: wish.clone(), key })
    }

    async fn engine(&self, wish: &Wish, progress: &dyn Progress) -> Result<engine::Ready, PrepareError> {
        let manifest = wish.engine.manifest();
        if self.privacy != PrivacyMode::Airgap {
            return Ok(self.engines.ensure(manifest, progress).await?);
        }
        let search = self.engines.find(manifest).await;
        search.ready.ok_or_else(|| PrepareError::AirgapEngine {
            engine: manifest.id.clone(),
            program: manifest.program.clone(),
            passed_over: search.passed_over.iter().map(|error| format!("; {error}")).collect(),
        })
    }
}

/// Where the best of a decision is had.
fn proposed(decision: &Decision) -> Option<Source> {
    decision.best.as_ref()?.subject.source.as_ref()?.parse().ok()
}

/// What the catalogue offers.
enum Proposal {
    Fetch(Source),
    Unfit(Box<Decision>),
}

/// The plan of a decision, or why there is none.
pub fn chosen(id: &str, decision: Decision) -> Result<Plan, PrepareError> {
    if let Some(reason) = decision.refused() {
        return Err(PrepareError::Policy { reason: reason.to_owned() });
    }
    let reason = decision.rejected.first().map_or("there is none for what is asked".to_owned(), |first| {
        format!("{}: {}", first.title, first.reason)
    });
    match decision.best {
        Some(best) => Ok(best.plan),
        None => Err(PrepareError::NoModel { id: id.to_owned(), reason }),
    }
}
