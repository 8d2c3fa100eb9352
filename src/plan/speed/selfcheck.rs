//! How well it holds: every row predicted by a fit that saw nothing of its hardware family, and banded by what that fit
//! knew. `edgeorch plan --self-check` prints it.

use std::collections::{BTreeMap, BTreeSet};

use edgeorch_engines::contract::Backend;
use serde::Serialize;

use super::bands::{self, Residual};
use super::fit::{self, Point};
use super::shares;
use super::tables::{CONSTANTS, near};

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub rows: Vec<Checked>,
    pub groups: Vec<Group>,
    /// All rows with a decode figure, and of these score boards of one model.
    pub all: Group,
    pub yardstick: Group,
    /// Rows above what their bandwidth allows, which were left out of everything.
    pub rejected: Vec<String>,
    /// What the fit gives now and `constants.yaml` doesn't have, as it would be written there.
    pub stale: Vec<String>,
}

/// One row, predicted without its hardware family.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    pub backend: Backend,
    pub class: String,
    pub family: String,
    pub device: String,
    pub file: String,
    pub depth: u64,
    #[serde(flatten)]
    pub figures: Figures,
    pub yardstick: bool,
    pub source: String,
}

/// What was measured beside what was projected, in tokens per second.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    pub measured: f64,
    pub predicted: f64,
    pub p10: f64,
    pub p90: f64,
}

impl Figures {
    pub fn error(&self) -> f64 {
        (self.predicted / self.measured - 1.0).abs()
    }

    pub fn holds(&self) -> bool {
        (self.p10..=self.p90).contains(&self.measured)
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Group {
    pub name: String,
    pub rows: usize,
    pub families: usize,
    /// Mean of the relative error, without its sign.
    pub error: f64,
    /// The same of half of the rows.
    pub median: f64,
    /// Share of the rows between p10 and p90.
    pub holds: f64,
}

impl Group {
    fn of<'a>(name: String, rows: impl Iterator<Item = &'a Checked>) -> Group {
        let rows: Vec<&Checked> = rows.collect();
        let families: BTreeSet<&str> = rows.iter().map(|row| row.family.as_str()).collect();
        Group::of_figures(name, families.len(), rows.iter().map(|row| row.figures))
    }

    pub fn of_figures(name: String, families: usize, rows: impl Iterator<Item = Figures>) -> Group {
        let (mut errors, holds): (Vec<f64>, Vec<bool>) = rows.map(|row| (row.error(), row.holds())).unzip();
        let count = errors.len().max(1) as f64;
        errors.sort_by(f64::total_cmp);
        Group {
            name,
            rows: errors.len(),
            families,
            error: errors.iter().sum::<f64>() / count,
            median: errors.get(errors.len() / 2).copied().unwrap_or_default(),
            holds: holds.iter().filter(|holds| **holds).count() as f64 / count,
        }
    }
}

/// Takes a second or two: each band comes from fits that left out a second family in turn.
pub fn self_check() -> Report {
    let (points, rejected) = fit::points();
    let all: Vec<&Point> = points.iter().collect();
    let mut rows = Vec::new();
    // The band of a row must not know its family either: what the other families say of each other.
    let mut others: BTreeMap<&str, Vec<Residual>> = BTreeMap::new();
    for residual in bands::left_out(&all) {
        let point = all[residual.index];
        let others = others.entry(point.family).or_insert_with(|| {
            let rest: Vec<&Point> = points.iter().filter(|other| other.family != point.family).collect();
            bands::of_bands(&rest, &bands::left_out(&rest))
        });
        rows.push(checked(point, &residual, others));
    }
    let names: BTreeSet<(Backend, String)> =
        rows.iter().map(|row| (row.backend, row.class.clone())).collect();
    let groups = names
        .into_iter()
        .map(|(backend, class)| {
            let name =
                if class == "plain" { backend.name().into() } else { format!("{} {class}", backend.name()) };
            Group::of(name, rows.iter().filter(|row| row.backend == backend && row.class == class))
        })
        .collect();
    let rejected = rejected
        .iter()
        .map(|point| format!("{} {}: {}", point.row.on, point.row.file, point.source.source))
        .collect();
    let yardstick = rows.iter().filter(|row| row.yardstick);
    Report {
        groups,
        all: Group::of("all".into(), rows.iter()),
        yardstick: Group::of("score boards of one model".into(), yardstick),
        rows,
        rejected,
        stale: stale(),
    }
}

/// Constants of the fit that the table lacks or has otherwise.
fn stale() -> Vec<String> {
    let (groups, pooled) = bands::constants();
    let mut lines: Vec<String> = groups
        .iter()
        .filter(|new| !CONSTANTS.decode.iter().any(|old| old.is_near(new)))
        .map(|new| format!("decode:  - {}", new.line()))
        .collect();
    if !CONSTANTS.pooled.is_near(&pooled) {
        lines.push(format!("pooled: {}", pooled.line()));
    }
    let shares = shares::shares();
    let changed = shares.iter().filter(|new| !CONSTANTS.prefill.iter().any(|old| old.is_near(new)));
    lines.extend(changed.map(|new| format!("prefill:  - {}", new.line())));
    for (name, old, new) in [
        ("attention", CONSTANTS.attention, shares::attention()),
        ("experts", CONSTANTS.experts, shares::experts()),
    ] {
        lines.extend(new.filter(|new| !near(old, *new)).map(|new| format!("{name}: {new:.3}")));
    }
    let gone = CONSTANTS.decode.len() > groups.len() || CONSTANTS.prefill.len() > shares.len();
    lines.extend(gone.then(|| "the table has groups without rows".to_owned()));
    lines
}

fn checked(point: &Point, residual: &Residual, others: &[Residual]) -> Checked {
    let spread = bands::spread(others, &residual.group).powf(bands::widen(residual.seen));
    let measured = 1.0 / point.seconds;
    let predicted = measured / residual.ratio;
    let most = 1.0 / point.terms.stream;
    Checked {
        backend: residual.group.backend,
        class: residual.group.class.to_string(),
        family: point.family.to_owned(),
        device: point.row.on.clone(),
        file: point.row.file.clone(),
        depth: point.row.depth,
        figures: Figures {
            measured,
            predicted: predicted.min(most),
            p10: (predicted / spread).min(most),
            p90: (predicted * spread).min(most),
        },
        yardstick: point.source.yardstick,
        source: point.source.source.clone(),
    }
}
