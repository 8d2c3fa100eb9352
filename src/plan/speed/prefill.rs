//! Prefill: products of the prompt, at the share of the device's peak that engines reach, and attention that grows with
//! what stands before.

use std::collections::BTreeSet;

use edgeorch_engines::contract::host::{Isa, Target};
use edgeorch_engines::contract::{Backend, Rows};
use edgeorch_engines::{Ask, Host, Model, Place};

use super::class::{self, Setting};
use super::tables::{CONSTANTS, Class, Peak, Share};
use super::work::{self, Part};
use super::{Band, Workload, decode};

pub struct Prefill {
    /// Tokens per second.
    pub rate: Band,
    pub basis: Vec<String>,
}

/// What a place reaches.
pub struct Reached {
    /// 10⁹ operations per second.
    pub gflops: f64,
    spread: f64,
    words: String,
}

pub fn prefill(
    model: &Model,
    ask: &Ask,
    host: &Host,
    setting: &Setting,
    workload: &Workload,
) -> Result<Prefill, String> {
    // Experts are all touched by a prompt, but each token is multiplied with those that it uses.
    let parts = work::parts(model, ask, host, workload, 1).map_err(|unknown| unknown.to_string())?;
    let billions: f64 = parts.places.values().map(|part| part.billions).sum();
    if billions <= 0.0 || workload.fresh() == 0 {
        return Err(if billions <= 0.0 {
            "the number of the model's weights is unknown".into()
        } else {
            "no token of the prompt is left to compute".into()
        });
    }
    let attention = attention(model, ask, workload);
    let (mut seconds, mut spread, mut basis) = (0.0, 0.0, Vec::new());
    for (place, part) in &parts.places {
        let backend = work::backend(ask, *place);
        let class = match *place {
            Place::Device(index) => host
                .accelerators
                .get(index)
                .map_or_else(Class::plain, |found| class::class(backend, found, host.os.family)),
            Place::Host => Class::plain(),
        };
        let reached = reached(*place, backend, &class, ask, host)?;
        let taken = time(model, part, billions, attention, &reached);
        seconds += taken;
        spread += taken * reached.spread.ln();
        basis.push(reached.words);
    }
    let factor = (spread / seconds).exp() * if setting.measured { 1.0 } else { 1.5 };
    Ok(Prefill { rate: Band::around(1.0 / seconds, factor), basis })
}

/// Seconds of one token on one place.
fn time(model: &Model, part: &Part, all: f64, attention: f64, reached: &Reached) -> f64 {
    let experts = if model.experts.is_some() { CONSTANTS.experts } else { 1.0 };
    let products = 2.0 * part.billions / (reached.gflops * experts);
    let attention = attention * part.billions / all / (reached.gflops * CONSTANTS.attention);
    products + attention
}

/// 10⁹ operations of attention per token, on average over the prompt.
fn attention(model: &Model, ask: &Ask, workload: &Workload) -> f64 {
    let before = workload.depth.saturating_add(workload.cached);
    let mean = before.saturating_add(workload.fresh() / 2).min(ask.context_size.max(1));
    let (Some(heads), Some(size), Some(layers)) = (model.head_count, model.head_size, model.layers()) else {
        return 0.0;
    };
    let reach = |rows: &Rows| mean.min(rows.window.unwrap_or(u64::MAX)) as f64;
    let tokens: f64 = layers.iter().filter_map(|layer| layer.rows.as_ref()).map(reach).sum();
    4.0 * tokens * heads as f64 * size as f64 / 1e9
}

/// What a place reaches of its peak, or why that isn't known.
pub fn reached(
    place: Place,
    backend: Backend,
    class: &Class,
    ask: &Ask,
    host: &Host,
) -> Result<Reached, String> {
    let class = CONSTANTS.coarse(backend, class);
    let shares =
        |of: Peak| CONSTANTS.prefill.iter().filter(move |share| share.backend == backend && share.of == of);
    let Place::Device(index) = place else {
        let known = isa(&host.cpu.isa);
        let found =
            shares(Peak::Core).find(|share| share.target.as_deref().is_some_and(|t| known.contains(&t)));
        let share = found.ok_or("no prefill was measured on a processor of such instruction sets")?;
        let cores = f64::from(ask.threads.max(1));
        return Ok(share.reached(cores, format!("the processor: {cores} cores")));
    };
    let device = host.accelerators.get(index).ok_or("the device is not there")?;
    let name = decode::name(device, index);
    let of_class = |of| {
        shares(of)
            .find(|share| share.class == *class)
            .or_else(|| shares(of).find(|share| share.class.is_plain()))
    };
    let nominal = device.nominal.as_ref();
    let figure = |peak: Option<f64>| peak.filter(|figure| figure.is_finite() && *figure > 0.0);
    let rates = [
        (Peak::Shader, nominal.and_then(|n| figure(n.fp16_tflops)), "TFLOPS of FP16"),
        (Peak::Tensor, nominal.and_then(|n| figure(n.fp16_tensor_tflops)), "TFLOPS of FP16 in matrix units"),
    ];
    for (of, peak, unit) in rates {
        if let (Some(share), Some(peak)) = (of_class(of), peak) {
            return Ok(share.reached(peak, format!("{name}: {peak} {unit}, table of devices")));
        }
    }
    let target = match &device.target {
        Some(Target::Gfx(text) | Target::Named(text) | Target::ComputeCapability(text)) => {
            Some(text.as_str())
        }
        None => None,
    };
    let by_core = shares(Peak::Core).find(|share| share.target.as_deref() == target && target.is_some());
    match (by_core, device.cores) {
        (Some(share), Some(cores)) => Ok(share.reached(f64::from(cores), format!("{name}: {cores} cores"))),
        _ => Err(format!("the computing rate of {name} with {} is in no table", backend.name())),
    }
}

impl Share {
    fn reached(&self, peak: f64, what: String) -> Reached {
        let words = format!(
            "{what}; prefill reached {:.2} times that in {} measurements on {} hardware families",
            self.share, self.rows, self.families
        );
        Reached { gflops: peak * self.share * 1e3, spread: self.spread, words }
    }
}

/// Names of instruction sets by which processors are told apart, the fastest that it has first.
fn isa(isa: &BTreeSet<Isa>) -> Vec<&'static str> {
    const ORDER: [(Isa, &str); 4] =
        [(Isa::Avx512f, "avx512f"), (Isa::Avx2, "avx2"), (Isa::I8mm, "i8mm"), (Isa::Dotprod, "dotprod")];
    // Only the fastest: a slower set's figure would be too low for it.
    ORDER.iter().find(|(set, _)| isa.contains(set)).map(|(_, name)| *name).into_iter().collect()
}
