//! The verdict: fits, does not fit (with alternatives, each with its own sum), or unknown.

use edgeorch_engines::{Ask, Bytes, Engine, Host, KvType, Model};
use serde::Serialize;

use super::memory::{self, Sum};

/// What one model may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Allowance {
    pub bytes: Bytes,
    /// Where it comes from: `free memory less a reserve of 256 MiB`, `budget.memory: 85%`.
    pub why: String,
}

impl Allowance {
    /// Kept free for the rest of the system, so that a plan that fits to the byte doesn't start the OOM killer.
    pub const RESERVE: Bytes = Bytes::mib(256);

    /// The tighter of what is free now and what the profile allows, less what other models of the plan take.
    ///
    /// `budget` is the most that all models together may take.
    pub fn of(host: &Host, budget: Bytes, taken: Bytes) -> Allowance {
        let usable = host.memory.usable();
        let free = usable.saturating_sub(Allowance::RESERVE).saturating_sub(taken);
        let others =
            if taken > Bytes::ZERO { format!(", less {taken} of the models before") } else { String::new() };
        let left = budget.saturating_sub(taken);
        if left < free {
            Allowance { bytes: left, why: format!("the profile's budget of {budget}{others}") }
        } else {
            Allowance {
                bytes: free,
                why: format!("{usable} available, {} reserved{others}", Allowance::RESERVE),
            }
        }
    }
}

/// One model's plan, with its proof.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    pub ask: Ask,
    pub engine: String,
    pub model: Model,
    pub sum: Sum,
    pub allowance: Allowance,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Verdict {
    Fits { total: Bytes, spare: Bytes },
    DoesNotFit { total: Bytes, short: Bytes, alternatives: Vec<Alternative> },
    Unknown { reason: String, at_least: Bytes },
}

/// A change of the profile with which it would fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alternative {
    /// As it would be written in the profile.
    pub change: String,
    pub total: Bytes,
}

/// A plan that fits. Only [`Plan::approve`] makes one, and only from it can a launch be made.
#[derive(Clone, Debug)]
pub struct Approved(Plan);

impl Plan {
    /// The plan with its proof, or the plan back if there is none.
    pub fn approve(self) -> Result<Approved, Box<Plan>> {
        match self.verdict {
            Verdict::Fits { .. } => Ok(Approved(self)),
            Verdict::DoesNotFit { .. } | Verdict::Unknown { .. } => Err(Box::new(self)),
        }
    }
}

impl Approved {
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// The proven total.
    pub fn total(&self) -> Bytes {
        self.0.sum.at_least()
    }
}

/// Sums up and judges.
pub fn decide(model: &Model, ask: &Ask, engine: &dyn Engine, allowance: Allowance) -> Plan {
    let sum = memory::sum(model, ask, engine);
    let verdict = match sum.total() {
        Some(total) if total <= allowance.bytes => Verdict::Fits { total, spare: allowance.bytes - total },
        Some(total) => Verdict::DoesNotFit {
            total,
            short: total - allowance.bytes,
            alternatives: alternatives(model, ask, engine, allowance.bytes),
        },
        // What is known may already be too much: then the rest doesn't matter.
        None if sum.at_least() > allowance.bytes => Verdict::DoesNotFit {
            total: sum.at_least(),
            short: sum.at_least() - allowance.bytes,
            alternatives: Vec::new(),
        },
        None => Verdict::Unknown { reason: unknown_parts(&sum), at_least: sum.at_least() },
    };
    Plan {
        ask: ask.clone(),
        engine: engine.manifest().id.clone(),
        model: model.clone(),
        sum,
        allowance,
        verdict,
    }
}

fn unknown_parts(sum: &Sum) -> String {
    let parts = sum.parts.iter().filter(|part| part.bytes.is_none());
    parts.map(|part| format!("{} {}", part.name, part.how)).collect::<Vec<_>>().join("; ")
}

/// The smallest context that is worth proposing.
const LEAST_CONTEXT: u64 = 512;

/// Changes that would fit, each tried with the same sum: fewer slots, a smaller cache type, less context, all three.
fn alternatives(model: &Model, ask: &Ask, engine: &dyn Engine, allowed: Bytes) -> Vec<Alternative> {
    let fits = |ask: &Ask| memory::sum(model, ask, engine).total().filter(|total| *total <= allowed);
    let one_slot = Ask { parallel: 1, ..ask.clone() };
    let small_cache = Ask { key_type: KvType::Q8_0, value_type: KvType::Q8_0, ..ask.clone() };
    let all = Ask { parallel: 1, ..small_cache.clone() };

    let mut found = Vec::new();
    let mut propose = |change: String, candidate: &Ask| {
        if let Some(total) = fits(candidate) {
            found.push(Alternative { change, total });
        }
    };
    if ask.parallel > 1 {
        propose("parallel: 1".into(), &one_slot);
    }
    if !ask.key_type.is_quantized() {
        propose("kv_cache: {key: q8_0, value: q8_0}".into(), &small_cache);
    }
    for (candidate, also) in [(ask, ""), (&all, ", parallel: 1, kv_cache: {key: q8_0, value: q8_0}")] {
        if let Some(context) = largest_context(candidate, |ask| fits(ask).is_some()) {
            let candidate = Ask { context_size: context, ..candidate.clone() };
            propose(format!("context_size: {context}{also}"), &candidate);
            break;
        }
    }
    found
}

/// The largest multiple of 256 below the asked context that fits.
fn largest_context(ask: &Ask, fits: impl Fn(&Ask) -> bool) -> Option<u64> {
    const STEP: u64 = 256;
    let (mut low, mut high) = (LEAST_CONTEXT / STEP, ask.context_size.div_ceil(STEP));
    let with = |steps: u64| Ask { context_size: steps * STEP, ..ask.clone() };
    if high <= low || !fits(&with(low)) {
        return None;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(&with(middle)) { low = middle } else { high = middle }
    }
    Some(low * STEP)
}

#[cfg(test)]
mod tests;
