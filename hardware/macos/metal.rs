//! Metal's own answers, asked through the JavaScript that every macOS has: how much memory a GPU may work in.
//!
//! It is the only published way to that figure. `iogpu.wired_limit_mb` is 0 unless someone raised it, and the default
//! behind the 0 is not documented: two thirds of memory, three quarters and 84 % have all been seen.

use edgeorch_engines::contract::Bytes;
use serde::Deserialize;

use crate::root::{Command, RunError};

pub const METAL: Command =
    Command::new("metal.json", "osascript", &["-l", "JavaScript", "-e", include_str!("metal.js")]);

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Device {
    pub name: String,
    pub unified: bool,
    /// `recommendedMaxWorkingSetSize`. A number of JavaScript's, so it may be no whole one.
    working_set: Option<f64>,
    /// The newest family of Apple's own GPUs whose features it has: 7 for the M1.
    pub apple_family: Option<u32>,
}

impl Device {
    pub fn working_set(&self) -> Option<Bytes> {
        let bytes = self.working_set?;
        (bytes >= 1.0 && bytes < (1u64 << 53) as f64).then_some(Bytes(bytes as u64))
    }
}

pub fn devices(output: Result<String, RunError>) -> Result<Vec<Device>, MetalError> {
    let text = output.map_err(MetalError::Run)?;
    serde_json::from_str(text.trim()).map_err(MetalError::Json)
}

#[derive(Debug, thiserror::Error)]
pub enum MetalError {
    #[error("Metal could not be asked")]
    Run(#[source] RunError),
    #[error("Metal's answer is none")]
    Json(#[source] serde_json::Error),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_device_tells_the_memory_that_it_may_work_in() {
        let text = r#"[{"name":"Apple M3","unified":true,"working_set":12713115648,"apple_family":9}]"#;
        let devices = devices(Ok(text.into())).unwrap();
        assert_eq!(devices[0].working_set(), Some(Bytes(12_713_115_648)));
        assert_eq!(devices[0].apple_family, Some(9));
    }

    #[test]
    fn numbers_that_are_no_sizes_are_not_taken_for_some() {
        for size in ["null", "0", "-1", "1e300"] {
            let text =
                format!(r#"[{{"name":"x","unified":false,"working_set":{size},"apple_family":null}}]"#);
            assert_eq!(devices(Ok(text)).unwrap()[0].working_set(), None, "{size}");
        }
    }

    #[test]
    fn an_answer_that_is_none_says_why() {
        assert!(devices(Ok("undefined\n".into())).is_err());
        assert!(devices(Ok("[{\"name\":\"x\"}]".into())).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\[\\{[a-z\":,0-9e.]{0,40}\\}\\]|.*") {
            let _ = devices(Ok(text)).map(|devices| devices.iter().map(Device::working_set).count());
        }
    }
}
