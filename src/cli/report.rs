//! A plan as text for people: the sum line by line, the verdict, and what would fit instead.

use edgeorch_engines::{Basis, Bytes, Flag, Place};

use super::table;
use crate::plan::quality::{How, Loss};
use crate::plan::rehearsal::{Compared, Outcome};
use crate::plan::speed::Band;
use crate::plan::{Alternative, Choice, Corrected, Decision, Plan, Rehearsed, Rejected, Speed, Verdict};
use crate::report::{OtherEngine, Planned, signed};

/// What was chosen, where the profile left a choice.
pub fn choice(best: &Choice, width: usize) -> String {
    let subject = &best.subject;
    if best.plan.model.basis == Basis::Header && best.plan.ask.placement.on_host() {
        return String::new();
    }
    let source = subject.source.as_deref().unwrap_or("a file");
    let mut text =
        format!("{} is served by {}: {} ({source})", best.plan.ask.id, best.plan.engine, subject.title());
    if let Some(licence) = &subject.licence {
        let limits = licence.limits.as_ref().map_or(String::new(), |limits| format!(": {limits}"));
        text += &format!(", {}{limits}", licence.name);
    }
    format!("{}\n", table::fold(&text, "", width))
}

/// Why a model can't be planned.
pub fn nothing(planned: &Planned, width: usize) -> String {
    let mut text = format!("Nothing can serve {}\n", planned.id);
    text += &rejected(&planned.decision, width);
    text + &engines(&planned.other_engines, width)
}

/// The projection in two lines.
pub fn speed(speed: &Speed, width: usize) -> String {
    let text = match speed {
        Speed::Unknown { unknown } => format!("unknown: {unknown}"),
        Speed::Known(speed) => {
            let band = |band: &Band| format!("{:.1} to {:.1}", band.p10, band.p90);
            let seconds = |name: &str, band: Option<Band>| {
                band.map_or(String::new(), |band| {
                    format!(", {name} {:.1} to {:.1} s", band.p10 / 1000.0, band.p90 / 1000.0)
                })
            };
            format!(
                "{} tokens/s{}{} (basis: {})",
                band(&speed.decode),
                seconds("first token after", speed.ttft_ms),
                seconds("a usual turn", speed.turn_ms),
                speed.basis.join("; ")
            )
        }
    };
    hanging("speed", &text, width)
}

/// What clients' requests were answered with, under the same settings.
pub fn measured(plan: &Plan, width: usize) -> String {
    let Some(corrected) = &plan.corrected else { return String::new() };
    let told = [("decode", &corrected.decode), ("prefill", &corrected.prefill)];
    let told =
        told.into_iter().filter_map(|(name, speed)| Some(format!("{name} {}", speed.as_ref()?.words())));
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { hanging("measured", &told.join("; "), width) }
}

/// The engine's own dry run beside the sum.
pub fn rehearsal(Rehearsed { program, outcome }: &Rehearsed, width: usize) -> String {
    let text = match outcome {
        Outcome::Failed(why) => format!("{program} could not be asked: {why}"),
        Outcome::Told { parts, differs } => {
            let several = parts.iter().any(|one| one.place != Place::Host);
            let part = |one: &Compared| {
                let place = if several { format!(" in {}", place_name(one.place)) } else { String::new() };
                let ours = one.difference.map_or("unknown".to_owned(), signed);
                format!("{}{place} {} (the sum: {ours})", one.name(), one.theirs)
            };
            let parts: Vec<String> = parts.iter().map(part).collect();
            format!("{program}: {}; it {differs}", parts.join(", "))
        }
    };
    hanging("dry run", &text, width)
}

/// The best that were not taken.
pub fn rejected(decision: &Decision, width: usize) -> String {
    if decision.rejected.is_empty() {
        return String::new();
    }
    let mut text = format!("  Not taken, of {} candidates:\n", decision.considered);
    for alike in decision.rejected.chunk_by(|one, next| one.reason == next.reason) {
        let names: Vec<String> = alike.iter().map(passed_over).collect();
        let reason = alike.first().map_or("", |first| first.reason.as_str());
        text += &format!("{}\n", table::fold(&format!("{}: {reason}", names.join("; ")), "    ", width));
    }
    text
}

fn passed_over(one: &Rejected) -> String {
    let total = one.total.map_or(String::new(), |total| format!(", {total}"));
    let turn = one.turn_ms.map_or(String::new(), |turn| format!(", a turn in {:.1} s", turn / 1000.0));
    let more = if one.more > 0 { format!(", and {} more", one.more) } else { String::new() };
    format!("{}{total}{turn}{more}", one.title)
}

/// What other engines would make of it, where they could serve it at all; the report tells of all.
pub fn engines(others: &[OtherEngine], width: usize) -> String {
    let mut text = String::new();
    for other in others.iter().filter(|other| other.fits) {
        text += &hanging(&other.engine, &other.verdict, width);
    }
    if text.is_empty() { text } else { format!("  Other engines:\n{text}") }
}

/// A label and its text, which hangs below itself.
fn hanging(label: &str, text: &str, width: usize) -> String {
    const INDENT: usize = 16;
    let folded = table::fold(text, "", width.saturating_sub(INDENT).max(20));
    let mut lines = folded.lines();
    let mut text = format!("  {label:<14}{}\n", lines.next().unwrap_or_default());
    lines.for_each(|line| text += &format!("{:INDENT$}{line}\n", ""));
    text
}

/// The sum and the verdict, at most `width` columns wide.
pub fn sum(plan: &Plan, width: usize) -> String {
    let mut text = format!("Memory of {}\n", plan.ask.id);
    let usage = plan.sum.usage();
    let several = usage.places().count() > 1;
    for (place, bytes) in usage.places() {
        if several {
            text += &format!("  in {}\n", place_name(place));
        }
        for charge in plan.sum.charges.iter().filter(|charge| charge.place == place) {
            text += &row(charge.part.name(), charge.bytes, &charge.how, width);
        }
        text += &format!("  {:<10}{}\n", "", "-".repeat(10));
        let known = if plan.sum.total().is_some() { "total" } else { "at least" };
        text += &row(known, Some(bytes), "", width);
        match plan.allowances.get(place) {
            Some(allowance) => text += &row("allowed", Some(allowance.bytes), &allowance.why, width),
            None => text += &row("allowed", None, "what is free in it is unknown", width),
        }
    }
    if let Some(sentence) = plan.corrected.as_ref().and_then(Corrected::sentence) {
        text += &paragraph(&format!("Measured: {sentence}."), width);
    }
    text + &verdict(plan, width)
}

pub fn place_name(place: Place) -> String {
    match place {
        Place::Host => "host memory".into(),
        Place::Device(index) => format!("accelerator {index}"),
    }
}

fn row(name: &str, bytes: Option<Bytes>, how: &str, width: usize) -> String {
    const INDENT: usize = 24;
    let amount = bytes.map_or("unknown".to_owned(), |bytes| bytes.to_string());
    let folded = table::fold(how, "", width.saturating_sub(INDENT).max(20));
    let mut lines = folded.lines();
    let first = lines.next().unwrap_or_default();
    let mut text = format!("  {name:<10}{amount:>10}  {first}").trim_end().to_owned() + "\n";
    for line in lines {
        text += &format!("{:INDENT$}{line}\n", "");
    }
    text
}

const UNKNOWN: &str = "Whether it fits is unknown, so it is not started: take a model of an architecture that \
                       edgeorch can sum up.";
const HOPELESS: &str = "Nothing that edgeorch knows makes it fit: less context, fewer slots, another type of the weights \
                        or of the cache, weights left on the disk, a smaller model of its catalogue, another engine. \
                        Free memory, or allow more of it.";

fn paragraph(text: &str, width: usize) -> String {
    table::fold(text, "  ", width) + "\n"
}

fn verdict(plan: &Plan, width: usize) -> String {
    match &plan.verdict {
        Verdict::Fits { spare, .. } => format!("  It fits, with {spare} to spare.\n"),
        Verdict::Unknown { .. } => paragraph(UNKNOWN, width),
        Verdict::DoesNotFit { short, alternatives, .. } => {
            let mut text = format!("  It does not fit: {short} are missing.\n");
            if alternatives.is_empty() {
                text += &paragraph(HOPELESS, width);
            } else {
                text += "  It would fit with\n";
                alternatives.iter().for_each(|one| text += &instead(one, width));
            }
            text
        }
    }
}

/// One alternative: what is written, what it takes, how fast it answers; below it what else to know.
fn instead(alternative: &Alternative, width: usize) -> String {
    const INDENT: usize = 4;
    const TOTAL: usize = 10;
    const SPEED: usize = 16;
    let column = width.saturating_sub(INDENT + TOTAL + SPEED).clamp(10, 52);
    let speed = alternative.decode.map_or(String::new(), |rate| format!("{rate:.1} tokens/s"));
    let figures = format!("{:>TOTAL$}{speed:>SPEED$}", alternative.total.to_string());
    let change = &alternative.change;
    let mut text = match broken(change, column).as_slice() {
        // A source is copied as one piece: it has a line of its own where it is longer than the column.
        lines if lines.len() > 1 && change.contains("source: ") => {
            let figures = figures.trim();
            format!(
                "{:INDENT$}{}\n{:INDENT$}{:column$}{figures}\n",
                "",
                table::cut(change, width - INDENT),
                "",
                ""
            )
        }
        [] => String::new(),
        [first, rest @ ..] => {
            let rest: String = rest.iter().map(|line| format!("{:INDENT$}{line}\n", "")).collect();
            format!("{:INDENT$}{first:<column$}{}\n{rest}", "", figures.trim_end())
        }
    };
    if let Some(note) = &alternative.note {
        text += &format!("{}\n", table::fold(note, "      ", width));
    }
    text
}

/// A change that is too long for its column, broken between keys where that is enough.
fn broken(change: &str, width: usize) -> Vec<String> {
    if change.chars().count() <= width {
        return vec![change.to_owned()];
    }
    let keys = change.replacen(", kv_cache:", ",\nkv_cache:", 1);
    let folded: Vec<_> = keys.lines().map(|line| table::fold(line, "", width)).collect();
    folded.join("\n").lines().map(str::to_owned).collect()
}

/// What the type of the weights costs, and by whose measurement: never more digits than its basis bears.
pub fn quality(loss: &Loss, width: usize) -> String {
    let mut models: Vec<&str> = loss.basis.iter().map(|row| row.model).collect();
    models.dedup();
    let basis = match loss.how {
        How::ThisModel => "measured on this model".to_owned(),
        How::SameFamily => format!("measured on {} of the same family", models.join(", ")),
        How::NearestSize => format!("the nearest sizes of other families: {}", models.join(", ")),
    };
    let text = format!("{} (basis: {basis})", loss.words());
    let folded = table::fold(&text, "", width.saturating_sub(12).max(20));
    let mut lines = folded.lines();
    let mut text = format!("  {:<10}{}\n", "quality", lines.next().unwrap_or_default());
    lines.for_each(|line| text += &format!("{:12}{line}\n", ""));
    text
}

/// The command line, one flag a line, each with its reason.
pub fn arguments(program: &str, flags: &[Flag], width: usize) -> String {
    let column =
        flags.iter().map(|flag| quoted(flag).chars().count()).filter(|width| *width <= 32).max().unwrap_or(0);
    let mut text = format!("{program}\n");
    for flag in flags {
        let words = quoted(flag);
        let room = width.saturating_sub(column + 6);
        let folded = table::fold(&flag.why, "", room.max(20));
        let mut lines = folded.lines();
        let first = lines.next().unwrap_or_default();
        if words.chars().count() > column {
            text += &format!("  {words}\n  {:column$}  # {first}\n", "");
        } else {
            text += &format!("  {words:<column$}  # {first}\n");
        }
        for line in lines {
            text += &format!("  {:column$}  # {line}\n", "");
        }
    }
    text
}

/// As a shell would want it.
fn quoted(flag: &Flag) -> String {
    let quote = |word: &String| {
        let plain =
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c));
        if plain { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    flag.words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::quality::{Subject, loss};

    fn of(name: &str, architecture: &str, millions: u64, quant: &str) -> String {
        let subject = Subject { name: Some(name), architecture, parameters: millions * 1_000_000 };
        quality(&loss(subject, quant, None).unwrap(), 400)
    }

    #[test]
    fn a_measured_model_is_told_with_its_band_and_as_measured() {
        let text = of("Meta Llama 3 8B", "llama", 8030, "Q4_K_M");
        assert!(text.starts_with("  quality   Q4_K_M: "), "{text}");
        assert!(text.ends_with(" % more perplexity (basis: measured on this model)\n"), "{text}");
    }

    #[test]
    fn what_other_models_lost_is_told_with_one_digit_and_their_names() {
        let text = of("Granite 4", "granite", 8000, "Q4_K_M");
        let band: Vec<&str> = text.split([':', '%']).nth(1).unwrap().trim().split(" to ").collect();
        for number in band {
            let digits = number.trim_matches(['0', '.']);
            assert_eq!(digits.chars().filter(char::is_ascii_digit).count(), 1, "{text}");
        }
        assert!(text.contains("(basis: the nearest sizes of other families: Llama 3 8B"), "{text}");
    }

    #[test]
    fn a_reference_that_is_quantized_itself_is_told() {
        let text = of("Llama 3.3 70B Instruct", "llama", 70_600, "EXL2 4.0 bpw");
        assert!(text.contains("compared with EXL2 5.0 bpw only"), "{text}");
    }
}
