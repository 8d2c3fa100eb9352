//! How wide bands are: how far rows lay from what a fit said that had not seen their hardware family; and the constants with
//! them, as `constants.yaml` holds both.

use std::collections::BTreeSet;

use edgeorch_engines::contract::Backend;

use super::class::{self, Group};
use super::fit::{Fitted, Point, points};
use super::roofline::Costs;
use super::tables::{Class, Constants};

/// What the fit on all rows gives, as `constants.yaml` holds it.
pub fn constants() -> (Vec<Constants>, Constants) {
    let (points, _) = points();
    let all: Vec<&Point> = points.iter().collect();
    let fitted = Fitted::on(&all);
    let left_out = left_out(&all);
    let of_bands = of_bands(&all, &left_out);
    let group = |group: &Group, costs: &Costs| {
        let of: Vec<_> = all.iter().filter(|point| point.group == *group).collect();
        let families = of.iter().map(|point| point.family).collect::<BTreeSet<_>>().len();
        Constants {
            backend: Some(group.backend),
            class: group.class.clone(),
            era: Some(group.era),
            stream: costs[0],
            few_bits: costs[1],
            cache: costs[2],
            step_us: costs[3],
            weight_ns: if group.backend == Backend::Cpu { costs[4] } else { 0.0 },
            spread: spread(&of_bands, group),
            rows: of.len() as u32,
            families: families as u32,
        }
    };
    let pooled = fitted.pooled;
    let others: Vec<_> = all.iter().filter(|point| point.group.backend != Backend::Cpu).collect();
    let pooled = Constants {
        backend: None,
        class: Class::plain(),
        era: None,
        stream: pooled[0],
        few_bits: pooled[1],
        cache: pooled[2],
        step_us: pooled[3],
        weight_ns: 0.0,
        spread: spread_of(left_out.iter().filter(|r| r.group.backend != Backend::Cpu)),
        rows: others.len() as u32,
        families: others.iter().map(|point| point.family).collect::<BTreeSet<_>>().len() as u32,
    };
    (fitted.groups.iter().map(|(key, costs)| group(key, costs)).collect(), pooled)
}

/// A row, predicted by a fit that saw nothing of its hardware family.
#[derive(Clone, Debug)]
pub struct Residual {
    pub group: Group,
    pub index: usize,
    pub family: &'static str,
    /// Measured rate by predicted rate.
    pub ratio: f64,
    /// Whether the group was seen on other hardware.
    pub seen: bool,
}

pub fn left_out(points: &[&Point]) -> Vec<Residual> {
    let families: BTreeSet<&str> = points.iter().map(|point| point.family).collect();
    let mut residuals = Vec::new();
    for family in families {
        let rest: Vec<&Point> = points.iter().copied().filter(|point| point.family != family).collect();
        let fitted = Fitted::on(&rest);
        for (index, point) in points.iter().enumerate().filter(|(_, point)| point.family == family) {
            let (costs, seen) = fitted.of(&point.group);
            let ratio = point.terms.time(costs) / point.seconds;
            let (group, family) = (point.group.clone(), point.family);
            residuals.push(Residual { group, index, family, ratio, seen });
        }
    }
    residuals
}

/// What bands are made of. Of a group that one family alone has, other families say nothing: there each row is predicted
/// without those of its file, as it holds for another model on the same hardware.
pub fn of_bands(points: &[&Point], left_out: &[Residual]) -> Vec<Residual> {
    let fitted = Fitted::on(points);
    let mut residuals = Vec::new();
    for group in fitted.groups.keys() {
        let own: Vec<&Point> = points.iter().copied().filter(|point| point.group == *group).collect();
        let families: BTreeSet<&str> = own.iter().map(|point| point.family).collect();
        if families.len() > 1 {
            residuals.extend(left_out.iter().filter(|residual| residual.group == *group).cloned());
            continue;
        }
        for (index, point) in points.iter().enumerate().filter(|(_, point)| point.group == *group) {
            let Some(costs) = fitted.without(&point.row.file, &own) else { continue };
            let ratio = point.terms.time(&costs) / point.seconds;
            let (group, family) = (group.clone(), point.family);
            residuals.push(Residual { group, index, family, ratio, seen: true });
        }
    }
    residuals
}

/// Of a group; one of few rows is as wide as its backend. Few families say little about the next: the fewer, the wider.
pub fn spread(residuals: &[Residual], group: &Group) -> f64 {
    const ENOUGH: usize = 8;
    let own = || residuals.iter().filter(|r| r.group == *group);
    let families = own().map(|residual| residual.family).collect::<BTreeSet<_>>().len().max(1);
    let few = 1.0 + 1.0 / families as f64;
    if own().count() >= ENOUGH {
        return spread_of(own()).powf(few);
    }
    let backend = residuals.iter().filter(|r| r.group.backend == group.backend);
    spread_of(own()).max(spread_of(backend)).powf(few)
}

/// The factor within which 90 of 100 lie, so that 80 do of those that come. Never narrower than measurements repeat.
fn spread_of<'a>(residuals: impl Iterator<Item = &'a Residual>) -> f64 {
    const HOLDS: f64 = 0.9;
    const LEAST: f64 = 1.06;
    const UNKNOWN: f64 = 1.5;
    let mut away: Vec<f64> = residuals.map(|residual| residual.ratio.ln().abs()).collect();
    if away.is_empty() {
        return UNKNOWN;
    }
    away.sort_by(f64::total_cmp);
    let at = ((away.len() as f64 * HOLDS).ceil() as usize).clamp(1, away.len()) - 1;
    away[at].exp().max(LEAST)
}

/// How a band is widened where a group was not seen.
pub fn widen(seen: bool) -> f64 {
    if seen { 1.0 } else { class::BORROWED[0] }
}
