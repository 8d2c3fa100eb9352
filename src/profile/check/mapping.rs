//! The check of mappings: unknown, planned and missing keys, and what is under the known ones.

use super::rule::Rule;
use super::{Place, Walk, format};
use crate::profile::fault::shown;
use crate::profile::suggest::{self, list};
use crate::profile::tree::Entry;

impl Walk<'_, '_> {
    pub(super) fn mapping(&mut self, entries: &[Entry], rule: &Rule<'_>, place: &Place) {
        let properties = rule.properties();
        for entry in entries {
            let known = properties.iter().find(|(key, _)| *key == entry.key).map(|(_, rule)| *rule);
            match known.or_else(|| rule.additional()) {
                Some(value_rule) => {
                    if known.is_none() {
                        self.own_key(entry, rule, place);
                    }
                    self.visit(&entry.value, &value_rule, &place.key(&entry.key, &entry.key_span));
                }
                None => {
                    let keys: Vec<&str> = properties.iter().map(|(key, _)| *key).collect();
                    self.unknown_key(entry, &keys, &rule.not_built_in_yet(), place);
                }
            }
        }
        self.missing_keys(entries, rule, place);
    }

    /// A mapping that has exactly one of several keys.
    pub(super) fn variant(&mut self, entries: &[Entry], variants: &[(&str, Rule<'_>)], place: &Place) {
        let keys: Vec<&str> = variants.iter().map(|(key, _)| *key).collect();
        for entry in entries {
            match variants.iter().find(|(key, _)| *key == entry.key) {
                Some((_, rule)) => {
                    self.visit(&entry.value, rule, &place.key(&entry.key, &entry.key_span));
                }
                None => self.unknown_key(entry, &keys, &[], place),
            }
        }
        if entries.len() != 1 {
            let message = format!("{} must have exactly one of the keys {}", place.name(), list(&keys));
            self.faults.add(&place.owner, message, None);
        }
    }

    /// A key of the user's own choice, such as a model's id.
    fn own_key(&mut self, entry: &Entry, rule: &Rule<'_>, place: &Place) {
        let checked =
            rule.key_rule().and_then(|rule| rule.format()).map(|name| format::check(name, &entry.key));
        if let Some(Err(why)) = checked {
            let message = format!("invalid key `{}`{}: {why}", shown(&entry.key), place.inside());
            self.faults.add(&entry.key_span, message, None);
        }
    }

    fn unknown_key(&mut self, entry: &Entry, known: &[&str], planned: &[&str], place: &Place) {
        if sounds_secret(&entry.key) {
            self.hide(&entry.value);
        }
        let (key, inside) = (shown(&entry.key), place.inside());
        if planned.contains(&entry.key.as_str()) {
            let hint = "this version can't do it; leave the key out".to_owned();
            self.faults.add(&entry.key_span, format!("`{key}`{inside} is not built in yet"), Some(hint));
        } else {
            let hint = suggest::hint(&entry.key, "keys", known);
            self.faults.add(&entry.key_span, format!("unknown key `{key}`{inside}"), hint);
        }
    }

    fn missing_keys(&mut self, entries: &[Entry], rule: &Rule<'_>, place: &Place) {
        let properties = rule.properties();
        for key in rule.required() {
            if entries.iter().any(|entry| entry.key == key) {
                continue;
            }
            let property = properties.iter().find(|(name, _)| *name == key).map(|(_, rule)| rule);
            let hint = property.and_then(|rule| match rule.choices()[..] {
                [only] => Some(format!("write `{key}: {only}`")),
                _ => rule.description().map(|text| format!("`{key}`: {text}")),
            });
            self.faults.add(&place.owner, format!("{} has no `{key}`", place.name()), hint);
        }
        if entries.len() < rule.min_properties() {
            let message = format!(
                "{} has {} entries and needs at least {}",
                place.name(),
                entries.len(),
                rule.min_properties()
            );
            self.faults.add(&place.owner, message, rule.description().map(str::to_owned));
        }
    }
}

/// `api_key: …`, `token: …`: a key that belongs elsewhere, with a value that must not be shown for it.
fn sounds_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    ["key", "token", "secret", "passw"].iter().any(|word| key.contains(word))
}
