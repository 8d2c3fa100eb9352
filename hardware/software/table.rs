//! `engines.yaml`: how each engine is found and what it says of itself.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::OsFamily;
use regex::Regex;
use serde::{Deserialize, Deserializer, de};

use super::found::is_plain;

/// A test proves that the file is well-formed.
pub static ENGINES: LazyLock<Vec<Engine>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("engines.yaml")).unwrap_or_default());

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    pub engine: String,
    #[serde(default)]
    pub programs: Vec<String>,
    #[serde(default)]
    pub places: Places,
    pub version: Option<Version>,
    pub python: Option<Distribution>,
    #[serde(default)]
    pub scripts: Vec<String>,
    #[serde(default)]
    pub backends: Backends,
}

/// Outside of the search path.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Places {
    linux: Vec<String>,
    macos: Vec<String>,
    windows: Vec<String>,
}

impl Places {
    pub fn on(&self, family: OsFamily) -> &[String] {
        match family {
            OsFamily::Linux => &self.linux,
            OsFamily::Macos => &self.macos,
            OsFamily::Windows => &self.windows,
            OsFamily::Android => &[],
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    pub args: Vec<String>,
    pub patterns: Vec<Pattern>,
    /// It would ask a server for the version otherwise.
    #[serde(default)]
    pub without_server: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    pub names: Vec<String>,
    pub module: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backends {
    pub folders: Vec<String>,
    pub libraries: BTreeMap<String, String>,
    pub said: Vec<Pattern>,
    pub beside: BTreeMap<String, String>,
    pub local: BTreeMap<String, String>,
    pub always: Vec<String>,
}

#[derive(Debug)]
pub struct Pattern(pub Regex);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pattern, D::Error> {
        let text = String::deserialize(deserializer)?;
        Regex::new(&text).map(Pattern).map_err(de::Error::custom)
    }
}

/// What an engine said of its version.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub version: Option<String>,
    pub build: Option<String>,
    /// Whether this form of its answer has a place for a build.
    pub counts_builds: bool,
}

impl Version {
    /// The first pattern that fits; `None` if none does.
    pub fn read(&self, output: &str) -> Option<Said> {
        self.patterns.iter().find_map(|Pattern(pattern)| {
            let found = pattern.captures(output)?;
            let part = |name| {
                found.name(name).map(|part| part.as_str()).filter(|part| is_plain(part)).map(str::to_owned)
            };
            let counts_builds = pattern.capture_names().flatten().any(|name| name == "build");
            Some(Said { version: Some(part("version")?), build: part("build"), counts_builds })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn engine(name: &str) -> &'static Engine {
        ENGINES.iter().find(|engine| engine.engine == name).unwrap()
    }

    fn said(engine: &str, output: &str) -> Option<(Option<String>, Option<String>)> {
        let said = self::engine(engine).version.as_ref().unwrap().read(output)?;
        Some((said.version, said.build))
    }

    fn version(text: &str) -> Option<(Option<String>, Option<String>)> {
        Some((Some(text.to_owned()), None))
    }

    #[test]
    fn the_table_is_well_formed_and_each_engine_can_be_found() {
        assert!(ENGINES.len() > 20, "engines.yaml was not read");
        for engine in ENGINES.iter() {
            let findable = !engine.programs.is_empty() || engine.python.is_some();
            assert!(findable, "{} is found nowhere", engine.engine);
            for Pattern(pattern) in engine.version.iter().flat_map(|version| &version.patterns) {
                assert!(pattern.capture_names().flatten().any(|name| name == "version"), "{pattern}");
            }
            for Pattern(pattern) in &engine.backends.said {
                assert!(pattern.capture_names().flatten().any(|name| name == "backend"), "{pattern}");
            }
        }
    }

    #[test]
    fn llama_cpp_says_its_version_in_two_ways() {
        let new = "version: 0.6.0-dev (build 30, commit d5cae8b)\nbuilt with GNU 12.2.0 for Linux x86_64\n";
        let bare = "version: 0.6.0-dev (build 0, commit unknown)\n";
        let old =
            "ggml_cuda_init: found 1 CUDA devices:\nversion: 6032 (2f4a5b6c)\nbuilt with cc for x86_64\n";
        assert_eq!(said("llama.cpp", new), Some((Some("0.6.0-dev".into()), Some("30".into()))));
        assert_eq!(said("llama.cpp", bare), version("0.6.0-dev"));
        assert_eq!(said("llama.cpp", old), version("6032"));
        assert_eq!(said("llama.cpp", "Illegal instruction"), None);
        assert_eq!(said("llama.cpp", "version: \u{1b}[2J (build 1, commit x)\n"), None);
    }

    #[test]
    fn ollama_tells_its_own_version_and_not_the_server_s() {
        let alone =
            "Warning: could not connect to a running Ollama instance\nWarning: client version is 0.14.2\n";
        assert_eq!(said("ollama", alone), version("0.14.2"));
        let both = "ollama version is 0.13.0\nWarning: client version is 0.14.2\n";
        assert_eq!(said("ollama", both), version("0.14.2"));
        assert_eq!(said("ollama", "ollama version is 0.14.2\n"), version("0.14.2"));
    }

    proptest! {
        #[test]
        fn any_output_is_read_without_a_panic(output in ".*") {
            for version in ENGINES.iter().filter_map(|engine| engine.version.as_ref()) {
                version.read(&output);
            }
        }
    }
}
