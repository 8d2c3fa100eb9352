//! One part of the JSON Schema, as the walk asks it: references followed, keywords as Rust values.

use serde_json::{Map, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Object,
    Array,
    String,
    Integer,
}

impl Type {
    fn keyword(self) -> &'static str {
        match self {
            Type::Object => "object",
            Type::Array => "array",
            Type::String => "string",
            Type::Integer => "integer",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Rule<'s> {
    root: &'s Value,
    /// What stands at the place itself; it goes before what it refers to.
    own: &'s Value,
    referred: Option<&'s Value>,
}

impl<'s> Rule<'s> {
    pub(super) fn root(schema: &'s Value) -> Rule<'s> {
        Rule { root: schema, own: schema, referred: None }
    }

    fn at(&self, own: &'s Value) -> Rule<'s> {
        let reference =
            own.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        Rule { root: self.root, own, referred: reference.and_then(|pointer| self.root.pointer(pointer)) }
    }

    fn get(&self, keyword: &str) -> Option<&'s Value> {
        self.own.get(keyword).or_else(|| self.referred?.get(keyword))
    }

    pub(super) fn is(&self, kind: Type) -> bool {
        self.get("type").and_then(Value::as_str) == Some(kind.keyword())
    }

    /// What must stand here, as it completes "it must be".
    pub(super) fn wanted(&self) -> &'static str {
        match self.get("type").and_then(Value::as_str) {
            Some("array") => "a list",
            Some("string") => "text",
            Some("integer") => "a whole number",
            _ => "a mapping of keys to values",
        }
    }

    /// The keys that are declared, with their rules.
    pub(super) fn properties(&self) -> Vec<(&'s str, Rule<'s>)> {
        let properties = self.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(key, value)| (key.as_str(), self.at(value))).collect()
    }

    /// The rule for values under keys of the user's own choice, if there may be any.
    pub(super) fn additional(&self) -> Option<Rule<'s>> {
        self.get("additionalProperties").filter(|value| value.is_object()).map(|value| self.at(value))
    }

    /// The rule for keys of the user's own choice.
    pub(super) fn key_rule(&self) -> Option<Rule<'s>> {
        self.get("propertyNames").map(|value| self.at(value))
    }

    pub(super) fn items(&self) -> Option<Rule<'s>> {
        self.get("items").map(|value| self.at(value))
    }

    /// For a value that is exactly one of several single-key mappings: each key, and the rule for what is under it.
    pub(super) fn variants(&self) -> Vec<(&'s str, Rule<'s>)> {
        let branches = self.get("oneOf").and_then(Value::as_array);
        branches.into_iter().flatten().flat_map(|branch| self.at(branch).properties()).collect()
    }

    pub(super) fn choices(&self) -> Vec<&'s str> {
        self.texts("enum")
    }

    pub(super) fn required(&self) -> Vec<&'s str> {
        self.texts("required")
    }

    /// Keys or values that are planned.
    pub(super) fn not_built_in_yet(&self) -> Vec<&'s str> {
        self.texts("x-not-built-in-yet")
    }

    fn texts(&self, keyword: &str) -> Vec<&'s str> {
        self.get(keyword).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(super) fn is_secret(&self) -> bool {
        self.get("x-secret").and_then(Value::as_bool) == Some(true)
    }

    pub(super) fn format(&self) -> Option<&'s str> {
        self.get("format").and_then(Value::as_str)
    }

    pub(super) fn description(&self) -> Option<&'s str> {
        self.get("description").and_then(Value::as_str)
    }

    pub(super) fn min_properties(&self) -> usize {
        self.get("minProperties").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()).unwrap_or(0)
    }

    pub(super) fn minimum(&self) -> i128 {
        self.get("minimum").and_then(Value::as_i64).map_or(i128::MIN, i128::from)
    }

    pub(super) fn maximum(&self) -> i128 {
        self.get("maximum").and_then(Value::as_i64).map_or(i128::MAX, i128::from)
    }

    /// The default as a profile would write it.
    pub(super) fn default(&self) -> Option<String> {
        match self.get("default")? {
            Value::String(text) => Some(format!("`{text}`")),
            Value::Number(number) => Some(format!("`{number}`")),
            Value::Object(map) => Some(flow(map)),
            _ => None,
        }
    }
}

/// `` `{key: f16, value: f16}` ``
fn flow(map: &Map<String, Value>) -> String {
    let entry = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{key}: {text}"),
        other => format!("{key}: {other}"),
    };
    format!("`{{{}}}`", map.iter().map(entry).collect::<Vec<_>>().join(", "))
}
