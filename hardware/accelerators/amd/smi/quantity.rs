//! Values as AMD's tools write them: `"45.0"`, `"(500Mhz)"`, `"0x73df"`, `24560`, `"24560 MB"`,
//! `{"value": 24560, "unit": "MB"}`, any of these in a list of one, and `"N/A"` in many spellings.

use edgeorch_engines::contract::Bytes;
use serde_json::Value;

use crate::findings::printable;

/// A number with its unit, if one is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantity {
    pub number: f64,
    unit: String,
}

impl Quantity {
    pub fn of(value: &Value) -> Option<Quantity> {
        match value {
            Value::Number(number) => Some(Quantity { number: number.as_f64()?, unit: String::new() }),
            Value::String(text) => Quantity::parse(text),
            Value::Object(fields) => {
                let inner = Quantity::of(scalar(fields.get("value")?)?)?;
                let unit = fields.get("unit").and_then(Value::as_str).map(str::to_owned);
                Some(Quantity { unit: unit.unwrap_or(inner.unit), ..inner })
            }
            Value::Array(items) => match items.as_slice() {
                [only] => Quantity::of(scalar(only).or(Some(only).filter(|only| only.is_object()))?),
                _ => None,
            },
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Quantity> {
        let text = text.trim().trim_start_matches('(').trim_end_matches(')');
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(text.len());
        let number: f64 = text[..end].parse().ok()?;
        Some(Quantity { number, unit: text[end..].trim().to_owned() })
    }

    pub fn watts(&self) -> Option<f64> {
        // 0 W is what the tools give for a limit that they can't read.
        (self.number.is_finite() && self.number > 0.0).then_some(self.number)
    }

    pub fn celsius(&self) -> Option<f64> {
        (-50.0..250.0).contains(&self.number).then_some(self.number)
    }

    pub fn megahertz(&self) -> Option<u32> {
        (0.0..1e6).contains(&self.number).then_some(self.number as u32)
    }

    pub fn count(&self) -> Option<u32> {
        (1.0..1e6).contains(&self.number).then_some(self.number as u32)
    }

    /// Without a unit the tools mean mebibytes, which they write `MB`.
    pub fn mebibytes(&self) -> Option<Bytes> {
        let factor = match self.unit.to_ascii_uppercase().as_str() {
            "" | "MB" | "MIB" => 1u64 << 20,
            "B" => 1,
            "KB" | "KIB" => 1 << 10,
            "GB" | "GIB" => 1 << 30,
            _ => return None,
        };
        // Far more than any GPU has, and far below where a float's digits end.
        let bytes = self.number * factor as f64;
        (0.0..1e15).contains(&bytes).then_some(Bytes(bytes as u64))
    }
}

fn scalar(value: &Value) -> Option<&Value> {
    (!value.is_array() && !value.is_object()).then_some(value)
}

/// `0x73df`, or the same without its prefix.
pub fn hexadecimal(value: &Value) -> Option<u64> {
    let text = value.as_str()?.trim();
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

/// A name, and not one of the things that stand where there is none.
pub fn name(value: &Value) -> Option<String> {
    let text = printable(value.as_str()?).ok()?;
    let is_none =
        text.to_ascii_uppercase().starts_with("N/A") || text.starts_with("0x") || text.starts_with('[');
    (!is_none).then_some(text)
}

/// `gfx1031`.
pub fn target(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let digits = text.strip_prefix("gfx")?;
    let sensible = (3..=5).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    sensible.then(|| text.to_owned())
}

/// `0000:1E:00.0`: rocm-smi writes capital letters where the kernel has small ones.
pub fn address(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim().to_lowercase();
    let parts: Vec<&str> = text.split([':', '.']).collect();
    let sensible = parts.len() == 4
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit()));
    sensible.then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_found_in_every_wrapping() {
        for value in [
            json!(24560),
            json!("24560"),
            json!("24560 MB"),
            json!({"value": 24560, "unit": "MB"}),
            json!({"value": "24560", "unit": "MB"}),
            json!([{"value": 24560, "unit": "MB"}]),
        ] {
            assert_eq!(Quantity::of(&value).unwrap().mebibytes(), Some(Bytes(24560 << 20)), "{value}");
        }
        assert_eq!(Quantity::of(&json!("(500Mhz)")).unwrap().megahertz(), Some(500));
        assert_eq!(
            Quantity::of(&json!({"value": 16, "unit": "GB"})).unwrap().mebibytes(),
            Some(Bytes(16 << 30))
        );
    }

    #[test]
    fn what_is_not_told_is_no_number() {
        for value in [
            json!("N/A"),
            json!("N/A (Secondary die)"),
            json!("[Not Supported]"),
            json!(""),
            json!(null),
            json!([]),
            json!([1, 2]),
            json!({"unit": "W"}),
            json!({"value": {"value": 1}}),
            json!({"value": "N/A", "unit": "W"}),
        ] {
            assert_eq!(Quantity::of(&value), None, "{value}");
        }
        let most = Quantity::of(&json!("99999999999999999999999")).unwrap();
        assert_eq!((most.mebibytes(), most.megahertz(), most.celsius()), (None, None, None));
        assert_eq!(Quantity::of(&json!("5 parsecs")).unwrap().mebibytes(), None);
    }

    #[test]
    fn names_that_are_ids_are_no_names() {
        assert_eq!(name(&json!("0x1002")), None);
        assert_eq!(name(&json!("N/A")), None);
        assert_eq!(name(&json!(" Navi 22 ")).as_deref(), Some("Navi 22"));
        assert_eq!(target(&json!("gfx90a")).as_deref(), Some("gfx90a"));
        assert_eq!(target(&json!("gfx")), None);
        assert_eq!(address(&json!("0000:1E:00.0")).as_deref(), Some("0000:1e:00.0"));
        assert_eq!(address(&json!("N/A")), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\(?-?[0-9.]{0,25} ?[MKG]?i?B?.*") {
            if let Some(quantity) = Quantity::of(&json!(text)) {
                let _ = (quantity.mebibytes(), quantity.megahertz(), quantity.celsius(), quantity.watts());
            }
            let _ = (name(&json!(text)), target(&json!(text)), address(&json!(text)), hexadecimal(&json!(text)));
        }
    }
}
