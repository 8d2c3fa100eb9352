//! `edgeorch plan --self-check`: how far the projection is to be trusted, by rows that it was not fitted on, and how long
//! a choice over the whole catalogue takes here.

use std::time::Instant;

use edgeorch_engines::{Ask, Backend, Bytes, Fidelity, Host, Task};
use serde::Serialize;

use crate::cli::{Failure, print_json, table, terminal};
use crate::plan::demands::{Demands, usual};
use crate::plan::holdings::UNKNOWN;
use crate::plan::speed::{self, Group};
use crate::plan::{Allowances, Question, Usage};
use crate::reconcile::subjects;

#[derive(Serialize)]
struct Check {
    /// Decode speed, each row predicted without its hardware family.
    decode: speed::Report,
    /// Decode speed of models that no constant was fitted on, by the path that a plan takes.
    models: Vec<speed::Unfitted>,
    catalogue: Catalogue,
}

/// A choice over everything that the catalogue has.
#[derive(Serialize)]
struct Catalogue {
    considered: usize,
    /// The quickest and the middle of [`TRIES`], in milliseconds.
    least_ms: f64,
    median_ms: f64,
}

const TRIES: usize = 7;

pub fn run(host: &Host, json: bool) -> Result<(), Failure> {
    let engine = edgeorch_engines::preferred().map(|engine| engine.manifest().id.as_str());
    let check = Check {
        decode: speed::self_check(),
        models: engine.map_or(Vec::new(), |id| speed::unfitted(host, id, subjects::predicted)),
        catalogue: catalogue(host),
    };
    if json {
        return print_json(&check);
    }
    let width = terminal::width();
    let groups = check.decode.groups.iter().chain([&check.decode.all, &check.decode.yardstick]);
    let rows: Vec<Vec<String>> = groups.map(row).collect();
    let head = ["DECODE", "ROWS", "FAMILIES", "MEAN ERROR", "MEDIAN", "IN BAND"];
    let mut text = table::render(&head, &rows, width, &[0, 3, 4]);
    let note = "Each row is predicted by constants that were fitted without its hardware family. The band is p10 to p90; \
                docs/speed.md tells where it is worse, and why.";
    text += &format!("\n{}\n", table::fold(note, "", width));
    let rows: Vec<Vec<String>> = check.models.iter().map(|device| row(&device.group)).collect();
    let head = ["OTHER MODELS", "ROWS", "FAMILIES", "MEAN ERROR", "MEDIAN", "IN BAND"];
    text += &format!("\n{}", table::render(&head, &rows, width, &[0, 3, 4]));
    let note = "Models that no constant was fitted on, on hardware that was: from the catalogue's dimensions, as a plan has them.";
    text += &format!("\n{}\n", table::fold(note, "", width));
    for rejected in &check.decode.rejected {
        text += &format!(
            "{}\n",
            table::fold(&format!("left out, faster than its memory: {rejected}"), "", width)
        );
    }
    for stale in &check.decode.stale {
        text += &format!("{}\n", table::fold(&format!("constants.yaml lacks: {stale}"), "", width));
    }
    let Catalogue { considered, least_ms, median_ms } = check.catalogue;
    let note = format!(
        "A choice among the catalogue's {considered} candidates took {median_ms:.1} ms here (median of {TRIES}, least \
         {least_ms:.1}). The memory sum is held against a real engine by `cargo bench --bench memory`."
    );
    text += &format!("\n{}\n", table::fold(&note, "", width));
    terminal::print(&text);
    Ok(())
}

fn row(group: &Group) -> Vec<String> {
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    vec![
        group.name.clone(),
        group.rows.to_string(),
        group.families.to_string(),
        percent(group.error),
        percent(group.median),
        percent(group.holds),
    ]
}

fn catalogue(host: &Host) -> Catalogue {
    let ask = Ask::new("check", Task::Chat, 8192);
    let demands = Demands {
        fidelity: Fidelity::Balanced,
        variants: Vec::new(),
        cache: None,
        backends: Some(vec![Backend::Cpu]),
        workload: usual(Task::Chat, 8192, 1),
        ttft_p95: None,
        decode_min: None,
        disk: None,
    };
    let allowances = Allowances::of(host, Bytes(u64::MAX), &Usage::default());
    let engines: Vec<_> = edgeorch_engines::preferred().into_iter().collect();
    let question = Question {
        ask: &ask,
        engines: &engines,
        demands: &demands,
        host,
        allowances: &allowances,
        holdings: &UNKNOWN,
    };
    let mut considered = 0;
    let mut times: Vec<f64> = (0..TRIES)
        .map(|_| {
            let start = Instant::now();
            considered = question.decide(subjects::of_catalogue(&ask, &demands)).considered;
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    Catalogue { considered, least_ms: times[0], median_ms: times[TRIES / 2] }
}
