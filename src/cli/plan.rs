//! `edgeorch plan`: what would run, with the memory sum shown and a reason for everything. Nothing is started, and
//! nothing is installed.

use std::path::PathBuf;

use edgeorch_engines::{Deployment, Engine, Flag, Host, Order, Seat, Source, SourceError, User};
use nix::unistd::{getegid, geteuid};
use serde::Serialize;

use super::profile::ProfileArgument;
use super::{Exit, Failure, block_on, past, print_json, report as words, table, terminal};
use crate::engine::Engines;
use crate::home::Home;
use crate::model::catalogue;
use crate::plan::quality::Loss;
use crate::plan::risk;
use crate::plan::{Choice, Rehearsed, Usage, Verdict};
use crate::profile::Profile;
use crate::profile::elements::SourceChoice;
use crate::progress;
use crate::reconcile::prepare::{Decided, PrepareError, Workshop};
use crate::reconcile::repositories::Repositories;
use crate::reconcile::{Desired, Wish};
use crate::report::{OtherEngine, Planned, Report};
use edgeorch_hardware::{self as hardware, Request, Root};

mod host;
mod self_check;
mod write;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    profile: ProfileArgument,
    /// Plan for another machine: what `edgeorch audit --json` printed there
    #[arg(long, value_name = "HOST.json")]
    host: Option<PathBuf>,
    /// Plan with this model instead of the profile's: a source, a name of the catalogue, or auto
    #[arg(long, value_name = "REF")]
    model: Option<String>,
    /// Write the report and the files that it tells of into this folder
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    output: Option<PathBuf>,
    /// The report's form: md, json or html
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Form>,
    /// Print JSON: one entry for each model
    #[arg(long, conflicts_with_all = ["format", "output"])]
    json: bool,
    /// Print how far the projection is to be trusted, instead of a plan
    #[arg(long, conflicts_with_all = ["format", "output", "model"])]
    self_check: bool,
}

/// Forms of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    Md,
    Json,
    Html,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.self_check {
        let host = match &arguments.host {
            Some(path) => host::read(path)?,
            None => looked_at(&Home::find()?),
        };
        return self_check::run(&host, arguments.json);
    }
    let mut profile = arguments.profile.load()?;
    let only = match &arguments.model {
        Some(text) => replace_model(&mut profile, text)?,
        None => None,
    };
    let home = Home::find()?;
    home.prepare()?;
    let host = match &arguments.host {
        Some(path) => host::read(path)?,
        None => looked_at(&home),
    };
    let elsewhere = arguments.host.is_some();
    let models = planned(&profile, &home, &host, elsewhere, only)?;
    let report = Report {
        schema: Report::SCHEMA.to_owned(),
        profile: profile.metadata.name.as_str().to_owned(),
        // The script that checks the deployment is run from anywhere.
        profile_path: std::path::absolute(&arguments.profile.path)?.display().to_string(),
        endpoint: profile.gateway.listen.address().to_string(),
        audit: hardware::print(&host, 78, false),
        host,
        models,
    };
    match (&arguments.output, arguments.format) {
        (Some(folder), form) => write::report(&report, folder, form.unwrap_or(Form::Md))?,
        (None, Some(Form::Md)) => terminal::print(&report.markdown()),
        (None, Some(Form::Html)) => terminal::print(&report.html()),
        (None, Some(Form::Json)) => print_json(&report)?,
        (None, None) if arguments.json => print_json(&entries(&report))?,
        (None, None) => report.models.iter().for_each(|planned| terminal::print(&text(planned))),
    }
    exit(&report)
}

/// This machine, with its memory's bandwidth: speed follows from it. It is measured now, which takes a quarter of a
/// second, unless something better is known from a quieter time.
fn looked_at(home: &Home) -> Host {
    let measure = Request { measure: true, ..Request::facts(&home.models()) };
    past::with_bandwidth(hardware::audit(&Root::live(), &measure), home)
}

/// The same code whatever was printed: 0 where all fits, 5 where the profile forbids, else 3.
fn exit(report: &Report) -> Result<(), Failure> {
    let refused = report.models.iter().find_map(|model| Some((model, model.decision.refused()?)));
    if let Some((model, reason)) = refused {
        return Err(Failure::new(Exit::Refused, format!("{}: {reason}", model.id)));
    }
    match report.models.iter().all(|model| model.decision.fits()) {
        true => Ok(()),
        false => Err(Failure::silent(Exit::DoesNotFit)),
    }
}

/// `--model` names one for all models of the profile: a source, or a model of the catalogue, which is returned.
fn replace_model(profile: &mut Profile, text: &str) -> Result<Option<&'static str>, Failure> {
    let known = catalogue::find(text).map(|(_, entry)| entry.name.as_str());
    let source = match (text.parse(), known) {
        (_, Some(_)) => SourceChoice::Auto,
        (Ok(SourceChoice::Given(Source::File { path })), None) => {
            SourceChoice::Given(Source::File { path: std::path::absolute(path)? })
        }
        (Ok(source), None) => source,
        (Err(SourceError::Scheme(_)), None) => {
            let message = format!(
                "--model {text} is neither a source nor a model of the catalogue; `edgeorch models known` lists those"
            );
            return Err(Failure::new(Exit::NotFound, message));
        }
        (Err(error), None) => return Err(Failure::of(Exit::Usage, &error)),
    };
    profile.models.values_mut().for_each(|model| model.source = source.clone());
    Ok(known)
}

fn planned(
    profile: &Profile,
    home: &Home,
    host: &Host,
    elsewhere: bool,
    only: Option<&str>,
) -> Result<Vec<Planned>, Failure> {
    let desired = Desired::of(profile, host);
    let engines = Engines::new(home.engines(), host);
    let workshop = Workshop {
        home,
        host,
        engines: &engines,
        budget: desired.budget,
        privacy: desired.privacy,
        elsewhere,
        past: past::of(home),
        repositories: &Repositories::default(),
    };
    let progress = progress::on_stderr();
    let mut taken = Usage::default();
    let mut models = Vec::new();
    for (wish, port) in desired.wishes.iter().zip(DEPLOYED_PORT..) {
        let planned = block_on(async {
            workshop.check(wish)?;
            let decided = workshop.survey(wish, only, &taken, &*progress).await?;
            one(wish, decided, &engines, host, port, elsewhere).await
        })??;
        // As `up` does it: what is not started takes nothing from those after it.
        if let Some(best) = planned.decision.best.as_ref().filter(|_| planned.decision.fits()) {
            taken.extend(&best.plan.sum.usage());
        }
        models.push(planned);
    }
    Ok(models)
}

async fn one(
    wish: &Wish,
    decided: Decided,
    engines: &Engines,
    host: &Host,
    port: u16,
    elsewhere: bool,
) -> Result<Planned, Failure> {
    let Decided { decision, files, others, rehearsed, .. } = decided;
    let others = others.into_iter().map(|(engine, decision)| OtherEngine {
        engine: engine.manifest().id.clone(),
        starts: engine.manifest().launches,
        fits: decision.fits(),
        verdict: decision.verdict(),
    });
    let mut notes = Vec::new();
    let (mut program, mut arguments, mut deployment) = (None, None, Deployment::default());
    if let Some(best) = &decision.best {
        let ready = match elsewhere {
            true => None,
            false => engines.find(wish.engine.manifest()).await.ready,
        };
        if let Some(ready) = &ready
            && wish.engine.manifest().launches
        {
            let seat = Seat { port: 0, key: String::new() };
            let spec = wish.engine.launch(&best.plan.ask, &best.plan.model, &files, &ready.binary, &seat);
            let spec = spec.map_err(PrepareError::from)?;
            program = Some(spec.program.display().to_string());
            arguments = Some(spec.flags);
        }
        let order = Order {
            ask: &best.plan.ask,
            model: &best.plan.model,
            files: &files,
            binary: ready.as_ref().map(|ready| &ready.binary),
            host,
            port,
            user: (!elsewhere).then(|| User { uid: geteuid().as_raw(), gid: getegid().as_raw() }),
        };
        match wish.engine.deploy(&order) {
            Ok(made) => deployment = made,
            Err(refusal) => notes.push(refusal.to_string()),
        }
        if let Some(source) = best.subject.source.as_ref().filter(|_| !files.weights.exists()) {
            // Where they will lie is known by their digest only.
            notes.push(format!(
                "its weights are not here: `edgeorch pull {source}`, and plan again for files that name their place"
            ));
        }
    }
    let risks =
        decision.best.as_ref().map_or_else(Vec::new, |best| risk::register(best, &wish.demands, host));
    Ok(Planned {
        id: wish.ask.id.clone(),
        decision,
        other_engines: others.collect(),
        risks,
        rehearsal: rehearsed,
        program,
        arguments,
        notes,
        deployment,
        port,
    })
}

/// Where the first model's engine answers that is started by the deployment files, and those after it behind it: ports
/// that no service here is likely to hold.
const DEPLOYED_PORT: u16 = 9931;

/// One model, as `--json` prints it.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    #[serde(flatten)]
    choice: Option<&'a Choice>,
    quality: Option<Quality>,
    rejected: &'a [crate::plan::Rejected],
    considered: usize,
    other_engines: &'a [OtherEngine],
    risks: &'a [risk::Risk],
    rehearsal: &'a Option<Rehearsed>,
    /// None where the engine is not installed: flags follow from its own `--help`.
    program: &'a Option<String>,
    arguments: &'a Option<Vec<Flag>>,
}

/// What the type of the weights costs, or why this can't be told.
#[derive(Serialize)]
#[serde(untagged)]
enum Quality {
    Known(Loss),
    Unknown { unknown: String },
}

impl Quality {
    fn of(choice: &Choice) -> Quality {
        match choice.subject.loss() {
            Ok(loss) => Quality::Known(loss),
            Err(why) => Quality::Unknown { unknown: why.to_string() },
        }
    }
}

fn entries(report: &Report) -> Vec<Entry<'_>> {
    fn entry(model: &Planned) -> Entry<'_> {
        let Planned { id, decision, other_engines, risks, rehearsal, program, arguments, .. } = model;
        Entry {
            id,
            choice: decision.best.as_ref(),
            quality: decision.best.as_ref().map(Quality::of),
            rejected: &decision.rejected,
            considered: decision.considered,
            other_engines,
            risks,
            rehearsal,
            program,
            arguments,
        }
    }
    report.models.iter().map(entry).collect()
}

fn text(planned: &Planned) -> String {
    let width = terminal::width();
    let Some(best) = &planned.decision.best else {
        return words::nothing(planned, width);
    };
    let mut text = words::choice(best, width);
    text += &words::sum(&best.plan, width);
    text += &planned.rehearsal.as_ref().map_or(String::new(), |one| words::rehearsal(one, width));
    if let Ok(loss) = &best.subject.loss() {
        text += &words::quality(loss, width);
    }
    text += &words::speed(&best.speed, width);
    text += &words::measured(&best.plan, width);
    text += &words::rejected(&planned.decision, width);
    text += &words::engines(&planned.other_engines, width);
    text.push('\n');
    match (&planned.program, &planned.arguments) {
        (Some(program), Some(flags)) => text += &words::arguments(program, flags, width),
        _ if matches!(best.plan.verdict, Verdict::Fits { .. }) => text += &absent(&best.plan.engine, width),
        _ => {}
    }
    text + "\n"
}

fn absent(engine: &str, width: usize) -> String {
    let starts = edgeorch_engines::find(engine).is_some_and(|engine: &dyn Engine| engine.manifest().launches);
    let note = match starts {
        true => format!(
            "{engine} is not installed: its exact arguments follow from its own --help. `edgeorch up` installs it, and \
             so does `edgeorch engines install {engine}`."
        ),
        false => format!(
            "edgeorch plans for {engine} and does not start it yet: `edgeorch plan -o DIR` writes files that do."
        ),
    };
    format!("{}\n", table::fold(&note, "", width))
}
