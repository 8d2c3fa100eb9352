//! The check of single values: text of a format, one of several words, a whole number within bounds.

use super::rule::Rule;
use super::{Place, Walk, format};
use crate::profile::fault::{Span, shown};
use crate::profile::suggest;
use crate::profile::tree::{Reading, Scalar};

impl Walk<'_, '_> {
    pub(super) fn text(&mut self, scalar: &Scalar, span: &Span, rule: &Rule<'_>, place: &Place) {
        let choices = rule.choices();
        if rule.not_built_in_yet().contains(&scalar.text.as_str()) {
            let message = format!("`{}` for {} is not built in yet", shown(&scalar.text), place.name());
            let hint = (!choices.is_empty()).then(|| format!("known values: {}", suggest::list(&choices)));
            self.faults.add(span, message, hint);
        } else if !choices.is_empty() {
            self.choice(scalar, span, &choices, place);
        } else if let Some(Err(why)) = rule.format().map(|name| format::check(name, &scalar.text)) {
            self.faults.add(span, format!("invalid {}: {why}", place.name()), None);
        } else {
            self.no_other_reading(scalar, span, place);
        }
    }

    fn choice(&mut self, scalar: &Scalar, span: &Span, choices: &[&str], place: &Place) {
        if !choices.contains(&scalar.text.as_str()) {
            let message = format!("unknown value `{}` for {}", shown(&scalar.text), place.name());
            self.faults.add(span, message, suggest::hint(&scalar.text, "values", choices));
        }
    }

    /// Text that is written like a number or a truth value must be quoted.
    fn no_other_reading(&mut self, scalar: &Scalar, span: &Span, place: &Place) {
        let reading = match scalar.reading {
            Reading::Integer(_) | Reading::Float(_) => "a number",
            Reading::Bool(_) => "a truth value",
            Reading::Text if scalar.plain && is_yaml_1_1_bool(&scalar.text) => "a truth value by older YAML",
            Reading::Text | Reading::Null => return,
        };
        let text = shown(&scalar.text);
        let message = format!("{} must be text, and `{text}` is {reading}", place.name());
        self.faults.add(span, message, Some(format!("quote it: \"{text}\"")));
    }

    pub(super) fn integer(&mut self, scalar: &Scalar, span: &Span, rule: &Rule<'_>, place: &Place) {
        let (name, text) = (place.name(), shown(&scalar.text));
        let Reading::Integer(value) = scalar.reading else {
            let example = rule.default().unwrap_or_else(|| format!("`{}`", rule.minimum()));
            let (what, hint) = if scalar.plain {
                (format!("`{text}` is none"), format!("write it in digits alone, such as {example}"))
            } else {
                ("this is quoted text".to_owned(), "write it without quotes".to_owned())
            };
            self.faults.add(span, format!("{name} must be a whole number, and {what}"), Some(hint));
            return;
        };
        if has_leading_zero(&scalar.text) {
            let message = format!("{name} is `{text}`, which some YAML readers take for octal");
            self.faults.add(span, message, Some("write it without the leading zero".to_owned()));
        } else if value < rule.minimum() {
            let message = format!("{name} is {text}, and the smallest possible is {}", rule.minimum());
            self.faults.add(span, message, None);
        } else if value > rule.maximum() {
            let message = format!("{name} is {text}, and the largest possible is {}", rule.maximum());
            self.faults.add(span, message, None);
        }
    }
}

/// YAML 1.1 (which many tools still read by) takes these for true and false.
fn is_yaml_1_1_bool(text: &str) -> bool {
    ["yes", "no", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// `010`: 8 by YAML 1.1, 10 by YAML 1.2.
fn has_leading_zero(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}
