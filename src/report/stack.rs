//! Part 3: what runs, and how a request passes through it.

use super::document::Section;
use super::recommendation::{place_name, placement};
use super::{Planned, Report};

pub fn section(report: &Report) -> Section {
    let mut section = Section::new("3 Stack architecture");
    section.listing("text", diagram(report));
    let mut sentences = match report.starts() {
        true => vec![
            "The gateway is the only address that clients know; engines listen on loopback, on ports that are assigned at \
             each launch, behind a key that is made for each launch."
                .to_owned(),
            "Engines run as children of the daemon, in a process group of their own; when the daemon is killed they are \
             ended, never left."
                .to_owned(),
        ],
        false => report.models.iter().map(own).collect(),
    };
    sentences.push(
        "Nothing of a prompt or an answer leaves this machine, and nothing is sent anywhere else.".into(),
    );
    section.list(sentences);
    section
}

/// Of a profile that edgeorch doesn't start.
fn own(model: &Planned) -> String {
    format!(
        "edgeorch does not start this profile: the server of {} is started by its files, and clients ask it at \
         127.0.0.1:{} without a gateway.",
        model.id, model.port
    )
}

/// Boxes of one width, joined by lines.
fn diagram(report: &Report) -> String {
    let mut text = boxed(&["clients: OpenAI-compatible requests, streams".to_owned()]);
    if report.starts() {
        text += ARROW;
        text += &boxed(&[
            format!("edgeorch gateway, {}", report.endpoint),
            "routes by model, waits, retries, meters".into(),
        ]);
    }
    for model in &report.models {
        text += ARROW;
        text += &boxed(&engine(model));
    }
    text
}

fn engine(model: &Planned) -> Vec<String> {
    let Some(best) = &model.decision.best else {
        return vec![format!("{}: nothing can be served", model.id)];
    };
    let mut lines = vec![
        format!("{}: {}", model.id, best.subject.title()),
        format!("{} on loopback, {} requests at once", best.plan.engine, best.plan.ask.parallel),
        placement(best),
    ];
    for (place, bytes) in best.plan.sum.usage().places() {
        lines.push(format!("{}: {bytes}", place_name(place)));
    }
    lines
}

const WIDTH: usize = 62;
const ARROW: &str = "                               │\n                               ▼\n";

fn boxed(lines: &[String]) -> String {
    let rule = "─".repeat(WIDTH);
    let mut text = format!("┌{rule}┐\n");
    for line in lines.iter().flat_map(|line| wrapped(line)) {
        let pad = WIDTH.saturating_sub(line.chars().count() + 1);
        text += &format!("│ {line}{}│\n", " ".repeat(pad));
    }
    text + &format!("└{rule}┘\n")
}

/// Broken at spaces; a word that is too long is cut.
fn wrapped(text: &str) -> Vec<String> {
    let room = WIDTH - 2;
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word: String = word.chars().filter(|c| !c.is_control()).take(room).collect();
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = word,
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                *line += &format!(" {word}")
            }
            _ => lines.push(word),
        }
    }
    lines
}
