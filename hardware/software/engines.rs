//! Engines that are programs: on the search path, or where their installer puts them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use edgeorch_engines::contract::host::{EngineFound, EngineOrigin};

use super::ask::{Asked, ask};
use super::backends;
use super::found::Found;
use super::search::Search;
use super::table::{ENGINES, Engine, Said};
use crate::findings::Findings;
use crate::root::RunError;
use crate::{Command, Root};
use edgeorch_engines::chain;

/// Programs of one engine: who has more has a folder of builds on the search path.
const MOST: usize = 4;

/// No program listens on this port: it is reserved.
const NO_SERVER: &[(&str, &str)] = &[("OLLAMA_HOST", "127.0.0.1:1")];

/// Engines whose programs are being asked for their versions.
pub struct Begun(Vec<Candidate>);

struct Candidate {
    engine: &'static Engine,
    path: String,
    found: &'static str,
    /// By the libraries that lie with it.
    backends: backends::Told,
    asked: Option<Asked>,
}

pub fn begin(root: &Root, search: &Search) -> Begun {
    let mut names = Names::default();
    let mut candidates = Vec::new();
    for engine in ENGINES.iter() {
        for (path, found) in paths(root, search, engine) {
            let asked = engine.version.as_ref().map(|version| {
                let mut command = Command::found(names.next(&path), path.clone(), &[]);
                command.args = Cow::Owned(version.args.iter().map(String::as_str).collect());
                command.complaints = true;
                command.env = if version.without_server { NO_SERVER } else { &[] };
                ask(root, command)
            });
            let backends = backends::beside_program(root, &engine.backends, &path);
            candidates.push(Candidate { engine, path, found, backends, asked });
        }
    }
    Begun(candidates)
}

impl Begun {
    pub fn finish(self) -> Vec<Found<EngineFound>> {
        self.0.into_iter().map(Candidate::finish).collect()
    }
}

/// Each program once, with how it was found.
fn paths(root: &Root, search: &Search, engine: &Engine) -> Vec<(String, &'static str)> {
    let on_path = engine.programs.iter().flat_map(|name| search.programs(root, name));
    let places = engine.places.on(search.family).iter();
    let placed = places.filter_map(|place| search.expand(place)).filter(|place| root.exists(place));
    let all = on_path.map(|path| (path, "the search path"));
    let mut paths = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (path, found) in all.chain(placed.map(|path| (path, "where its installer puts it"))) {
        let real = root.real_path(&path).unwrap_or_else(|_| path.clone());
        if !seen.contains(&real) && paths.len() < MOST {
            seen.push(real);
            paths.push((path, found));
        }
    }
    paths
}

impl Candidate {
    fn finish(mut self) -> Found<EngineFound> {
        let mut findings = Findings::default();
        findings.known("", self.found);
        let answer = self.asked.take().map(Asked::answer);
        let said = self.version(&answer, &mut findings);
        let mut backends = self.backends;
        let output = answer.and_then(Result::ok).unwrap_or_default();
        backends.extend(backends::said(&self.engine.backends, &output));
        let backends = backends::gather(&self.engine.backends, backends, &mut findings);
        let thing = EngineFound {
            engine: self.engine.engine.clone(),
            origin: EngineOrigin::Program,
            path: self.path,
            version: said.version,
            build: said.build,
            backends,
        };
        Found { thing, findings }
    }

    fn version(&self, answer: &Option<Result<String, RunError>>, findings: &mut Findings) -> Said {
        let Some((version, answer)) = self.engine.version.as_ref().zip(answer.as_ref()) else {
            findings.unknown("version", "it has no way to ask that only answers");
            findings.none("build", "it counts no builds");
            return Said::default();
        };
        let asked = format!("what it prints with {}", version.args.join(" "));
        match answer.as_ref().map(|output| version.read(output)) {
            Ok(Some(said)) => {
                findings.known("version", &asked);
                match (&said.build, said.counts_builds) {
                    (Some(_), _) => findings.known("build", &asked),
                    (None, true) => findings.unknown("build", "it was built without knowing its number"),
                    (None, false) => findings.none("build", "it counts no builds besides its versions"),
                }
                said
            }
            Ok(None) => {
                findings.unknown("version", format_args!("no version is to be read in {asked}"));
                findings.unknown("build", format_args!("no build is to be read in {asked}"));
                Said::default()
            }
            Err(error) => {
                findings.unknown("version", chain(error));
                findings.unknown("build", chain(error));
                Said::default()
            }
        }
    }
}

/// Names under which a capture keeps what each program said.
#[derive(Default)]
struct Names(BTreeMap<String, u32>);

impl Names {
    fn next(&mut self, path: &str) -> String {
        let program = path.rsplit('/').next().unwrap_or(path).to_owned();
        let count = self.0.entry(program.clone()).or_default();
        *count += 1;
        match count {
            1 => format!("{program}-version"),
            count => format!("{program}-version-{count}"),
        }
    }
}
