//! Part 2: which model, in which form, with its sum, what was passed over and why.

use edgeorch_engines::{Basis, Bytes, Place};

use super::document::{BarPart, Block, Section};
use super::{Planned, Report};
use crate::plan::rehearsal::{Compared, Outcome};
use crate::plan::{Alternative, Choice, Rehearsed, Rejected, Rejection, Verdict};

pub fn section(report: &Report) -> Section {
    let mut section = Section::new("2 Model recommendation");
    for model in &report.models {
        section.heading(&model.id);
        match &model.decision.best {
            Some(best) => {
                chosen(&mut section, best);
                model.rehearsal.iter().for_each(|rehearsed| rehearsal(&mut section, rehearsed));
            }
            None => section.text("Nothing can be recommended: the table says why."),
        }
        others(&mut section, model);
    }
    section
}

fn chosen(section: &mut Section, best: &Choice) {
    let subject = &best.subject;
    section.text(format!("{}. {}", what(best), verdict(&best.plan.verdict)));
    let mut facts = vec![
        ["model".to_owned(), subject.title()],
        ["source".to_owned(), subject.source.clone().unwrap_or_else(|| "a file".into())],
        ["engine".to_owned(), best.plan.engine.clone()],
        [
            "context".to_owned(),
            format!("{} tokens × {} requests", best.plan.ask.context_size, best.plan.ask.parallel),
        ],
        [
            "cache".to_owned(),
            format!("K {}, V {}", best.plan.ask.key_type.name(), best.plan.ask.value_type.name()),
        ],
        ["placement".to_owned(), placement(best)],
    ];
    if let Some(licence) = &subject.licence {
        let limits = licence.limits.as_ref().map_or(String::new(), |limits| format!(" ({limits})"));
        facts.push(["licence".to_owned(), format!("{}{limits}", licence.name)]);
    }
    let fitness = match &subject.grade {
        Some(grade) => {
            format!("{}: {:.1} in {} ({})", grade.words(), grade.score, grade.benchmark, grade.source)
        }
        None => "unknown: no published measurement is known to edgeorch".into(),
    };
    facts.push(["fitness for the task".to_owned(), fitness]);
    let loss = match subject.loss() {
        Ok(loss) => loss.words(),
        Err(unknown) => format!("unknown: {unknown}"),
    };
    facts.push(["loss by quantization".to_owned(), loss]);
    section.table(["", ""], facts);
    sums(section, best);
}

fn what(best: &Choice) -> String {
    match best.subject.model.basis {
        Basis::Header => format!("{}, read from its own header", best.subject.title()),
        Basis::Dimensions => {
            format!(
                "{}, counted from its published dimensions; its header is read before it is started",
                best.subject.title()
            )
        }
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Fits { total, spare } => format!("It fits: {total}, with {spare} to spare."),
        Verdict::DoesNotFit { total, short, .. } => {
            format!("It does not fit: it needs {total}, and {short} are missing.")
        }
        Verdict::Unknown { reason, at_least, at_most } => {
            let most = at_most.map_or(String::new(), |most| format!(", at most {most}"));
            format!("Whether it fits is unknown ({reason}); at least {at_least}{most}.")
        }
    }
}

pub(super) fn placement(best: &Choice) -> String {
    let placement = &best.plan.ask.placement;
    if placement.on_host() {
        return "all in host memory".into();
    }
    let shares: Vec<String> = placement
        .shares
        .iter()
        .map(|share| {
            format!("{} layers on accelerator {} ({})", share.layers, share.device, share.backend.name())
        })
        .collect();
    let experts = match placement.experts_on_host {
        0 => String::new(),
        layers => format!(", experts of {layers} layers in host memory"),
    };
    format!("{}{experts}", shares.join(", "))
}

/// One table and one bar for each memory that it takes.
fn sums(section: &mut Section, best: &Choice) {
    let plan = &best.plan;
    for (place, total) in plan.sum.usage().places() {
        let charges: Vec<_> = plan.sum.charges.iter().filter(|charge| charge.place == place).collect();
        let row = |charge: &&edgeorch_engines::Charge| {
            let bytes = match (charge.bytes, charge.at_most) {
                (Some(bytes), _) => bytes.to_string(),
                (None, Some(most)) => format!("unknown, at most {most}"),
                (None, None) => "unknown".into(),
            };
            [charge.part.name().to_owned(), bytes, charge.how.clone()]
        };
        section.table(["part", "bytes", "how"], charges.iter().map(row).collect());
        let allowed = plan.allowances.get(place);
        let whole = allowed.map_or(total, |allowance| allowance.bytes.max(total));
        let name = place_name(place);
        let title = match allowed {
            Some(allowance) => format!("{name}: {total} of {} ({})", allowance.bytes, allowance.why),
            None => format!("{name}: {total}; what is free in it is unknown"),
        };
        let parts = charges
            .iter()
            .filter_map(|charge| {
                let bytes = charge.bytes?;
                Some(BarPart {
                    name: charge.part.name().into(),
                    value: bytes.0 as f64,
                    label: bytes.to_string(),
                })
            })
            .collect();
        section.blocks.push(Block::Bar { title, parts, whole: whole.0 as f64 });
    }
}

/// The engine's own dry run, part by part.
fn rehearsal(section: &mut Section, Rehearsed { program, outcome }: &Rehearsed) {
    match outcome {
        Outcome::Failed(why) => section.text(format!("{program} could not be asked for a dry run: {why}.")),
        Outcome::Told { parts, differs } => {
            section.text(format!("The same by {program}, the engine's own dry run. It {differs}."));
            let row = |one: &Compared| {
                let ours = one.ours.map_or("unknown".into(), |bytes| bytes.to_string());
                let difference = one.difference.map_or("unknown".into(), signed);
                let part = format!("{}, {}", place_name(one.place), one.name());
                [part, ours, one.theirs.to_string(), difference]
            };
            section.table(["part", "edgeorch", program, "difference"], parts.iter().map(row).collect());
        }
    }
}

/// `+1.5 MiB`.
pub fn signed(bytes: i64) -> String {
    let sign = match bytes {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    format!("{sign}{}", Bytes(bytes.unsigned_abs()))
}

pub(super) fn place_name(place: Place) -> String {
    match place {
        Place::Host => "Host memory".into(),
        Place::Device(index) => format!("Accelerator {index}"),
    }
}

fn others(section: &mut Section, model: &Planned) {
    if let Some(Verdict::DoesNotFit { alternatives, .. }) =
        model.decision.best.as_ref().map(|best| &best.plan.verdict)
    {
        let row = |one: &Alternative| {
            let decode = one.decode.map_or("unknown".into(), |rate| format!("{rate:.1}"));
            [one.change.clone(), one.total.to_string(), decode, one.note.clone().unwrap_or_default()]
        };
        let rows = alternatives.iter().map(row).collect();
        section.table(["it would fit with", "needs", "tokens/s", "to know"], rows);
    }
    let row = |rejected: &Rejected| {
        let turn = rejected.turn_ms.map_or("unknown".into(), |turn| format!("{:.1} s", turn / 1000.0));
        let total = rejected.total.map_or("unknown".into(), |total| total.to_string());
        let title = match rejected.more {
            0 => rejected.title.clone(),
            more => format!("{} and {more} more", rejected.title),
        };
        [title, kind(rejected.kind).to_owned(), total, turn, rejected.reason.clone()]
    };
    let rejected = &model.decision.rejected;
    if !rejected.is_empty() {
        section.text(format!(
            "{} candidates were looked at. The best of those not taken:",
            model.decision.considered
        ));
        section
            .table(["candidate", "why not", "memory", "turn", "reason"], rejected.iter().map(row).collect());
    }
    let engines = model.other_engines.iter().map(|other| [other.engine.clone(), other.verdict.clone()]);
    section.table(["other engines", ""], engines.collect());
}

fn kind(kind: Rejection) -> &'static str {
    match kind {
        Rejection::Absent => "not there",
        Rejection::Outranked => "another is better",
        Rejection::Slow => "too slow",
        Rejection::TooBig => "too big",
        Rejection::Unknown => "unknown",
        Rejection::Engine => "no engine",
        Rejection::Policy => "forbidden",
    }
}
