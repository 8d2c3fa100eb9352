//! How fast a model would answer here: decode and prefill, the first token, the tokens after it, one whole turn; alone
//! and under load, each as a band.
//!
//! ```text
//! Model + Ask + Workload ──work──▶ bytes and steps per place ──roofline──▶ seconds per token ─┐
//! Host + engine ──class──▶ constants.yaml (fitted on rows.yaml by fit) ────────▲              ├─▶ Projection
//!                                         prefill: peak rate × share that is reached ─────────┘
//! ```
//!
//! Decoding is bound by memory: every token reads the weights that it passes through, and the rows of its context. On
//! top of that each operation costs a fixed time, which belongs to the backend and to the age of the engine's build. Two
//! constants per backend and era, one for the context, one for weights of few bits; nothing else is tuned. Bands are the
//! spread that the same fit had on hardware families that it had not seen.

mod bands;
mod class;
mod decode;
mod fit;
mod kinds;
mod prefill;
mod roofline;
mod rows;
mod selfcheck;
mod shares;
mod speculation;
mod steps;
mod storage;
mod tables;
mod unfitted;
mod work;

use edgeorch_engines::{Ask, Host, Model};
use serde::Serialize;

pub use selfcheck::{Checked, Group, Report, self_check};
pub use speculation::Expectation;
pub use unfitted::{Unfitted, unfitted};

/// What is asked of the model in one turn, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// Of the prompt, those that are new and those that are not.
    pub prompt: u64,
    /// Of the prompt, those whose keys and values the engine still has.
    pub cached: u64,
    pub output: u64,
    /// In the context before this prompt.
    pub depth: u64,
    /// Requests like this one at the same time.
    pub concurrent: u32,
}

impl Workload {
    /// Tokens of the prompt that must be computed.
    pub fn fresh(&self) -> u64 {
        self.prompt.saturating_sub(self.cached)
    }

    /// The context while the answer is written, on average.
    pub fn mean_depth(&self) -> u64 {
        self.depth.saturating_add(self.prompt).saturating_add(self.output / 2)
    }
}

/// Eight of ten measurements are expected between the ends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    pub p10: f64,
    pub p50: f64,
    pub p90: f64,
}

impl Band {
    /// A middle, and the factor by which both ends lie away from it.
    fn around(p50: f64, factor: f64) -> Band {
        Band { p10: p50 / factor, p50, p90: p50 * factor }
    }

    fn map(self, f: impl Fn(f64) -> f64) -> Band {
        Band { p10: f(self.p10), p50: f(self.p50), p90: f(self.p90) }
    }

    /// Of a rate, the time that something takes, and the other way round: the slow end is the last one then.
    fn over(self, amount: f64) -> Band {
        Band { p10: amount / self.p90, p50: amount / self.p50, p90: amount / self.p10 }
    }

    fn plus(self, other: Band) -> Band {
        Band { p10: self.p10 + other.p10, p50: self.p50 + other.p50, p90: self.p90 + other.p90 }
    }
}

/// What is to be expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Projection {
    /// Tokens per second of one request.
    pub decode: Band,
    /// Tokens per second over all requests that are answered at once.
    pub decode_all: Band,
    /// Tokens of the prompt per second. Unknown where the device's computing rate is.
    pub prefill: Option<Band>,
    pub ttft_ms: Option<Band>,
    pub tpot_ms: Band,
    /// Until the last token: what a user waits for.
    pub turn_ms: Option<Band>,
    /// What bounds it, in words.
    pub limits: Vec<String>,
    /// What each figure stands on.
    pub basis: Vec<String>,
    /// What guessing ahead may bring; in none of the figures above.
    pub speculation: Option<Expectation>,
}

/// Why nothing can be said, for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("the plan gives a device with the index {0}, which this host does not have")]
    NoDevice(usize),
    #[error(
        "the memory bandwidth of {0} is in no table and was not measured; add it to the table of devices"
    )]
    DeviceBandwidth(String),
    #[error("the bandwidth of main memory was not measured; run `edgeorch audit` on this machine")]
    HostBandwidth,
    #[error("how the model keeps its context is unknown, with no bound: {0}")]
    State(String),
    #[error("the model has no layers, or no weights, that are known")]
    NoWeights,
    #[error("the layers' own bytes are unknown, so a placement in several memories can't be timed")]
    NoLayers,
    #[error(
        "the weights are larger than free memory, and how fast the storage reads was not measured; run `edgeorch audit` where models are kept"
    )]
    StorageSpeed,
}

/// How fast `model`, served as asked by `engine`, answers such a workload on `host`. `engine` is the engine's id, and
/// after a blank its build where that is known (`ID b8997`); without it the newest builds are assumed.
pub fn project(
    model: &Model,
    ask: &Ask,
    engine: &str,
    host: &Host,
    workload: &Workload,
) -> Result<Projection, Unknown> {
    let slots = workload.concurrent.clamp(1, ask.parallel.max(1));
    let parts = work::parts(model, ask, host, workload, slots)?;
    let setting = class::Setting::of(engine);
    let decode = decode::decode(model, ask, host, &setting, &parts, slots)?;
    let prefill = prefill::prefill(model, ask, host, &setting, workload);
    let mut limits = decode.limits;
    let mut basis = decode.basis;
    let rate = match prefill {
        Ok(found) => {
            basis.extend(found.basis);
            let again = storage::missing(&parts, ask, host)?.map_or(0.0, |missing| missing.seconds_a_chunk);
            let chunk = ask.prefill_chunk.min(workload.fresh()).max(1) as f64;
            Some(found.rate.map(|rate| 1.0 / (1.0 / rate + again / chunk)))
        }
        Err(why) => {
            limits.push(format!("prefill, the first token and the turn are unknown: {why}"));
            None
        }
    };
    let tpot_ms = decode.one.over(1000.0);
    let waiting = Waiting::of(workload, slots);
    let first = rate.map(|rate| waiting.apply(rate.over(1000.0 * workload.fresh() as f64)).plus(tpot_ms));
    let turn = first.map(|first| {
        let turn = first.plus(tpot_ms.map(|ms| ms * workload.output.saturating_sub(1) as f64));
        turn.map(|ms| ms * waiting.rounds)
    });
    limits.extend(waiting.words(workload, slots));
    limits.extend(too_long(ask, workload));
    let speculation = match ask.speculation.as_ref().map(|asked| speculation::expect(model, asked)) {
        Some(Ok(expected)) => Some(expected),
        Some(Err(why)) => {
            limits.push(format!("what guessing ahead brings is unknown: {why}"));
            None
        }
        None => None,
    };
    Ok(Projection {
        decode: decode.one,
        decode_all: decode.one.map(|rate| rate * f64::from(slots)),
        prefill: rate,
        ttft_ms: first,
        tpot_ms,
        turn_ms: turn,
        limits,
        basis,
        speculation,
    })
}

/// What a request waits for others.
struct Waiting {
    /// Prompts that are computed before this one's is done: the first, the middle, the last of those at once.
    prompts: Band,
    /// How often the slots must be filled until all requests had one, on average.
    rounds: f64,
}

impl Waiting {
    fn of(workload: &Workload, slots: u32) -> Waiting {
        let (all, slots) = (f64::from(workload.concurrent.max(1)), f64::from(slots));
        let prompts = Band { p10: 1.0, p50: (1.0 + slots) / 2.0, p90: slots };
        Waiting { prompts, rounds: (1.0 + (all / slots).ceil()) / 2.0 }
    }

    fn apply(&self, prompt: Band) -> Band {
        Band {
            p10: prompt.p10 * self.prompts.p10,
            p50: prompt.p50 * self.prompts.p50,
            p90: prompt.p90 * self.prompts.p90,
        }
    }

    fn words(&self, workload: &Workload, slots: u32) -> Option<String> {
        (workload.concurrent > slots).then(|| {
            format!(
                "{} requests share {slots} slots: the turn counts the wait for a slot, the first token doesn't",
                workload.concurrent
            )
        })
    }
}

fn too_long(ask: &Ask, workload: &Workload) -> Option<String> {
    let tokens = workload.depth.saturating_add(workload.prompt).saturating_add(workload.output);
    (tokens > ask.context_size).then(|| {
        format!(
            "{tokens} tokens are more than the context of {}: the engine will not hold them",
            ask.context_size
        )
    })
}

#[cfg(test)]
mod tests;
