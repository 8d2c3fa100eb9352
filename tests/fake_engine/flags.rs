//! The command line. `help.txt` is both what `--help` prints and the table of known flags, so the two can't differ.

use std::collections::BTreeMap;

const HELP: &str = include_str!("help.txt");

pub struct Flags {
    pub host: String,
    pub port: u16,
    pub model: Option<String>,
    pub alias: Option<String>,
    pub context_size: u64,
    pub parallel: u64,
    pub predict: u64,
    pub keys: Vec<String>,
    pub metrics: bool,
    pub embeddings: bool,
}

pub enum Parsed {
    Serve(Flags),
    Print(String),
}

impl Flags {
    /// The error is the text that goes to stderr before exit code 1, in llama-server's words.
    pub fn parse(arguments: &[String]) -> Result<Parsed, String> {
        let known = known();
        // By the line of the table, so that every spelling of a flag is the same flag.
        let mut given: BTreeMap<usize, String> = BTreeMap::new();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let rule = known.get(word.as_str()).ok_or(format!("error: invalid argument: {word}"))?;
            let value = if rule.takes_value {
                words.next().cloned().ok_or(format!(
                    "error while handling argument \"{word}\": expected value for argument\n\nto show complete usage, run with -h"
                ))?
            } else {
                word.clone()
            };
            given.insert(rule.line, value);
        }
        let value = |flag: &str| known.get(flag).and_then(|rule| given.get(&rule.line)).cloned();
        if value("--help").is_some() {
            return Ok(Parsed::Print(HELP.to_owned()));
        }
        if value("--version").is_some() {
            return Ok(Parsed::Print("version: 0 (fake engine)\n".to_owned()));
        }
        let number = |flag: &str, default: u64| match value(flag) {
            Some(text) => text.parse().map_err(|_| format!("error while handling argument \"{flag}\": stoi")),
            None => Ok(default),
        };
        let keys = value("--api-key").or_else(|| std::env::var("LLAMA_API_KEY").ok()).unwrap_or_default();
        Ok(Parsed::Serve(Flags {
            host: value("--host").unwrap_or("127.0.0.1".to_owned()),
            port: number("--port", 8080)?.try_into().map_err(|_| "error: --port is too large".to_owned())?,
            model: value("--model"),
            alias: value("--alias"),
            context_size: number("--ctx-size", 4096)?,
            parallel: number("--parallel", 4)?,
            predict: number("--predict", 16)?,
            keys: keys.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect(),
            metrics: value("--metrics").is_some(),
            embeddings: value("--embeddings").is_some(),
        }))
    }

    /// What answers call the model.
    pub fn model_name(&self) -> &str {
        self.alias.as_deref().or(self.model.as_deref()).unwrap_or("fake")
    }
}

struct Rule {
    line: usize,
    takes_value: bool,
}

/// `-c,    --ctx-size N      text`: spellings by comma, then perhaps a placeholder, then two spaces and the text.
fn known() -> BTreeMap<&'static str, Rule> {
    let mut table = BTreeMap::new();
    for (line, text) in HELP.lines().enumerate().filter(|(_, text)| is_flag(text)) {
        let mut spellings: Vec<&str> = Vec::new();
        let mut takes_value = false;
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let spelling = word.trim_end_matches(',');
            if is_flag(spelling) {
                spellings.push(spelling);
            } else {
                // The first word that is no flag is the placeholder if one space parts it from the last spelling.
                takes_value = spellings.last().is_some_and(|last| text.contains(&format!("{last} {word}")));
                break;
            }
        }
        table.extend(spellings.into_iter().map(|spelling| (spelling, Rule { line, takes_value })));
    }
    table
}

fn is_flag(text: &str) -> bool {
    text.starts_with('-') && !text.starts_with("----")
}
