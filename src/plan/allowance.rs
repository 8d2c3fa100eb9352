//! What one model may take of each memory.

use std::collections::BTreeMap;

use edgeorch_engines::contract::host::{Accelerator, MemoryKind};
use edgeorch_engines::{Bytes, Host, Place};
use serde::Serialize;

use super::memory::Usage;

/// What one model may take of one memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Allowance {
    pub place: Place,
    pub bytes: Bytes,
    /// Where it comes from: `free memory less a reserve of 256 MiB`, `budget.memory: 85%`.
    pub why: String,
    /// A device without memory of its own: what it takes, host memory lacks.
    pub unified: bool,
}

/// What one model may take, memory by memory. A memory that isn't in it can't be used: what is free in it is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Allowances(Vec<Allowance>);

/// Kept free for the rest of the system, so that a plan that fits to the byte doesn't start the OOM killer.
pub const RESERVE: Bytes = Bytes::mib(256);

/// A memory that is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Short {
    pub place: Place,
    pub bytes: Bytes,
}

impl Allowances {
    /// Whether there is a memory beside the host's.
    pub fn has_devices(&self) -> bool {
        self.0.iter().any(|allowance| allowance.place != Place::Host)
    }

    /// The tighter of what is free now and what the profile allows, less what other models of the plan take.
    ///
    /// `budget` is the most of host memory that all models together may take.
    pub fn of(host: &Host, budget: Bytes, taken: &Usage) -> Allowances {
        let unified: Vec<usize> = host
            .accelerators
            .iter()
            .enumerate()
            .filter(|(_, accelerator)| is_unified(accelerator))
            .map(|(index, _)| index)
            .collect();
        let shared: Bytes = unified.iter().map(|index| taken.of(Place::Device(*index))).sum();
        let mut allowances = vec![of_host(host, budget, taken.of(Place::Host) + shared)];
        for (index, accelerator) in host.accelerators.iter().enumerate() {
            let place = Place::Device(index);
            let Some(free) = accelerator.memory.free else { continue };
            let bytes = free.saturating_sub(RESERVE).saturating_sub(taken.of(place));
            let why = format!("{free} free, {RESERVE} reserved{}", others(taken.of(place)));
            allowances.push(Allowance { place, bytes, why, unified: unified.contains(&index) });
        }
        Allowances(allowances)
    }

    /// Host memory alone, of this size.
    #[cfg(test)]
    pub fn host(bytes: Bytes) -> Allowances {
        Allowances(vec![Allowance { place: Place::Host, bytes, why: "test".into(), unified: false }])
    }

    pub fn get(&self, place: Place) -> Option<&Allowance> {
        self.0.iter().find(|allowance| allowance.place == place)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Allowance> {
        self.0.iter()
    }

    /// Whether no device is asked for more than it has, whatever the host lacks.
    pub fn devices_hold(&self, usage: &Usage) -> bool {
        let allowed = |place| self.get(place).map_or(Bytes::ZERO, |allowance| allowance.bytes);
        usage
            .places()
            .filter(|(place, _)| *place != Place::Host)
            .all(|(place, bytes)| bytes <= allowed(place))
    }

    /// What would be left in the memory that gets fullest, or the memory that lacks most.
    pub fn judge(&self, usage: &Usage) -> Result<Bytes, Short> {
        let mut asked: BTreeMap<Place, Bytes> = usage.places().collect();
        let on_unified = |place: &Place| self.get(*place).is_some_and(|allowance| allowance.unified);
        let shared: Bytes =
            usage.places().filter(|(place, _)| on_unified(place)).map(|(_, bytes)| bytes).sum();
        let host = asked.entry(Place::Host).or_default();
        *host = *host + shared;
        let allowed = |place| self.get(place).map_or(Bytes::ZERO, |allowance| allowance.bytes);
        let short = asked
            .iter()
            .filter(|(place, bytes)| **bytes > allowed(**place))
            .map(|(place, bytes)| Short { place: *place, bytes: *bytes - allowed(*place) })
            .max_by_key(|short| short.bytes);
        let spare = || asked.iter().map(|(place, bytes)| allowed(*place) - *bytes).min().unwrap_or_default();
        short.map_or_else(|| Ok(spare()), Err)
    }
}

fn of_host(host: &Host, budget: Bytes, taken: Bytes) -> Allowance {
    let usable = host.memory.usable();
    let free = usable.saturating_sub(RESERVE).saturating_sub(taken);
    let left = budget.saturating_sub(taken);
    let (bytes, why) = if left < free {
        (left, format!("the profile's budget of {budget}{}", others(taken)))
    } else {
        (free, format!("{usable} available, {RESERVE} reserved{}", others(taken)))
    };
    Allowance { place: Place::Host, bytes, why, unified: false }
}

fn others(taken: Bytes) -> String {
    if taken > Bytes::ZERO { format!(", less {taken} of the models before") } else { String::new() }
}

/// Whether what this device takes is missing in host memory.
pub fn is_unified(accelerator: &Accelerator) -> bool {
    matches!(accelerator.memory.kind, Some(MemoryKind::Unified | MemoryKind::CarveOut))
}
