//! A plan that is only looked at: nothing is downloaded but headers, and what else there would be is told.

use edgeorch_engines::{Ask, Engine, Files};

use super::{Decided, PrepareError, Seen, Workshop, proposed};
use crate::plan::demands::Demands;
use crate::plan::rehearsal::{self, Outcome, Rehearsed};
use crate::plan::subject::Subject;
use crate::plan::{Allowances, Decision, Plan, Question, Shelf, Sum, Usage, Verdict};
use crate::profile::elements::SourceChoice;
use crate::progress::Progress;
use crate::reconcile::{Wish, subjects};

impl Workshop<'_> {
    /// The same for a plan that is only looked at: of what lies on a server only the headers are read, models of the
    /// catalogue are counted from their dimensions, and other engines are asked too. `only` names one model of the
    /// catalogue.
    pub async fn survey(
        &self,
        wish: &Wish,
        only: Option<&str>,
        taken: &Usage,
        progress: &dyn Progress,
    ) -> Result<Decided, PrepareError> {
        let allowances = Allowances::of(self.host, self.budget, taken);
        let demands = self.demands(wish).await;
        let named = |subject: &Subject| only.is_none_or(|only| subject.name == only);
        let (decision, files, digest) = match &wish.source {
            SourceChoice::Auto => {
                let subjects = || subjects::of_catalogue(&wish.ask, &demands).filter(named);
                let chosen = self.choose(wish, &demands, &allowances, subjects, progress);
                let mut decision = chosen.await?;
                self.look_around(wish, &wish.ask, &demands, &allowances, &mut decision);
                // What could not be fetched is not proposed either.
                let proposed = proposed(&decision).filter(|_| decision.fits());
                let files = match proposed {
                    Some(source) => {
                        self.allowed_to_fetch(&source)?;
                        let weights = self.home.models().join(subjects::short(&source));
                        Files { weights, ..Files::default() }
                    }
                    None => Files::default(),
                };
                (decision, files, None)
            }
            SourceChoice::Given(source) => {
                let Seen { model, path, digest } = self.seen(source, progress).await?;
                let (ask, files) = self.beside(wish, &model, path, progress).await?;
                let subject = subjects::of_file(source, model, wish.ask.task);
                let holdings = self.repositories.holdings();
                let decision = self.question(wish, &ask, &demands, &allowances, &holdings).decide([subject]);
                let mut decision = self.corrected(wish, decision, digest.clone(), allowances.clone()).await?;
                self.look_around(wish, &ask, &demands, &allowances, &mut decision);
                (decision, files, digest)
            }
        };
        let others = self.other_engines(wish, &decision, &demands, &allowances);
        let rehearsed = self.rehearsed(wish, &decision, &files).await;
        Ok(Decided { decision, files, others, digest, rehearsed })
    }

    /// The engine's own dry run beside the prediction, where weights and engine are here and it has one.
    pub(super) async fn rehearsed(
        &self,
        wish: &Wish,
        decision: &Decision,
        files: &Files,
    ) -> Option<Rehearsed> {
        let best = decision.best.as_ref().filter(|_| !self.elsewhere && files.weights.exists())?;
        let (engine, manifest) = (wish.engine, wish.engine.manifest());
        let ready = self.engines.find(manifest).await.ready?;
        let Plan { ask, model, .. } = &best.plan;
        let rehearsal = engine.rehearsal(ask, model, files, &ready.binary)?;
        let outcome = match self.engines.rehearse(&ready, manifest, &rehearsal).await? {
            Ok(told) => {
                // Not the plan's own sum: what was measured may have corrected it.
                let predicted = Sum::of(model, ask, engine, self.host);
                let parts = rehearsal::compare(&predicted, &told, &ready.binary);
                Outcome::Told { parts, differs: rehearsal.differs }
            }
            Err(why) => Outcome::Failed(why),
        };
        Some(Rehearsed { program: rehearsal.program, outcome })
    }

    /// Where the best does not fit, what would: other forms of the model, other models of the catalogue, other engines.
    /// `ask` is the wish's with what is served beside.
    pub(super) fn look_around(
        &self,
        wish: &Wish,
        ask: &Ask,
        demands: &Demands,
        allowances: &Allowances,
        decision: &mut Decision,
    ) {
        let short = |plan: &Plan| matches!(plan.verdict, Verdict::DoesNotFit { .. });
        let Some(best) = decision.best.as_mut().filter(|best| short(&best.plan)) else { return };
        let all = subjects::of_any_type(&wish.ask, demands);
        let (forms, models) = subjects::parted(all, &best.subject);
        let others = edgeorch_engines::all().iter().copied();
        let shelf = Shelf {
            forms,
            models,
            engines: others.filter(|engine| engine.manifest().id != wish.engine.manifest().id).collect(),
            // What is installed here for one engine says nothing about another.
            backends: wish.demands.backends.clone(),
        };
        let holdings = self.repositories.holdings();
        best.look_around(&self.question(wish, ask, demands, allowances, &holdings), &shelf);
    }

    /// The same model with each of the other engines, in the forms that they read.
    pub(super) fn other_engines(
        &self,
        wish: &Wish,
        decision: &Decision,
        demands: &Demands,
        allowances: &Allowances,
    ) -> Vec<(&'static dyn Engine, Decision)> {
        let Some(best) = decision.best.as_ref().map(|best| &best.subject) else { return Vec::new() };
        // What is installed here for one engine says nothing about another.
        let demands =
            Demands { backends: wish.demands.backends.clone(), variants: Vec::new(), ..demands.clone() };
        let holdings = self.repositories.holdings();
        let others = edgeorch_engines::all().iter().copied();
        let others = others.filter(|engine| engine.manifest().id != wish.engine.manifest().id);
        let ask = |engine: &'static dyn Engine| {
            let question = Question {
                ask: &wish.ask,
                engines: &[engine],
                demands: &demands,
                host: self.host,
                allowances,
                holdings: &holdings,
            };
            let known =
                subjects::of_catalogue(&wish.ask, &demands).filter(|subject| subject.name == best.name);
            question.decide([best.clone()].into_iter().chain(known))
        };
        others.map(|engine| (engine, ask(engine))).collect()
    }
}
