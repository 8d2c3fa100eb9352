//! Engines that edgeorch itself installed: `engines/ENGINE/BUILD/installed.json` beside the models folder, written last of
//! all, so that a folder without it is none.

use std::collections::BTreeMap;

use edgeorch_engines::contract::host::{EngineFound, EngineOrigin};
use serde::Deserialize;

use super::backends;
use super::found::Found;
use super::table::ENGINES;
use crate::Root;
use crate::findings::Findings;
use crate::root::ReadError;

/// Folders looked at on each level.
const MOST: usize = 64;

/// Of the receipt, what is told here.
#[derive(Debug, Deserialize)]
struct Receipt {
    source: String,
    /// `package==version`, or an address.
    from: String,
    program: String,
}

pub fn probe(root: &Root, models: &str) -> Vec<Found<EngineFound>> {
    let Some((home, _)) = models.trim_end_matches('/').rsplit_once('/') else { return Vec::new() };
    let engines = format!("{home}/engines");
    let mut found = Vec::new();
    for engine in root.list(&engines).unwrap_or_default().into_iter().take(MOST) {
        for build in root.list(&format!("{engines}/{engine}")).unwrap_or_default().into_iter().take(MOST) {
            let folder = format!("{engines}/{engine}/{build}");
            match root.read(&format!("{folder}/installed.json")) {
                // An installation that was broken off, or the lock of one.
                Err(ReadError::Missing { .. }) => {}
                read => found.push(installed(root, &engine, &folder, read)),
            }
        }
    }
    found
}

fn installed(root: &Root, engine: &str, folder: &str, read: Result<String, ReadError>) -> Found<EngineFound> {
    let mut findings = Findings::default();
    findings.known("", "edgeorch's own receipt, installed.json");
    let mut thing = EngineFound {
        engine: engine.to_owned(),
        origin: EngineOrigin::Edgeorch,
        path: folder.to_owned(),
        version: None,
        build: None,
        backends: Vec::new(),
    };
    let receipt = read.map_err(|error| error.to_string()).and_then(|text| {
        serde_json::from_str::<Receipt>(&text).map_err(|error| format!("the receipt can't be read: {error}"))
    });
    let receipt = match receipt {
        Ok(receipt) => receipt,
        Err(reason) => {
            for field in ["version", "build", "backends"] {
                findings.unknown(field, &reason);
            }
            return Found { thing, findings };
        }
    };
    thing.path = format!("{folder}/{}", receipt.program);
    thing.version = receipt.from.split_once("==").map(|(_, version)| version.to_owned());
    if thing.version.is_none() {
        findings.unknown("version", "the receipt names no version of what it was made from");
    }
    findings.none("build", format_args!("edgeorch's own receipt: {}", receipt.source));
    let known: BTreeMap<_, _> =
        ENGINES.iter().map(|engine| (engine.engine.as_str(), &engine.backends)).collect();
    match known.get(engine) {
        Some(table) => {
            let found = backends::beside_program(root, table, &thing.path);
            thing.backends = backends::gather(table, found, &mut findings);
        }
        None => findings.unknown("backends", "this engine's way to tell them is unknown"),
    }
    Found { thing, findings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Tree};

    const FOLDER: &str = "home/u/.local/share/edgeorch/engines/llama.cpp";

    fn probed(receipt: &str, more: &[&str]) -> Vec<Found<EngineFound>> {
        let mut tree = Tree::default();
        tree.put(&format!("{FOLDER}/wheel/installed.json"), Node::File(receipt.into()));
        tree.put(&format!("{FOLDER}/install.lock"), Node::Unread);
        tree.put(&format!("{FOLDER}/broken-off/bin/llama-server"), Node::Unread);
        for path in more {
            tree.put(&format!("{FOLDER}/{path}"), Node::Unread);
        }
        probe(&Root::of(tree), "/home/u/.local/share/edgeorch/models/")
    }

    #[test]
    fn only_what_has_a_receipt_is_installed() {
        let receipt = r#"{"source": "wheel", "from": "some-wheel==0.10434.0", "sha256": "ab", "program": "bin/llama-server"}"#;
        let found = probed(receipt, &["wheel/bin/libggml-vulkan.so", "wheel/bin/libggml-cpu.so"]);
        assert_eq!(found.len(), 1);
        let engine = &found[0].thing;
        assert_eq!((engine.engine.as_str(), engine.version.as_deref()), ("llama.cpp", Some("0.10434.0")));
        assert_eq!(engine.path, format!("/{FOLDER}/wheel/bin/llama-server"));
        assert_eq!(engine.backends, ["CPU", "Vulkan"]);
        assert_eq!(found[0].findings.unknown_fields(), Vec::<&str>::new());
    }

    #[test]
    fn a_receipt_that_cannot_be_read_is_told_with_its_reason() {
        for receipt in ["", "{}", "[1", r#"{"source": 1, "from": null, "program": "x"}"#] {
            let found = probed(receipt, &[]);
            assert_eq!(found[0].findings.unknown_fields(), ["version", "build", "backends"], "{receipt}");
        }
        assert!(probe(&Root::of(Tree::default()), "/").is_empty());
        assert!(probe(&Root::of(Tree::default()), "models").is_empty());
    }
}
