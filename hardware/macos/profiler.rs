//! `system_profiler -json`: what macOS shows in its System Information window.
//!
//! A report is an object with one list of entries, named as the data type that was asked for. Values are mostly text, some
//! of it keys into the window's translations (`spdisplays_metal3`); which are numbers has changed between versions, so an
//! entry gives either as text.

use serde_json::{Map, Value};

use crate::findings::printable;
use crate::root::{Command, RunError};

pub const HARDWARE: Command = report("system_profiler-hardware.json", &args("SPHardwareDataType"));
pub const DISPLAYS: Command = report("system_profiler-displays.json", &args("SPDisplaysDataType"));
pub const POWER: Command = report("system_profiler-power.json", &args("SPPowerDataType"));
pub const STORAGE: Command = report("system_profiler-storage.json", &args("SPStorageDataType"));
pub const NVME: Command = report("system_profiler-nvme.json", &args("SPNVMeDataType"));

const fn report(name: &'static str, args: &'static [&'static str; 4]) -> Command {
    Command::new(name, "system_profiler", args)
}

const fn args(data_type: &'static str) -> [&'static str; 4] {
    ["-json", "-detailLevel", "mini", data_type]
}

/// One thing of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry(Map<String, Value>);

impl Entry {
    /// Text or a number, as text that can be shown. `Unknown` is how macOS says that it doesn't know.
    pub fn text(&self, key: &str) -> Option<String> {
        let text = match self.0.get(key)? {
            Value::String(text) => printable(text).ok()?,
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!["unknown", "n/a"].contains(&text.to_lowercase().as_str())).then_some(text)
    }

    pub fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.text(key)?.parse().ok()
    }

    /// The entry within this one.
    pub fn part(&self, key: &str) -> Option<Entry> {
        self.0.get(key).and_then(Value::as_object).cloned().map(Entry)
    }

    pub fn parts(&self, key: &str) -> Vec<Entry> {
        self.0.get(key).map(objects).unwrap_or_default()
    }
}

fn objects(list: &Value) -> Vec<Entry> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_object).cloned().map(Entry).collect()
}

/// The entries of a report.
pub fn entries(command: &Command, output: Result<String, RunError>) -> Result<Vec<Entry>, ProfilerError> {
    let data_type = command.args.last().copied().unwrap_or_default();
    let text = output.map_err(ProfilerError::Run)?;
    let json: Value =
        serde_json::from_str(&text).map_err(|source| ProfilerError::Json { data_type, source })?;
    let list = json.get(data_type).ok_or(ProfilerError::NoReport(data_type))?;
    Ok(objects(list))
}

/// The only entry of a report about the whole machine.
pub fn first(command: &Command, output: Result<String, RunError>) -> Result<Entry, ProfilerError> {
    let data_type = command.args.last().copied().unwrap_or_default();
    entries(command, output)?.into_iter().next().ok_or(ProfilerError::NoReport(data_type))
}

#[derive(Debug, thiserror::Error)]
pub enum ProfilerError {
    #[error(transparent)]
    Run(RunError),
    #[error("system_profiler printed no JSON for {data_type}")]
    Json {
        data_type: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("system_profiler has nothing to say about {0}")]
    NoReport(&'static str),
}

#[cfg(test)]
pub fn fixture(json: &str) -> Entry {
    Entry(serde_json::from_str(json).unwrap())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<Entry>, ProfilerError> {
        entries(&HARDWARE, Ok(text.to_owned()))
    }

    #[test]
    fn an_entry_gives_text_and_numbers_alike() {
        let text = r#"{"SPHardwareDataType": [{"number_processors": 6, "chip_type": "Unknown",
            "machine_model": "Mac16,12", "number": "10", "odd": ["x"], "escape": "\u001b[2J", "empty": ""}, 7]}"#;
        let entries = read(text).unwrap();
        assert_eq!(entries.len(), 1);
        let entry = &entries[0];
        assert_eq!(entry.text("number_processors").as_deref(), Some("6"));
        assert_eq!(entry.number::<u32>("number"), Some(10));
        assert_eq!(entry.number::<u32>("machine_model"), None);
        for key in ["chip_type", "odd", "escape", "empty", "missing"] {
            assert_eq!(entry.text(key), None, "{key}");
        }
    }

    #[test]
    fn a_report_that_is_none_is_told_apart_from_an_empty_one() {
        assert_eq!(read(r#"{"SPHardwareDataType": []}"#).unwrap(), []);
        assert_eq!(read(r#"{"SPHardwareDataType": null}"#).unwrap(), []);
        assert!(matches!(read("{}"), Err(ProfilerError::NoReport("SPHardwareDataType"))));
        assert!(matches!(read("[]"), Err(ProfilerError::NoReport(_))));
        assert!(matches!(read("{\"SPHardw"), Err(ProfilerError::Json { .. })));
        assert!(matches!(
            first(&HARDWARE, Ok("{\"SPHardwareDataType\":[]}".into())),
            Err(ProfilerError::NoReport(_))
        ));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\{\"SPHardwareDataType\": ?[\\[\\]{}\":,a-z0-9]{0,30}|.*") {
            let _ = read(&text);
        }
    }
}
