//! The choice from the catalogue, held against what really lies in the repository of what is chosen: decide, ask about the
//! one repository that would be taken, and decide again.
//!
//! ```text
//! decide ─▶ best ─▶ known, or here ─────────────────────────▶ taken
//!    ▲       ├────▶ unknown ─▶ ask ─▶ it is there ──────────▶ taken
//!    │       │                  ├───▶ it is not: one fact more ─┐
//!    │       └────▶ no network ─┴───▶ what is here, else taken  │
//!    └──────────────────────────────────────────────────────────┘
//! ```

use edgeorch_engines::Source;

use super::{PrepareError, Workshop};
use crate::model::store::Store;
use crate::plan::demands::Demands;
use crate::plan::subject::Subject;
use crate::plan::{Allowances, Decision, Holdings, Rejection};
use crate::profile::elements::PrivacyMode;
use crate::progress::Progress;
use crate::reconcile::Wish;

/// Repositories that one choice asks about. A catalogue that is wrong about so many in a row is not mended by asking on,
/// and each costs a request that somebody waits for.
const MOST_ASKED: usize = 8;

impl Workshop<'_> {
    /// The best of the subjects whose repository is known to hold it, or unknown.
    pub(super) async fn choose<S: IntoIterator<Item = Subject>>(
        &self,
        wish: &Wish,
        demands: &Demands,
        allowances: &Allowances,
        subjects: impl Fn() -> S,
        progress: &dyn Progress,
    ) -> Result<Decision, PrepareError> {
        let store = Store::open(self.home.models())?;
        let mut asked = 0;
        loop {
            let holdings = self.repositories.holdings();
            let decide =
                |subjects| self.question(wish, &wish.ask, demands, allowances, &holdings).decide(subjects);
            let decision = decide(subjects().into_iter().collect::<Vec<_>>());
            let Some(repository) = unknown(&decision, &holdings, &store) else { return Ok(decision) };
            if asked == MOST_ASKED {
                progress.note(&format!(
                    "{asked} repositories lack what was to be taken from them; whether the next one has it was not asked"
                ));
                return Ok(decision);
            }
            let may_ask = self.privacy != PrivacyMode::Airgap;
            if !(may_ask && self.repositories.ask(&repository, progress).await) {
                // What is here says nothing about another machine.
                let is_here = |subject: &Subject| !self.elsewhere && is_here(subject, &store);
                let here = decide(subjects().into_iter().filter(is_here).collect());
                if !here.fits() {
                    return Ok(decision);
                }
                let id = &wish.ask.id;
                progress
                    .note(&format!("{id} is chosen among the models that are here: no others can be had"));
                return Ok(here);
            }
            asked += 1;
        }
    }
}

/// The repository of the best, where it must be asked about: nothing is known of it, and the file is not here.
fn unknown(decision: &Decision, holdings: &Holdings, store: &Store) -> Option<String> {
    let best = decision.best.as_ref().filter(|_| decision.fits()).map(|best| &best.subject)?;
    let (repository, _) = best.place()?;
    let is_settled = holdings.of(repository).is_some() || is_here(best, store);
    (!is_settled).then(|| repository.to_owned())
}

fn is_here(subject: &Subject, store: &Store) -> bool {
    let source = subject.source.as_ref().and_then(|source| source.parse::<Source>().ok());
    source.is_some_and(|source| store.find(&source).is_some())
}

/// Tells of what would have been taken and is not there, where no list of the rejected is shown.
pub(super) fn tell_absent(decision: &Decision, progress: &dyn Progress) {
    for one in decision.rejected.iter().filter(|one| one.kind == Rejection::Absent) {
        progress.note(&format!("{} was passed over: {}", one.title, one.reason));
    }
}
