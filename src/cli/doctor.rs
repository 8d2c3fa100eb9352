//! `edgeorch doctor`: what is wrong with this machine and how to mend it. Fetches nothing, starts nothing, changes nothing.

use std::path::PathBuf;

use edgeorch_engines::{Bytes, Host};
use edgeorch_hardware::{self as hardware, Request, Root};
use serde::Serialize;

use super::audit::captured;
use super::profile::ProfileArgument;
use super::{Exit, Failure, block_on, past, print_json, table, terminal};
use crate::doctor::{Finding, Need, Severity, diagnose};
use crate::engine::Engines;
use crate::home::Home;
use crate::plan::Usage;
use crate::profile::elements::PrivacyMode;
use crate::progress;
use crate::reconcile::Desired;
use crate::reconcile::prepare::{PrepareError, Workshop};
use crate::reconcile::repositories::Repositories;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Also judge whether this profile's models fit, as far as their weights are here
    #[arg(short = 'f', long = "file", value_name = "PROFILE")]
    profile: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Judge another machine: a capture, or a folder with its /proc, /sys and /etc
    #[arg(long, value_name = "DIR|FILE")]
    sysroot: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    findings: Vec<Finding>,
    /// What the profile's models need together; null without a profile.
    need: Option<Bytes>,
    /// Models of the profile whose weights are not here, so that their sum is not in `need`.
    not_judged: Vec<String>,
    /// Facts that running as root would add.
    root_would_add: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let home = Home::find()?;
    let root = arguments.sysroot.as_deref().map_or_else(|| Ok(Root::live()), captured)?;
    let request = Request { software: true, ..Request::facts(&home.models()) };
    let host = hardware::audit(&root, &request);
    let (need, not_judged) = match &arguments.profile {
        Some(path) => need(path, &home, &host)?,
        None => (None, Vec::new()),
    };
    let report = Report {
        findings: diagnose(&host, need),
        need: need.map(|need| need.memory),
        not_judged,
        root_would_add: root_would_add(&host),
    };
    match arguments.json {
        true => print_json(&report)?,
        false => terminal::print(&text(&report, terminal::width())),
    }
    match report.findings.iter().any(|finding| finding.severity == Severity::Problem) {
        true => Err(Failure::silent(Exit::Failed)),
        false => Ok(()),
    }
}

/// The sum of those models whose weights are here, and the names of the others.
fn need(path: &std::path::Path, home: &Home, host: &Host) -> Result<(Option<Need>, Vec<String>), Failure> {
    let profile = ProfileArgument { path: path.to_owned() }.load()?;
    let desired = Desired::of(&profile, host);
    let engines = Engines::new(home.engines(), host);
    // As if the profile said airgap: a diagnosis downloads nothing.
    let (budget, privacy) = (desired.budget, PrivacyMode::Airgap);
    let workshop = Workshop {
        home,
        host,
        engines: &engines,
        budget,
        privacy,
        elsewhere: false,
        past: past::of(home),
        repositories: &Repositories::default(),
    };
    let progress = progress::on_stderr();
    let (mut memory, mut missing) = (Bytes::ZERO, Vec::new());
    for wish in &desired.wishes {
        match block_on(workshop.decide(wish, &Usage::default(), &*progress))? {
            Ok(decided) => {
                let best = decided.decision.best;
                memory = memory + best.map_or(Bytes::ZERO, |best| best.plan.sum.at_least());
            }
            Err(PrepareError::Airgap { .. }) => missing.push(wish.ask.id.clone()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok((Some(Need { memory }), missing))
}

fn root_would_add(host: &Host) -> Vec<String> {
    let fields = host.unknown.iter().filter(|unknown| unknown.remedy.as_deref() == Some(hardware::AS_ROOT));
    fields.map(|unknown| unknown.field.clone()).collect()
}

fn text(report: &Report, width: usize) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let label = match finding.severity {
            Severity::Problem => "Problem  ",
            Severity::Warning => "Warning  ",
            Severity::Hint => "Hint     ",
        };
        text += &labelled(label, &finding.what, width);
        text += &labelled("      →  ", &finding.remedy, width);
    }
    if !report.findings.is_empty() {
        text.push('\n');
    }
    text += &format!("{}\n", table::fold(&conclusion(report), "", width));
    for model in &report.not_judged {
        let note = format!(
            "{model} was not judged: its weights are not here. `edgeorch plan` fetches and judges them."
        );
        text += &format!("{}\n", table::fold(&note, "", width));
    }
    if !report.root_would_add.is_empty() {
        let note = format!("As root the audit would also know: {}.", report.root_would_add.join(", "));
        text += &format!("{}\n", table::fold(&note, "", width));
    }
    text
}

fn conclusion(report: &Report) -> String {
    let count = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let told = [(Severity::Problem, "problem"), (Severity::Warning, "warning"), (Severity::Hint, "hint")];
    let told = told.map(|(severity, word)| match count(severity) {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    });
    let told: Vec<String> = told.into_iter().flatten().collect();
    let fits = report
        .need
        .filter(|_| count(Severity::Problem) == 0)
        .map(|need| format!(" The profile's models need {need}."));
    match told.is_empty() {
        true => format!("Nothing is wrong that edgeorch knows of.{}", fits.unwrap_or_default()),
        false => format!("{}.{}", told.join(", "), fits.unwrap_or_default()),
    }
}

/// Lines below the first are indented to stand under the text.
fn labelled(label: &str, text: &str, width: usize) -> String {
    let indent = " ".repeat(label.chars().count());
    let folded = table::fold(text, &indent, width);
    format!("{label}{}\n", &folded[indent.len()..])
}
