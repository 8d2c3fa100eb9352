//! The report of a plan, in seven parts: what the machine is, what is recommended and why, how it is put together, the
//! files that run it, how fast it should be, what could go wrong, and how to check all that.
//!
//! Pure: facts and decisions in, text out. [`document`] is the form in between, so that Markdown and HTML say the same.

mod deployment;
pub mod document;
mod html;
mod markdown;
mod projection;
mod recommendation;
mod stack;
mod verification;

#[cfg(test)]
mod tests;

use edgeorch_engines::{DeployFile, Deployment, Flag, Host};
use serde::Serialize;

use crate::plan::risk::Risk;
use crate::plan::{Decision, Rehearsed, Verdict};
use document::{Document, Section};

pub use recommendation::signed;
pub use verification::script;

/// Everything that a report tells.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Always `edgeorch.plan/v1`.
    pub schema: String,
    /// The profile's name, and its path as it was given.
    pub profile: String,
    pub profile_path: String,
    /// Where the gateway listens.
    pub endpoint: String,
    pub host: Host,
    /// The host as one screen.
    #[serde(skip)]
    pub audit: String,
    pub models: Vec<Planned>,
}

/// One model of the profile.
#[derive(Debug, Serialize)]
pub struct Planned {
    pub id: String,
    pub decision: Decision,
    /// What other engines would make of it.
    pub other_engines: Vec<OtherEngine>,
    pub risks: Vec<Risk>,
    /// The sum beside the engine's own dry run; null where it has none here, or the weights are elsewhere.
    pub rehearsal: Option<Rehearsed>,
    /// The engine's program here; null where it is not installed.
    pub program: Option<String>,
    /// Null where the engine is not installed: flags follow from its own `--help`.
    pub arguments: Option<Vec<Flag>>,
    /// What is to be told people beside the parts, such as where files are expected.
    pub notes: Vec<String>,
    #[serde(skip)]
    pub deployment: Deployment,
    /// Where the server answers that those files start, on loopback.
    #[serde(skip)]
    pub port: u16,
}

impl Planned {
    /// The engine's id, where edgeorch plans for it and does not start it.
    fn not_started(&self) -> Option<&str> {
        let engine = &self.decision.best.as_ref()?.plan.engine;
        let starts = edgeorch_engines::find(engine).is_some_and(|engine| engine.manifest().launches);
        (!starts).then_some(engine)
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct OtherEngine {
    pub engine: String,
    /// Whether edgeorch starts it.
    pub starts: bool,
    /// Whether it has a way that fits.
    pub fits: bool,
    pub verdict: String,
}

impl Report {
    /// Whether `up` would serve the profile: it starts all of its models or none.
    fn starts(&self) -> bool {
        self.models.iter().all(|model| model.not_started().is_none())
    }

    pub const SCHEMA: &str = "edgeorch.plan/v1";

    pub fn markdown(&self) -> String {
        markdown::render(&self.document())
    }

    pub fn html(&self) -> String {
        html::render(&self.document())
    }

    /// Files that serve the models without edgeorch, each below a folder of its model's name, and the script that
    /// checks the deployment.
    pub fn files(&self) -> Vec<(String, DeployFile)> {
        let of_models = self.models.iter().flat_map(|model| {
            let folder = format!("deploy/{}", folder(&model.id));
            model.deployment.files.iter().map(move |file| (folder.clone(), file.clone()))
        });
        let check = DeployFile::script("verify.sh", verification::script(self));
        of_models.chain([(String::new(), check)]).collect()
    }

    fn document(&self) -> Document {
        Document {
            title: format!("Plan of {}", self.profile),
            summary: self.summary(),
            sections: vec![
                self.hardware(),
                recommendation::section(self),
                stack::section(self),
                deployment::section(self),
                projection::section(self),
                self.risks(),
                verification::section(self),
            ],
        }
    }

    fn summary(&self) -> String {
        let of_model =
            |model: &Planned| match model.decision.best.as_ref().map(|best| (best, &best.plan.verdict)) {
                Some((best, Verdict::Fits { total, .. })) => {
                    format!("{} is served by {} with {total} of memory.", model.id, best.plan.engine)
                }
                Some((_, Verdict::DoesNotFit { short, .. })) => {
                    format!("{} does not fit: {short} are missing.", model.id)
                }
                Some((_, Verdict::Unknown { .. })) | None => format!("{} can't be planned.", model.id),
            };
        self.models.iter().map(of_model).collect::<Vec<_>>().join(" ")
    }

    fn hardware(&self) -> Section {
        let mut section = Section::new("1 Hardware audit");
        section.listing("text", self.audit.trim_end());
        section.text("`edgeorch audit --json` gives every field with its source, and the reason of each that is unknown.");
        section
    }

    fn risks(&self) -> Section {
        let mut section = Section::new("6 Risk register");
        for model in &self.models {
            section.heading(&model.id);
            let row = |risk: &Risk| {
                [
                    risk.kind.name().to_owned(),
                    risk.likelihood.name().to_owned(),
                    risk.because.clone(),
                    risk.trigger.clone(),
                    risk.mitigation.clone(),
                ]
            };
            section.table(
                ["risk", "likelihood", "because", "set off when", "what to do"],
                model.risks.iter().map(row).collect(),
            );
        }
        section
    }
}

/// A model's id as a folder's name.
fn folder(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect()
}
