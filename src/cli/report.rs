//! A plan as text for people: the sum line by line, the verdict, and what would fit instead.

use edgeorch_engines::{Bytes, Flag};

use super::table;
use crate::plan::{Plan, Verdict};

/// The sum and the verdict, at most `width` columns wide.
pub fn sum(plan: &Plan, width: usize) -> String {
    let mut text = format!("Memory of {}\n", plan.ask.id);
    for part in &plan.sum.parts {
        text += &row(&part.name, part.bytes, &part.how, width);
    }
    text += &format!("  {:<10}{}\n", "", "-".repeat(10));
    let total = plan.sum.total();
    let known = if total.is_some() { "total" } else { "at least" };
    text += &row(known, Some(plan.sum.at_least()), "", width);
    text += &row("allowed", Some(plan.allowance.bytes), &plan.allowance.why, width);
    text + &verdict(plan, width)
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
const HOPELESS: &str = "No change of context, slots or cache type makes it fit: take a smaller model or a smaller \
                        quantization, or free memory.";

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
                for alternative in alternatives {
                    let column = width.saturating_sub(4 + 10).clamp(20, 52);
                    let mut lines = broken(&alternative.change, column).into_iter();
                    let first = lines.next().unwrap_or_default();
                    text += &format!("    {first:<column$}{:>10}\n", alternative.total.to_string());
                    lines.for_each(|line| text += &format!("    {line}\n"));
                }
            }
            text
        }
    }
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
