//! What is known of repositories: which types of a model can really be had from each. The catalogue names a repository
//! for each format, and not what lies in it; a listing tells, and comes here as a fact.

use std::collections::BTreeMap;

use edgeorch_engines::listed;

use super::subject::Subject;

/// Names in one reason; a repository of every type there is has some thirty.
const MOST_NAMED: usize = 12;

/// Nothing is known of any repository.
pub static UNKNOWN: Holdings = Holdings(BTreeMap::new());

/// By the repository as a profile writes it, `hf:ORG/REPO`. One that is not here is unknown, which rules nothing out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings(BTreeMap<String, Held>);

/// What a repository holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    Models {
        /// Types of the ladder that are there whole, and that one word names.
        types: Vec<String>,
        /// All its models of GGUF, as each can be asked for.
        names: Vec<String>,
        /// Whether it is a folder of safetensors.
        folder: bool,
    },
    /// Nobody gets anything from it; why.
    Nothing { reason: String },
}

impl Holdings {
    pub fn learn(&mut self, repository: &str, held: Held) {
        self.0.insert(repository.to_owned(), held);
    }

    pub fn of(&self, repository: &str) -> Option<&Held> {
        self.0.get(repository)
    }

    /// Why a subject can't be had from where it is said to be. `None` where it can, where that is unknown, and of files that were
    /// found by their names: their type is told by their tensors.
    pub fn absence(&self, subject: &Subject) -> Option<String> {
        let (repository, kind) = subject.place().filter(|_| subject.quantization.is_some())?;
        match (self.of(repository)?, kind) {
            (Held::Nothing { reason }, _) => Some(reason.clone()),
            (Held::Models { folder: true, .. }, None) => None,
            (Held::Models { .. }, None) => Some(format!("{repository} holds no folder of safetensors")),
            (Held::Models { types, .. }, Some(kind))
                if types.iter().any(|one| one.eq_ignore_ascii_case(kind)) =>
            {
                None
            }
            (Held::Models { names, .. }, Some(kind)) => Some(match names.as_slice() {
                [] => format!("{repository} has no {kind}, and no other GGUF file"),
                names => format!("{repository} has no {kind}; it has {}", listed(names, MOST_NAMED)),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use edgeorch_engines::{Format, Model};

    use super::*;

    fn subject(source: &str, quantization: Option<&str>) -> Subject {
        Subject {
            name: "m".into(),
            source: Some(source.into()),
            quantization: quantization.map(str::to_owned),
            licence: None,
            grade: None,
            model: Model::bare(Format::Gguf, "llama"),
        }
    }

    fn holdings(held: Held) -> Holdings {
        let mut holdings = Holdings::default();
        holdings.learn("hf:org/repo", held);
        holdings
    }

    fn models(types: &[&str], names: &[&str], folder: bool) -> Held {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Held::Models { types: owned(types), names: owned(names), folder }
    }

    #[test]
    fn what_is_not_listed_is_absent_and_the_reason_names_what_is() {
        let known = holdings(models(&["Q4_K_M"], &["Q4_K_M", "UD-Q4_K_XL"], false));
        let absence = |source: &str, kind| known.absence(&subject(source, kind));
        assert_eq!(
            absence("hf:org/repo:Q8_0", Some("Q8_0")).as_deref(),
            Some("hf:org/repo has no Q8_0; it has Q4_K_M, UD-Q4_K_XL")
        );
        assert_eq!(absence("hf:org/repo:q4_k_m", Some("Q4_K_M")), None);
        assert_eq!(absence("hf:org/other:Q8_0", Some("Q8_0")), None, "unknown rules nothing out");
        assert_eq!(absence("hf:org/repo:Q8_0", None), None, "a file that was named is not looked up");
        assert_eq!(absence("pip:a==1#Q8_0", Some("Q8_0")), None);
        let folder = absence("hf:org/repo", Some("BF16"));
        assert_eq!(folder.as_deref(), Some("hf:org/repo holds no folder of safetensors"));
    }

    #[test]
    fn a_folder_has_its_type_and_a_closed_repository_has_none() {
        let folder = holdings(models(&[], &[], true));
        assert_eq!(folder.absence(&subject("hf:org/repo", Some("BF16"))), None);
        let none = folder.absence(&subject("hf:org/repo:Q8_0", Some("Q8_0")));
        assert_eq!(none.as_deref(), Some("hf:org/repo has no Q8_0, and no other GGUF file"));
        let closed = holdings(Held::Nothing { reason: "behind terms".into() });
        for source in ["hf:org/repo", "hf:org/repo:Q8_0"] {
            assert_eq!(closed.absence(&subject(source, Some("Q8_0"))).as_deref(), Some("behind terms"));
        }
    }

    #[test]
    fn a_repository_of_everything_does_not_fill_the_screen() {
        let names: Vec<String> = (0..30).map(|n| format!("X{n:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let reason = holdings(models(&[], &names, false)).absence(&subject("hf:org/repo:Q8_0", Some("Q8_0")));
        assert!(reason.unwrap().ends_with("X10, X11 and 18 more"));
    }
}
