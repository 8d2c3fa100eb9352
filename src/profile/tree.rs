//! A YAML document as a small tree in which each node knows its place in the text.

use serde_json::Value;

use super::fault::Span;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
    /// Something that is already a fault, such as an alias; nothing more is said about it.
    Refused,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar {
    /// As written, without quotes.
    pub(super) text: String,
    /// Written without quotes, so that its type depends on how it looks.
    pub(super) plain: bool,
    pub(super) reading: Reading,
}

/// What the core schema of YAML 1.2.2 (section 10.3.2) makes of a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    Null,
    Bool(bool),
    /// Saturated: no bound in a profile comes near.
    Integer(i128),
    Float(f64),
    Text,
}

impl Node {
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The node under a path of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| {
            node.entries().iter().find(|entry| entry.key == *key).map(|entry| &entry.value)
        })
    }

    /// What a scalar says; nothing if it is left empty.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) if scalar.reading != Reading::Null => Some(&scalar.text),
            _ => None,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(scalar) => scalar.to_json(),
            Content::Sequence(items) => items.iter().map(Node::to_json).collect(),
            Content::Mapping(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
            }
            Content::Refused => Value::Null,
        }
    }
}

impl Scalar {
    pub(super) fn new(text: String, plain: bool) -> Scalar {
        let reading = if plain { Reading::of(&text) } else { Reading::Text };
        Scalar { text, plain, reading }
    }

    fn to_json(&self) -> Value {
        match self.reading {
            Reading::Null => Value::Null,
            Reading::Bool(value) => value.into(),
            Reading::Integer(value) => i64::try_from(value)
                .map(Value::from)
                .or_else(|_| u64::try_from(value).map(Value::from))
                .unwrap_or(Value::Null),
            Reading::Float(value) => value.into(),
            Reading::Text => self.text.as_str().into(),
        }
    }
}

impl Reading {
    fn of(text: &str) -> Reading {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Reading::Null,
            "true" | "True" | "TRUE" => Reading::Bool(true),
            "false" | "False" | "FALSE" => Reading::Bool(false),
            ".nan" | ".NaN" | ".NAN" => Reading::Float(f64::NAN),
            _ => integer(text).or_else(|| float(text)).unwrap_or(Reading::Text),
        }
    }
}

fn integer(text: &str) -> Option<Reading> {
    let (digits, radix) = match text.get(..2) {
        Some("0o") => (&text[2..], 8),
        Some("0x") => (&text[2..], 16),
        _ => (text.strip_prefix(['-', '+']).unwrap_or(text), 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let size = i128::from_str_radix(digits, radix).unwrap_or(i128::MAX);
    Some(Reading::Integer(if text.starts_with('-') { -size } else { size }))
}

fn float(text: &str) -> Option<Reading> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Some(Reading::Float(f64::INFINITY));
    }
    // Rust also reads `inf`, `nan` and `infinity`, which are text in YAML.
    let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    numeric.then(|| text.parse().ok()).flatten().map(Reading::Float)
}
