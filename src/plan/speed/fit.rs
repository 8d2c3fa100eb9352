//! The fit: least squares of the relative error of the rate, few constants, held to what is near where rows are few.
//!
//! Each group (backend, class, era) is pulled to its whole backend, and that to all backends, as strongly as a part of one
//! row would pull. Far outliers pull no stronger than near ones. Nothing may be faster than the bandwidth allows.

use std::collections::{BTreeMap, BTreeSet};

use edgeorch_engines::contract::Backend;

use super::class::Group;
use super::kinds::Kinds;
use super::roofline::{Costs, Terms};
use super::rows::{ROWS, Row, Source};
use super::tables::Era;

/// A measurement in the fit's terms.
#[derive(Clone, Debug)]
pub struct Point {
    pub group: Group,
    pub family: &'static str,
    pub terms: Terms,
    /// Seconds of one token, measured.
    pub seconds: f64,
    pub row: &'static Row,
    pub source: &'static Source,
}

impl Point {
    fn of(source: &'static Source, row: &'static Row) -> Option<Point> {
        let (device, file) = (ROWS.devices.get(&row.on)?, ROWS.files.get(&row.file)?);
        let model = ROWS.models.get(&file.model)?;
        let seconds = 1.0 / row.tg?;
        let bandwidth = device.bandwidth? * 1e9;
        let kinds = Kinds::of_type(&file.weight_type);
        let reads = file.reads * 1e9;
        let terms = Terms {
            stream: reads / bandwidth,
            few_bits: reads * kinds.few_bits / bandwidth,
            cache: model.context(row.depth) / bandwidth,
            steps: model.steps(),
            weights: row
                .threads
                .map_or(0.0, |threads| model.active * kinds.computing() / f64::from(threads.max(1))),
        };
        let group = Group::new(source.backend, source.class(device), Era::of(source.build));
        Some(Point { group, family: &device.family, terms, seconds, row, source })
    }

    /// A row that no memory of this bandwidth can give.
    pub fn impossible(&self) -> bool {
        self.seconds < self.terms.stream
    }
}

/// All rows with a decode figure: those that can be, and those that can't.
pub fn points() -> (Vec<Point>, Vec<Point>) {
    let rows = ROWS.sources.iter().flat_map(|source| source.rows.iter().map(move |row| (source, row)));
    rows.filter_map(|(source, row)| Point::of(source, row)).partition(|point| !point.impossible())
}

/// Before any row was seen: what hardware without faults would give, and the magnitudes that the facts sheet states.
const FIRST: Costs = [1.12, 0.45, 1.5, 4.0, 0.04];
/// How strongly a group is held to its backend, in rows.
const HELD: f64 = 0.2;
const HELD_POOL: f64 = 0.05;
/// Relative errors beyond which a row pulls no stronger.
const OUTLIER: f64 = 0.3;
/// No row weighs as if it were predicted faster than this multiple.
const FASTEST: f64 = 0.3;
const ROUNDS: usize = 16;
/// No better than the bandwidth, and a little less.
const LEAST: Costs = [1.02, 0.0, 1.0, 0.0, 0.0];

pub fn costs(points: &[&Point], prior: Costs, held: f64) -> Costs {
    let mut pull = vec![1.0; points.len()];
    let mut found = prior;
    for _ in 0..ROUNDS {
        let mut normal = [[0.0; 6]; 5];
        for (point, weight) in points.iter().zip(&pull) {
            let scaled = point.terms.counted(&found).map(|term| term / point.seconds);
            for (i, row) in normal.iter_mut().enumerate() {
                for (j, cell) in row.iter_mut().take(5).enumerate() {
                    *cell += weight * scaled[i] * scaled[j];
                }
                row[5] += weight * scaled[i];
            }
        }
        for (i, row) in normal.iter_mut().enumerate() {
            row[i] += held / (prior[i] * prior[i]);
            row[5] += held / prior[i];
        }
        found = solve(normal);
        for (value, least) in found.iter_mut().zip(LEAST) {
            *value = value.max(least);
        }
        for (point, weight) in points.iter().zip(&mut pull) {
            // The error of the rate: a prediction twice too fast is as wrong as that sounds.
            let slower = (point.terms.time(&found) / point.seconds).max(FASTEST);
            let error = (1.0 / slower - 1.0).abs();
            *weight = if error > OUTLIER { OUTLIER / error } else { 1.0 } / (slower * slower);
        }
    }
    found
}

/// Gauss elimination; the prior keeps the matrix regular.
fn solve(mut m: [[f64; 6]; 5]) -> Costs {
    for i in 0..5 {
        let pivot = (i..5).max_by(|a, b| m[*a][i].abs().total_cmp(&m[*b][i].abs())).unwrap_or(i);
        m.swap(i, pivot);
        let top = m[i];
        for (k, row) in m.iter_mut().enumerate() {
            if k != i && top[i] != 0.0 {
                let factor = row[i] / top[i];
                row.iter_mut().zip(top).for_each(|(cell, above)| *cell -= factor * above);
            }
        }
    }
    std::array::from_fn(|i| if m[i][i] == 0.0 { 0.0 } else { m[i][5] / m[i][i] })
}

/// A whole fit: each group's, each backend's, and that of all GPUs.
#[derive(Clone, Debug)]
pub struct Fitted {
    pub groups: BTreeMap<Group, Costs>,
    backends: BTreeMap<Backend, Costs>,
    pub pooled: Costs,
}

impl Fitted {
    pub fn on(points: &[&Point]) -> Fitted {
        let of = |keep: &dyn Fn(&Point) -> bool| -> Vec<&Point> {
            points.iter().copied().filter(|point| keep(point)).collect()
        };
        let pooled = costs(&of(&|point| point.group.backend != Backend::Cpu), FIRST, HELD_POOL);
        let backends: BTreeSet<Backend> = points.iter().map(|point| point.group.backend).collect();
        let backends: BTreeMap<Backend, Costs> = backends
            .into_iter()
            .map(|backend| {
                let prior = if backend == Backend::Cpu { FIRST } else { pooled };
                (backend, costs(&of(&|point| point.group.backend == backend), prior, HELD))
            })
            .collect();
        let groups: BTreeSet<_> = points.iter().map(|point| point.group.clone()).collect();
        let groups = groups
            .into_iter()
            .map(|group| {
                let prior = backends.get(&group.backend).copied().unwrap_or(pooled);
                let found = costs(&of(&|point| point.group == group), prior, HELD);
                (group, found)
            })
            .collect();
        Fitted { groups, backends, pooled }
    }

    /// A group's costs without the rows of one file.
    pub fn without(&self, file: &str, group: &[&Point]) -> Option<Costs> {
        let prior = self.backends.get(&group.first()?.group.backend)?;
        let rest: Vec<&Point> = group.iter().copied().filter(|point| point.row.file != file).collect();
        Some(costs(&rest, *prior, HELD))
    }

    /// As [`class::constants`] looks them up: whether the group itself was seen, too.
    pub fn of(&self, group: &Group) -> (&Costs, bool) {
        let keys: Vec<Group> = self.groups.keys().cloned().collect();
        let nearest = group.nearest(&keys);
        let costs = nearest.and_then(|nearest| self.groups.get(nearest));
        (costs.unwrap_or(&self.pooled), nearest == Some(group))
    }
}
