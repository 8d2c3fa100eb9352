use std::collections::BTreeSet;

use serde_json::Value;

use super::format::FORMATS;
use crate::profile::schema;

/// Keywords that the walk obeys, and those that only describe.
const OBEYED: &[&str] = &[
    "$ref",
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maximum",
    "minProperties",
    "minimum",
    "oneOf",
    "properties",
    "propertyNames",
    "required",
    "type",
    "x-not-built-in-yet",
    "x-secret",
];
const DESCRIBING: &[&str] = &["$defs", "$schema", "title"];

#[test]
fn the_walk_obeys_every_keyword_and_format_that_the_schema_uses() {
    let (mut keywords, mut formats) = (BTreeSet::new(), BTreeSet::new());
    collect(&schema(), &mut keywords, &mut formats);

    let known: BTreeSet<&str> = OBEYED.iter().chain(DESCRIBING).copied().collect();
    let strangers: Vec<_> = keywords.iter().filter(|word| !known.contains(word.as_str())).collect();
    assert!(strangers.is_empty(), "the schema says {strangers:?}, and the walk does not look");

    let known: BTreeSet<&str> = FORMATS.iter().map(|(name, _)| *name).chain(["uint32", "uint64"]).collect();
    let strangers: Vec<_> = formats.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(strangers.is_empty(), "no type is bound to the formats {strangers:?}");
}

/// Keywords of a schema and of all schemas in it.
fn collect(schema: &Value, keywords: &mut BTreeSet<String>, formats: &mut BTreeSet<String>) {
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        keywords.insert(keyword.clone());
        match keyword.as_str() {
            "format" => formats.extend(value.as_str().map(str::to_owned)),
            "properties" | "$defs" => {
                value.as_object().unwrap().values().for_each(|value| collect(value, keywords, formats));
            }
            "oneOf" => value.as_array().unwrap().iter().for_each(|value| collect(value, keywords, formats)),
            "items" | "additionalProperties" | "propertyNames" => collect(value, keywords, formats),
            _ => {}
        }
    }
}

#[test]
fn every_variant_of_a_tagged_value_has_one_key_of_its_own() {
    let schema = schema();
    let keys = schema.pointer("/$defs/Gateway/properties/api_keys/items/oneOf").unwrap().as_array().unwrap();
    for branch in keys {
        assert_eq!(branch["properties"].as_object().unwrap().len(), 1, "{branch}");
    }
}
