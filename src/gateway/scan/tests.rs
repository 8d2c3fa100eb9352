use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

fn named(model: &str) -> Result<Named, Malformed> {
    Ok(Named::Model(model.to_owned()))
}

#[test]
fn the_model_is_found_wherever_it_stands() {
    for body in [
        r#"{"model":"chat"}"#,
        " \n{ \"model\" :\t\"chat\" } \r\n",
        r#"{"messages":[{"role":"user","content":"hi"}],"model":"chat"}"#,
        r#"{"model":"chat","stream":true,"n":1}"#,
        r#"{"\u006dodel":"\u0063hat"}"#,
    ] {
        assert_eq!(model(body.as_bytes()), named("chat"), "{body}");
    }
}

#[test]
fn what_only_looks_like_the_key_is_stepped_over() {
    for body in [
        r#"{"a":{"model":"no"},"model":"chat"}"#,
        r#"{"a":"\"model\":\"no\"","model":"chat"}"#,
        r#"{"a":"\\","model":"chat","b":["model","no",{"model":"no"}]}"#,
        r#"{"Model":"no","model ":"no","model":"chat","b":"}"}"#,
    ] {
        assert_eq!(model(body.as_bytes()), named("chat"), "{body}");
    }
}

#[test]
fn of_two_keys_the_last_one_counts() {
    assert_eq!(model(br#"{"model":"first","model":"last"}"#), named("last"));
    assert_eq!(model(br#"{"model":"first","model":null}"#), Ok(Named::Nothing));
}

#[test]
fn a_body_without_a_name_is_told_from_a_broken_one() {
    assert_eq!(model(b"{}"), Ok(Named::Nothing));
    assert_eq!(model(br#"{"model":7}"#), Ok(Named::NoText));
    assert_eq!(model(br#"{"model":["chat"]}"#), Ok(Named::NoText));
    for broken in
        ["", "[]", "\"model\"", "{", "{\"model\"", "{\"model\":\"chat\"", "{\"model\":}", "{} x", "{\"a\" 1}"]
    {
        assert!(model(broken.as_bytes()).is_err(), "{broken}");
    }
    assert_eq!(model(b"{\"model\":\"\xff\"}"), Err(Malformed { offset: 9 }));
}

#[test]
fn no_depth_overflows_the_stack() {
    let deep = format!("{{\"a\":{}{},\"model\":\"chat\"}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(model(deep.as_bytes()), named("chat"));
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(model|[\\PC\"\\\\{}\\[\\]:,]{0,8})".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..5)
                .prop_map(|pairs| Value::Object(Map::from_iter(pairs))),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![Just("model".to_owned()), "[\\PC\"\\\\]{0,6}"]
}

/// Written by hand, so that keys may repeat and escapes and spaces vary as no serializer would have them.
fn object() -> impl Strategy<Value = String> {
    let member = (key(), json(), any::<bool>(), "[ \\n\\t]{0,2}");
    prop::collection::vec(member, 0..6).prop_map(|members| {
        let members: Vec<String> = members
            .iter()
            .map(|(key, value, escape, space)| {
                let key = match escape {
                    true => format!(
                        "\"{}\"",
                        key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
                    ),
                    false => Value::from(key.as_str()).to_string(),
                };
                let value = if space.is_empty() { value.to_string() } else { format!("{value:#}") };
                format!("{space}{key}{space}:{space}{value}{space}")
            })
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #[test]
    fn the_scanner_finds_what_a_parser_finds(body in object()) {
        // serde_json's map keeps the last of duplicate keys, as the scanner promises.
        let parsed: Map<String, Value> = serde_json::from_str(&body).unwrap();
        let expected = match parsed.get("model") {
            None | Some(Value::Null) => Named::Nothing,
            Some(Value::String(name)) => Named::Model(name.clone()),
            Some(_) => Named::NoText,
        };
        prop_assert_eq!(model(body.as_bytes()), Ok(expected));
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(prop_oneof![
        any::<u8>(), prop::sample::select(b"{}[]\":,\\ nmodel1".to_vec())], 0..64)) {
        let _ = model(&body);
    }
}
