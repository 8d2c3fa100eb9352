//! `edgeorch engines ls|install`: the programs that do the work.

use edgeorch_engines::Engine;
use serde::Serialize;

use super::{Exit, Failure, block_on, print_json, table, terminal};
use crate::engine::{Origin, find, install, suit};
use crate::hardware::{self, Root};
use crate::home::{self, Home};
use crate::progress;

#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List known engines and where each is
    #[command(alias = "list")]
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Install an engine from the first source that suits this machine
    Install {
        /// Its id, such as llama.cpp
        engine: String,
    },
}

#[derive(Serialize)]
struct Row {
    engine: String,
    license: String,
    program: Option<String>,
    version: Option<String>,
    origin: Option<Origin>,
    /// Ways to install it, each with what stands against it here.
    sources: Vec<(String, Vec<String>)>,
}

pub fn run(verb: &Verb) -> Result<(), Failure> {
    let home = Home::find()?;
    home.prepare()?;
    match verb {
        Verb::Ls { json } => list(&home, *json),
        Verb::Install { engine } => {
            let Some(engine) = edgeorch_engines::find(engine) else {
                let known: Vec<_> =
                    edgeorch_engines::all().iter().map(|engine| engine.manifest().id.as_str()).collect();
                return Err(Failure::new(
                    Exit::Usage,
                    format!("no engine `{engine}` is known (known: {})", known.join(", ")),
                ));
            };
            let (host, progress) = (hardware::audit(&Root::live()), progress::on_stderr());
            let ready = block_on(install::install(
                engine.manifest(),
                &host,
                &home.engines(),
                &*progress,
                Vec::new(),
            ))??;
            let version = ready.binary.version.unwrap_or_else(|| "unknown version".into());
            eprintln!(
                "{} is ready: {version}, {}",
                engine.manifest().name,
                home::display(&ready.binary.program)
            );
            Ok(())
        }
    }
}

fn list(home: &Home, json: bool) -> Result<(), Failure> {
    let host = hardware::audit(&Root::live());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let row = |engine: &&dyn Engine| {
        let manifest = engine.manifest();
        let ready = block_on(install::existing(manifest, &home.engines(), &mut Vec::new()))?;
        let sources = manifest.install.iter().map(|source| {
            (source.name.clone(), suit::obstacles(source, &host, |tool| find::on_path(tool, &path).is_some()))
        });
        Ok(Row {
            engine: manifest.id.clone(),
            license: manifest.license.clone(),
            program: ready.as_ref().map(|ready| home::display(&ready.binary.program)),
            version: ready.as_ref().and_then(|ready| ready.binary.version.clone()),
            origin: ready.map(|ready| ready.origin),
            sources: sources.collect(),
        })
    };
    let rows: Vec<Row> = edgeorch_engines::all().iter().map(row).collect::<Result<_, Failure>>()?;
    if json {
        return print_json(&rows);
    }
    let width = terminal::width();
    for row in rows {
        let found = match (&row.program, &row.version) {
            (Some(program), Some(version)) => format!("{program}, {version}"),
            (Some(program), None) => program.clone(),
            (None, _) => format!("not installed; `edgeorch engines install {}` gets it", row.engine),
        };
        terminal::print(&format!("{} ({})\n{}\n", row.engine, row.license, table::fold(&found, "  ", width)));
        for (source, obstacles) in row.sources {
            let state =
                if obstacles.is_empty() { "suits this machine".to_owned() } else { obstacles.join("; ") };
            terminal::print(&format!("{}\n", table::fold(&format!("- {source}: {state}"), "    ", width)));
        }
    }
    Ok(())
}
