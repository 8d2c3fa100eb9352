//! The promise that every field has a source or a reason, held against a whole host.

use edgeorch_engines::contract::Host;
use serde_json::Value;

/// Fields that break the promise, each with how: a value without a source, a null without a reason, an entry about a field
/// that is not there.
pub fn unaccounted(host: &Host) -> Vec<String> {
    let mut faults = Vec::new();
    let json = serde_json::to_value(host).unwrap();
    walk(host, "", &json, &mut faults);
    let told = host.sources.keys().chain(host.unknown.iter().map(|unknown| &unknown.field));
    for field in told {
        if !is_there(&json, field) {
            faults.push(format!("{field}: an entry, but there is no such field"));
        }
    }
    faults
}

fn walk(host: &Host, path: &str, value: &Value, faults: &mut Vec<String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                // The shape itself, and the two lists that account for the rest.
                if !(path.is_empty() && ["schema", "sources", "unknown"].contains(&name.as_str())) {
                    walk(host, &below(name), value, faults);
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (i, item) in items.iter().enumerate() {
                walk(host, &format!("{path}[{i}]"), item, faults);
            }
        }
        // Looked at and there is none: only an entry for this very field can say so.
        Value::Null if host.sources.contains_key(path) || has_reason(host, path) => {}
        Value::Null => faults.push(format!("{path}: null without a reason")),
        Value::Array(_) if has_source(host, path) || has_reason(host, path) => {}
        _ if has_source(host, path) => {}
        _ => faults.push(format!("{path}: a value without a source")),
    }
}

fn has_source(host: &Host, path: &str) -> bool {
    ancestry(path).any(|path| host.sources.contains_key(path))
}

fn has_reason(host: &Host, path: &str) -> bool {
    ancestry(path).any(|path| host.unknown.iter().any(|unknown| unknown.field == path))
}

/// `a.b[0].c` → itself, `a.b[0]`, `a.b`, `a`.
fn ancestry(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rfind(['.', '[']).map(|end| &path[..end]))
}

fn is_there(json: &Value, path: &str) -> bool {
    let pointer = path.replace(['.', '['], "/").replace(']', "");
    json.pointer(&format!("/{pointer}")).is_some()
}

#[test]
fn a_path_s_ancestors_are_found_at_dots_and_brackets() {
    let found: Vec<&str> = ancestry("a.b[0].c").collect();
    assert_eq!(found, ["a.b[0].c", "a.b[0]", "a.b", "a"]);
}
