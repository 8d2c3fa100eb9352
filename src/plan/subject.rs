//! What could be served: a model in one form, with what a person wants to know of it before it is chosen.

use edgeorch_engines::Model;
use serde::Serialize;

use super::fitness::Grade;
use super::quality::{Loss, Unknown, loss, of_weights, step, weight_bits};

/// One model in one form.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// `Qwen3-8B`, or the file's own name.
    pub name: String,
    /// Where it is had, as a profile writes it.
    pub source: Option<String>,
    /// Its type by the quantization ladder, where that is known beforehand; a file tells by its tensors.
    pub quantization: Option<String>,
    pub licence: Option<Licence>,
    /// How well it does such tasks, where somebody measured it.
    pub grade: Option<Grade>,
    #[serde(skip)]
    pub model: Model,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Licence {
    pub name: String,
    /// Without limits on who uses it for what.
    pub open: bool,
    pub limits: Option<String>,
}

impl Subject {
    /// Bits per weight of what most of its weights are of.
    pub fn bits(&self) -> Option<f64> {
        match &self.quantization {
            Some(name) => step(name)?.1,
            None => weight_bits(&self.model),
        }
    }

    /// What its type costs it.
    pub fn loss(&self) -> Result<Loss, Unknown> {
        match &self.quantization {
            Some(name) => loss((&self.model).into(), name, None),
            None => of_weights(&self.model),
        }
    }

    /// The repository that it is had from, as a profile writes it, and its type there where the source names one.
    pub fn place(&self) -> Option<(&str, Option<&str>)> {
        let source = self.source.as_deref()?;
        let (repository, kind) = match source.strip_prefix("hf:")?.find(':') {
            Some(at) => (&source[..at + "hf:".len()], Some(&source[at + "hf:".len() + 1..])),
            None => (source, None),
        };
        Some((repository, kind))
    }

    /// `Qwen3-8B Q4_K_M`.
    pub fn title(&self) -> String {
        match &self.quantization {
            Some(quantization) => format!("{} {quantization}", self.name),
            None => self.name.clone(),
        }
    }
}
