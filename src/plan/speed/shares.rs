//! The fit of prefill: the share of its peak that each row reached, the middle one of each group, and how far those of
//! hardware families that were left out lay from it.

use std::collections::{BTreeMap, BTreeSet};

use edgeorch_engines::contract::Backend;

use super::rows::{Device, Dimensions, ROWS, Row, Source};
use super::tables::{CONSTANTS, Class, Peak, Share};

type Key = (Backend, Class, Peak, Option<String>);

struct Reached {
    key: Key,
    family: &'static str,
    experts: bool,
    share: f64,
}

/// The peak that a device is measured by: the first that its table has.
fn peak(device: &Device, row: &Row) -> Option<(Peak, f64, Option<String>)> {
    if let Some(threads) = row.threads {
        return Some((Peak::Core, f64::from(threads), Some(device.target.clone())));
    }
    let shader = device.fp16.map(|peak| (Peak::Shader, peak, None));
    let tensor = || device.tensor.map(|peak| (Peak::Tensor, peak, None));
    let cores = || device.cores.map(|cores| (Peak::Core, f64::from(cores), Some(device.target.clone())));
    shader.or_else(tensor).or_else(cores)
}

fn dimensions(row: &Row) -> Option<&'static Dimensions> {
    ROWS.models.get(&ROWS.files.get(&row.file)?.model)
}

fn reached(source: &Source, row: &'static Row) -> Option<Reached> {
    let (device, model) = (ROWS.devices.get(&row.on)?, dimensions(row)?);
    let (of, peak, target) = peak(device, row)?;
    let pp = row.pp.filter(|_| row.after == 0)?;
    let share = pp * 2.0 * model.active / 1e3 / peak;
    let class = CONSTANTS.coarse(source.backend, &source.class(device)).clone();
    let key = (source.backend, class, of, target);
    Some(Reached { key, family: &device.family, experts: model.experts > 0, share })
}

fn all() -> Vec<Reached> {
    ROWS.sources.iter().flat_map(|source| source.rows.iter().filter_map(|row| reached(source, row))).collect()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn of<'a>(rows: impl Iterator<Item = &'a Reached>) -> Option<f64> {
    median(rows.filter(|row| !row.experts).map(|row| row.share).collect())
}

/// Each group's share, and its spread over families that were left out.
pub fn shares() -> Vec<Share> {
    let rows = all();
    let keys: BTreeSet<&Key> = rows.iter().filter(|row| !row.experts).map(|row| &row.key).collect();
    let away = left_out(&rows);
    let widest = away.values().flatten().copied().fold(1.0, f64::max);
    keys.into_iter()
        .filter_map(|key| {
            let own = || rows.iter().filter(|row| row.key == *key && !row.experts);
            let families = own().map(|row| row.family).collect::<BTreeSet<_>>().len();
            let spread = away.get(key).and_then(|away| spread(away)).unwrap_or(widest.min(UNSEEN));
            Some(Share {
                backend: key.0,
                class: key.1.clone(),
                of: key.2,
                target: key.3.clone(),
                share: of(own())?,
                spread,
                rows: own().count() as u32,
                families: families as u32,
            })
        })
        .collect()
}

/// Of a group with one family: nothing tells how another would differ.
const UNSEEN: f64 = 2.0;

/// Factors by which rows lie from the middle of the other families of their group.
fn left_out(rows: &[Reached]) -> BTreeMap<&Key, Vec<f64>> {
    let mut away: BTreeMap<&Key, Vec<f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.experts) {
        let others = rows.iter().filter(|other| other.key == row.key && other.family != row.family);
        if let Some(middle) = of(others) {
            away.entry(&row.key).or_default().push((row.share / middle).ln().abs().exp());
        }
    }
    away
}

fn spread(away: &[f64]) -> Option<f64> {
    const HOLDS: f64 = 0.85;
    const LEAST: f64 = 1.1;
    let mut sorted = away.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len() as f64 * HOLDS).ceil() as usize).checked_sub(1)?;
    sorted.get(at).map(|factor| factor.max(LEAST))
}

/// What experts reach of the share of dense layers on the same hardware.
pub fn experts() -> Option<f64> {
    let rows = all();
    let ratios = rows.iter().filter(|row| row.experts).filter_map(|row| {
        let dense = of(rows.iter().filter(|other| other.key == row.key && other.family == row.family))?;
        Some(row.share / dense)
    });
    median(ratios.collect())
}

/// What attention reaches of the other products' rate: from pairs of the same model with and without a context.
pub fn attention() -> Option<f64> {
    let mut found = Vec::new();
    for source in &ROWS.sources {
        for deep in source.rows.iter().filter(|row| row.after > 0) {
            let plain = source.rows.iter().find(|row| {
                row.on == deep.on && row.file == deep.file && row.after == 0 && row.prompt == deep.prompt
            });
            let (Some(model), Some(plain), Some(pp)) =
                (dimensions(deep), plain.and_then(|row| row.pp), deep.pp)
            else {
                continue;
            };
            let [windowed, _] = model.windowed;
            // Layers with a window read little more at depth: the others' part of the layers.
            let share = model.rows as f64 / (model.rows + windowed).max(1) as f64;
            let operations =
                4.0 * f64::from(model.layers) * share * model.attention as f64 * deep.after as f64 / 1e9;
            let rate = plain * 2.0 * model.active;
            let seconds = 1.0 / pp - 1.0 / plain;
            if seconds > 0.0 {
                found.push(operations / seconds / rate);
            }
        }
    }
    median(found)
}
