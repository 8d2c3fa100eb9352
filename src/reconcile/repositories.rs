//! What the hub was asked in this run: which models lie in the repositories that were about to be chosen. Each is asked
//! about once; a hub that does not answer is not asked again.

use std::sync::{Mutex, PoisonError};

use edgeorch_engines::chain;

use crate::model::source::Repository;
use crate::plan::quality::ladder;
use crate::plan::{Held, Holdings};
use crate::progress::Progress;

#[derive(Debug, Default)]
pub struct Repositories(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    holdings: Holdings,
    /// The hub was asked, and could not be.
    silent: bool,
}

impl Repositories {
    /// What is known by now.
    pub fn holdings(&self) -> Holdings {
        self.with(|memory| memory.holdings.clone())
    }

    /// Asks what `repository`, written `hf:ORG/REPO`, holds. False where nothing was learned, which is told once.
    pub async fn ask(&self, repository: &str, progress: &dyn Progress) -> bool {
        let Some(name) = repository.strip_prefix("hf:") else { return false };
        if self.with(|memory| memory.silent) {
            return false;
        }
        let held = match Repository::ask(name).await {
            Ok(listed) => held(&listed),
            Err(error) if error.is_of_repository() => {
                Held::Nothing { reason: format!("failed to {}", chain(&error)) }
            }
            Err(error) => {
                self.with(|memory| memory.silent = true);
                let told = format!(
                    "which types the repositories hold is not known, and the choice goes on without: failed to {}",
                    chain(&error)
                );
                progress.note(&told);
                return false;
            }
        };
        self.with(|memory| memory.holdings.learn(repository, held));
        true
    }

    /// Never held while anybody waits.
    fn with<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        // Whoever panicked with it left whole entries behind.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The facts of a listing that a choice asks for: the ladder's types, by the same rule by which one is fetched.
fn held(listed: &Repository) -> Held {
    let steps = ladder().weights.iter().filter(|step| step.formats.iter().any(|format| format == "gguf"));
    let types = steps.map(|step| step.name.clone()).filter(|name| listed.has(name));
    Held::Models { types: types.collect(), names: listed.names(), folder: listed.is_folder() }
}
