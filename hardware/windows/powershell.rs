//! What the PowerShell scripts print: one JSON object, each member the rows of a CIM class or of a registry key.
//!
//! PowerShell writes a list of one as the thing itself, an empty list as null, a list that passed through a variable as
//! `{"value": […], "Count": n}`, and 64-bit numbers as signed ones, sometimes as text. All of that reads the same here.
//! A class that could not be asked stands as `{"failed": "why"}`: none found and not asked are different facts.

use serde_json::{Map, Value};

use crate::root::{Command, Root, RunError};

/// More than any machine has of anything that is asked for: no answer may make the host endless.
const MOST_ROWS: usize = 4096;

/// A script that is run without the user's profile, which may print anything.
pub const fn script(name: &'static str, args: &'static [&'static str; 4]) -> Command {
    Command::new(name, "powershell", args)
}

/// The arguments for one script. Scripts hold no double quotes: those would have to survive a command line.
macro_rules! arguments {
    ($file:literal) => {
        &["-NoProfile", "-NonInteractive", "-Command", include_str!($file)]
    };
}
pub(crate) use arguments;

/// What one script printed.
#[derive(Debug)]
pub struct Answer(Map<String, Value>);

pub fn ask(root: &Root, command: &Command) -> Result<Answer, AskError> {
    Answer::parse(&root.run(command)?)
}

impl Answer {
    pub fn parse(text: &str) -> Result<Answer, AskError> {
        match serde_json::from_str(text.trim_start_matches('\u{feff}').trim()) {
            Ok(Value::Object(members)) => Ok(Answer(members)),
            Ok(_) => Err(AskError::Shape),
            Err(source) => Err(AskError::Json(source)),
        }
    }

    /// The rows of one member.
    pub fn rows(&self, name: &'static str) -> Result<Vec<Row<'_>>, ClassError> {
        let items = match self.0.get(name) {
            None => return Err(ClassError::Absent(name)),
            Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items.as_slice(),
            Some(Value::Object(one)) => match one.get("value") {
                Some(Value::Array(items)) if one.contains_key("Count") => items.as_slice(),
                _ => {
                    let row = Row(one);
                    return match row.text("failed") {
                        Ok(why) => Err(ClassError::Failed { name, why: why.trim().to_owned() }),
                        Err(_) => Ok(vec![row]),
                    };
                }
            },
            Some(_) => return Err(ClassError::Absent(name)),
        };
        Ok(items.iter().filter_map(Value::as_object).take(MOST_ROWS).map(Row).collect())
    }

    /// The first row of one member.
    pub fn row(&self, name: &'static str) -> Result<Row<'_>, ClassError> {
        self.rows(name)?.into_iter().next().ok_or(ClassError::Empty(name))
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Row<'a>(&'a Map<String, Value>);

impl<'a> Row<'a> {
    pub fn text(&self, field: &'static str) -> Result<&'a str, FieldError> {
        match self.0.get(field) {
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.trim()),
            None | Some(Value::Null | Value::String(_)) => Err(FieldError::Absent(field)),
            Some(_) => Err(FieldError::NotText(field)),
        }
    }

    pub fn number(&self, field: &'static str) -> Result<u64, FieldError> {
        let value = self.0.get(field).filter(|value| !value.is_null()).ok_or(FieldError::Absent(field))?;
        let read = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        read.ok_or(FieldError::NotANumber(field))
    }

    pub fn small(&self, field: &'static str) -> Result<u32, FieldError> {
        u32::try_from(self.number(field)?).map_err(|_| FieldError::NotANumber(field))
    }

    /// All 64 bits of a register or of an identity, whatever sign PowerShell gave them.
    pub fn bits(&self, field: &'static str) -> Result<u64, FieldError> {
        self.number(field).or_else(|error| match self.0.get(field).and_then(Value::as_i64) {
            Some(signed) => Ok(u64::from_ne_bytes(signed.to_ne_bytes())),
            None => Err(error),
        })
    }

    pub fn flag(&self, field: &'static str) -> Result<bool, FieldError> {
        match self.0.get(field) {
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            None | Some(Value::Null) => Err(FieldError::Absent(field)),
            Some(_) => Err(FieldError::NotAFlag(field)),
        }
    }

    /// A list of numbers; one number is a list of one.
    pub fn numbers(&self, field: &'static str) -> Vec<u64> {
        match self.0.get(field) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_u64).take(MOST_ROWS).collect(),
            _ => self.number(field).into_iter().collect(),
        }
    }
}

/// Why a script gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("what PowerShell printed is no JSON")]
    Json(#[source] serde_json::Error),
    #[error("what PowerShell printed is not an object")]
    Shape,
}

/// Why one member of an answer has no rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassError {
    #[error("PowerShell's answer has no {0}")]
    Absent(&'static str),
    #[error("Windows lists no {0}")]
    Empty(&'static str),
    #[error("Windows did not tell ({name}): {why}")]
    Failed { name: &'static str, why: String },
}

/// Why a field of a row has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("Windows leaves {0} empty")]
    Absent(&'static str),
    #[error("Windows gives a {0} that is no text")]
    NotText(&'static str),
    #[error("Windows gives a {0} that is no number")]
    NotANumber(&'static str),
    #[error("Windows gives a {0} that is neither true nor false")]
    NotAFlag(&'static str),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_none_and_many_read_the_same_way() {
        let answer = Answer::parse(
            r#"{"one": {"A": 1}, "many": [{"A": 1}, null, {"A": "2"}], "none": null,
                "wrapped": {"value": [{"A": 3}], "Count": 1}, "failed": {"failed": "Access denied\r\n"}, "odd": 7}"#,
        )
        .unwrap();
        let values =
            |name| answer.rows(name).map(|rows| rows.iter().map(|r| r.number("A")).collect::<Vec<_>>());
        assert_eq!(values("one"), Ok(vec![Ok(1)]));
        assert_eq!(values("many"), Ok(vec![Ok(1), Ok(2)]));
        assert_eq!(values("none"), Ok(vec![]));
        assert_eq!(values("wrapped"), Ok(vec![Ok(3)]));
        let why = "Windows did not tell (failed): Access denied";
        assert_eq!(answer.rows("failed").unwrap_err().to_string(), why);
        assert_eq!(answer.rows("odd").unwrap_err(), ClassError::Absent("odd"));
        assert_eq!(answer.row("none").unwrap_err(), ClassError::Empty("none"));
    }

    #[test]
    fn values_of_the_wrong_kind_are_told_apart_from_missing_ones() {
        let answer = Answer::parse(
            "\u{feff} {\"r\": {\"t\": \"  \", \"n\": \"N/A\", \"neg\": -1, \"f\": \"True\", \"l\": [3, 10], \"s\": 9}}\r\n",
        )
        .unwrap();
        let row = answer.row("r").unwrap();
        assert_eq!(row.text("t"), Err(FieldError::Absent("t")));
        assert_eq!(row.text("s"), Err(FieldError::NotText("s")));
        assert_eq!(row.number("n"), Err(FieldError::NotANumber("n")));
        assert_eq!(row.number("neg"), Err(FieldError::NotANumber("neg")));
        assert_eq!(row.bits("neg"), Ok(u64::MAX));
        assert_eq!(row.flag("f"), Ok(true));
        assert_eq!((row.numbers("l"), row.numbers("s")), (vec![3, 10], vec![9]));
        assert_eq!(row.small("missing"), Err(FieldError::Absent("missing")));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "{\"a\": ", "[1]", "Get-CimInstance : Access denied", "null"] {
            assert!(Answer::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(\\{\"a\": ?([0-9\\-]{1,25}|\\[?\\{\"b\": ?\"?-?[0-9]{0,25}\"?\\}\\]?)\\}|.*)") {
            if let Ok(answer) = Answer::parse(&text)
                && let Ok(rows) = answer.rows("a") {
                for row in rows {
                    let _ = (row.text("b"), row.number("b"), row.bits("b"), row.flag("b"), row.numbers("b"));
                }
            }
        }
    }
}
