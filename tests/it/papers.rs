//! The papers beside the code: what they say must be so, as far as a program can check it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use edgeorch::cli::Exit;

#[test]
fn every_link_leads_to_a_file_of_the_repository() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let file = link.split('#').next().unwrap();
            if !link.contains("://") && !file.is_empty() && !page.parent().unwrap().join(file).exists() {
                broken.push(format!("{}: {link}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "links to nowhere:\n{}", broken.join("\n"));
}

#[test]
fn the_index_names_every_page_of_the_book() {
    let docs = root().join("docs");
    let index = std::fs::read_to_string(docs.join("README.md")).unwrap();
    let named: BTreeSet<&str> = links(&index).into_iter().collect();
    for page in pages().iter().filter_map(|page| page.strip_prefix(&docs).ok()) {
        let page = page.to_str().unwrap();
        assert!(page == "README.md" || named.contains(page), "docs/README.md does not name {page}");
    }
}

#[test]
fn exit_codes_are_the_documented_ones() {
    let page = std::fs::read_to_string(root().join("docs/exit-codes.md")).unwrap();
    let documented: BTreeSet<u8> =
        page.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    let all = [Exit::Failed, Exit::Usage, Exit::DoesNotFit, Exit::NotFound, Exit::Refused, Exit::Interrupted];
    let known: BTreeSet<u8> = all.into_iter().map(|exit| exit as u8).chain([0]).collect();
    assert_eq!(documented, known);
}

/// The table of fields in the book, against the types themselves.
#[test]
fn the_audit_s_page_names_every_field() {
    let page = std::fs::read_to_string(root().join("docs/audit.md")).unwrap();
    let schema = serde_json::to_value(schemars::schema_for!(edgeorch_engines::Host)).unwrap();
    let types = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    let fields: BTreeSet<&String> = types
        .filter_map(|object| object["properties"].as_object())
        .flat_map(|fields| fields.keys())
        .collect();
    assert!(fields.len() > 80, "{fields:?}");
    // As `field`, `part.field` or `part.field.below`.
    let named: BTreeSet<&str> =
        page.split('`').skip(1).step_by(2).flat_map(|code| code.split(['.', '[', ']'])).collect();
    let missing: Vec<_> = fields.into_iter().filter(|field| !named.contains(field.as_str())).collect();
    assert!(missing.is_empty(), "docs/audit.md does not name {missing:?}");
}

#[test]
fn the_readme_begins_with_the_two_commands() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let commands: Vec<&str> = readme.lines().filter(|line| line.starts_with("cargo ")).take(2).collect();
    assert_eq!(commands, ["cargo run --release -- up -f profiles/quickstart.yaml", "cargo test --workspace"]);
}

/// The Markdown files that belong to the repository's papers.
fn pages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned(), root().join("docs"), root().join("docs/decisions")];
    folders.extend(
        ["engines", "engines/llama_cpp", "hardware/devices", "profiles"].map(|folder| root().join(folder)),
    );
    for folder in folders {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 10, "where are the papers? {found:?}");
    found
}

/// Targets of `[text](target)`, outside fenced blocks.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut is_fenced = false;
    for line in text.lines() {
        is_fenced ^= line.trim_start().starts_with("```");
        if !is_fenced {
            let ends = line.split("](").skip(1);
            found.extend(ends.filter_map(|rest| rest.split(')').next()));
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
