//! Points in time as JSON shows them: RFC 3339 in UTC, to the millisecond. For `#[serde(with = "crate::stamp")]`, and
//! `crate::stamp::option` for one that may be missing.

use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    humantime::parse_rfc3339(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

pub mod option {
    use super::*;

    pub fn serialize<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| humantime::parse_rfc3339(&text).map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Times {
        #[serde(with = "crate::stamp")]
        since: SystemTime,
        #[serde(with = "crate::stamp::option")]
        retry: Option<SystemTime>,
        #[serde(with = "crate::stamp::option")]
        never: Option<SystemTime>,
    }

    #[test]
    fn times_are_text_and_come_back_as_they_were() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_025);
        let times = Times { since: at, retry: Some(at), never: None };
        let json = serde_json::to_string(&times).unwrap();
        assert_eq!(
            json,
            r#"{"since":"2026-09-21T14:13:20.025Z","retry":"2026-09-21T14:13:20.025Z","never":null}"#
        );
        assert_eq!(serde_json::from_str::<Times>(&json).unwrap(), times);
        assert!(serde_json::from_str::<Times>(&json.replace("2026", "then")).is_err());
    }
}
