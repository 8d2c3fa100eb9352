//! `edgeorch models ls|rm|verify`: what was fetched; `known` lists what could be.

use super::{Exit, Failure, block_on, known, print_json, table, terminal};
use crate::home::Home;
use crate::model::store::{Entry, Listing, Store};
use crate::progress;
use edgeorch_engines::chain;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List models and downloads that were cut off
    #[command(alias = "list")]
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List open-weight models that edgeorch has facts about, whether fetched or not
    Known(known::Arguments),
    /// Remove a model or a cut-off download, by name, source or the first digits of its digest
    Rm {
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Read models again and compare them with their digests; all of them if none is named
    Verify { names: Vec<String> },
}

pub fn run(verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Known(arguments) => known::run(arguments),
        Verb::Ls { json } => {
            let listing = store()?.list()?;
            if *json {
                return print_json(&listing);
            }
            terminal::print(&list(&listing));
            Ok(())
        }
        Verb::Rm { names } => {
            let store = store()?;
            names.iter().try_for_each(|name| {
                let removed = store.remove(name)?;
                eprintln!("Removed {}: {} came back.", removed.sources.join(", "), removed.freed);
                Ok(())
            })
        }
        Verb::Verify { names } => verify(&store()?, names),
    }
}

fn store() -> Result<Store, Failure> {
    let home = Home::find()?;
    home.prepare()?;
    Ok(Store::open(home.models())?)
}

fn list(listing: &Listing) -> String {
    let digest =
        |entry: &Entry| entry.digest.as_ref().map_or("-".into(), |digest| digest.as_str()[..12].to_owned());
    let mut rows: Vec<Vec<String>> = listing
        .entries
        .iter()
        .map(|entry| vec![entry.name.clone(), entry.bytes.to_string(), digest(entry), state(entry)])
        .collect();
    rows.extend(listing.partials.iter().map(|partial| {
        let of = partial.expected.map_or(String::new(), |expected| format!(" of {expected}"));
        let state = if partial.busy { "being fetched" } else { "cut off" };
        vec![partial.source.clone(), format!("{}{of}", partial.bytes), "-".into(), state.into()]
    }));
    rows.extend(
        listing
            .damaged
            .iter()
            .map(|damaged| vec![damaged.what.clone(), "-".into(), "-".into(), damaged.damage.to_string()]),
    );
    rows.extend(listing.orphans.iter().map(|orphan| {
        vec![
            "(no source)".into(),
            orphan.bytes.to_string(),
            orphan.digest.as_str()[..12].to_owned(),
            "unused".into(),
        ]
    }));
    table::render(&["NAME", "SIZE", "DIGEST", "STATE"], &rows, terminal::width(), &[0])
}

fn state(entry: &Entry) -> String {
    match entry.parts.len() {
        0 => "here".to_owned(),
        files => format!("here, {files} files"),
    }
}

fn verify(store: &Store, names: &[String]) -> Result<(), Failure> {
    let listing = store.list()?;
    for name in names {
        if !listing.entries.iter().any(|entry| is_meant(entry, name))
            && !listing.damaged.iter().any(|damaged| damaged.what == *name)
        {
            return Err(Failure::new(
                Exit::NotFound,
                format!("no model `{name}` is here; `edgeorch models ls` lists them"),
            ));
        }
    }
    let progress = progress::on_stderr();
    let mut faults = 0;
    for damaged in listing.damaged.iter().filter(|damaged| names.is_empty() || names.contains(&damaged.what))
    {
        faults += 1;
        eprintln!("{}: {}", damaged.what, damaged.damage);
    }
    for entry in listing
        .entries
        .iter()
        .filter(|entry| names.is_empty() || names.iter().any(|name| is_meant(entry, name)))
    {
        match block_on(store.verify(entry, &*progress))? {
            Ok(digest) => eprintln!("{}: whole, sha256 {}", entry.name, &digest.as_str()[..12]),
            Err(error) => {
                faults += 1;
                eprintln!("{}: {}", entry.name, chain(&error));
            }
        }
    }
    match faults {
        0 => Ok(()),
        _ => Err(Failure::new(
            Exit::Failed,
            "not everything is whole: `edgeorch models rm` it and fetch it again",
        )),
    }
}

fn is_meant(entry: &Entry, name: &str) -> bool {
    entry.name == name
        || entry.source.to_string() == name
        || (name.len() >= 4 && entry.digest.as_ref().is_some_and(|digest| digest.as_str().starts_with(name)))
}
