//! Flag rules of a manifest → the flags of one launch.

use std::collections::{BTreeMap, BTreeSet};

use super::Manifest;
use super::help::Help;
use crate::contract::{Binary, Flag, Refusal};

/// What an adapter puts in: values for `{name}`, and the conditions that hold.
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub values: BTreeMap<&'static str, String>,
    pub conditions: BTreeSet<&'static str>,
}

impl Values {
    pub fn set(&mut self, name: &'static str, value: impl ToString) {
        self.values.insert(name, value.to_string());
    }

    pub fn hold(&mut self, condition: &'static str, holds: bool) {
        if holds {
            self.conditions.insert(condition);
        }
    }

    fn fill(&self, template: &str) -> String {
        self.values
            .iter()
            .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}

/// The generated flags in the manifest's order, then the user's own.
pub fn flags(
    manifest: &Manifest,
    binary: &Binary,
    values: &Values,
    own: &[String],
) -> Result<Vec<Flag>, Refusal> {
    let help = Help::parse(&binary.help);
    let mut flags = Vec::new();
    for rule in &manifest.flags {
        if rule.when.as_deref().is_some_and(|condition| !values.conditions.contains(condition)) {
            continue;
        }
        let Some(flag) = rule.flag.split('|').find(|spelling| help.lists(spelling)) else {
            if rule.required {
                return Err(Refusal::MissingFlag {
                    engine: manifest.id.clone(),
                    program: binary.program.display().to_string(),
                    flag: rule.flag.clone(),
                });
            }
            continue;
        };
        let words = std::iter::once(flag.to_owned()).chain(rule.value.iter().map(|value| values.fill(value)));
        flags.push(Flag { words: words.collect(), why: values.fill(&rule.why) });
    }
    deny(manifest, own)?;
    flags.extend(
        own.iter().map(|word| Flag { words: vec![word.clone()], why: "runtime_flags of the profile".into() }),
    );
    Ok(flags)
}

/// Refuses the user's flags that would break supervision, privacy or the memory sum. `--flag=value` counts as `--flag`.
pub fn deny(manifest: &Manifest, own: &[String]) -> Result<(), Refusal> {
    for word in own {
        let flag = word.split('=').next().unwrap_or(word);
        if let Some(denied) =
            manifest.denied.iter().find(|denied| denied.flags.iter().any(|known| known == flag))
        {
            return Err(Refusal::DeniedFlag { flag: flag.to_owned(), why: denied.why.clone() });
        }
    }
    Ok(())
}
