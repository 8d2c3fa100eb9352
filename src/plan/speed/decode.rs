//! Decoding: the parts of a step, each timed with the constants of its device, added up.

use edgeorch_engines::contract::Backend;
use edgeorch_engines::contract::host::{Accelerator, LaneRate, MemoryKind};
use edgeorch_engines::{Ask, Host, Model, Place};

use super::class::{self, Found, Setting};
use super::roofline::Terms;
use super::tables::Class;
use super::work::{self, Part, Parts};
use super::{Band, Unknown, prefill, storage};

pub struct Decode {
    /// Tokens per second of one request.
    pub one: Band,
    pub limits: Vec<String>,
    pub basis: Vec<String>,
}

/// Seconds of one step, gathered part by part.
#[derive(Default)]
struct Step {
    seconds: f64,
    /// Logarithms of the parts' spreads, each weighed with its seconds.
    spread: f64,
    /// What the bandwidths alone would take: nothing is faster.
    bound: f64,
    limits: Vec<String>,
    basis: Vec<String>,
}

pub fn decode(
    model: &Model,
    ask: &Ask,
    host: &Host,
    setting: &Setting,
    parts: &Parts,
    slots: u32,
) -> Result<Decode, Unknown> {
    let mut step = Step::default();
    for (place, part) in &parts.places {
        step.add(*place, part, ask, host, setting, slots)?;
    }
    step.stream_from_storage(parts, ask, host)?;
    step.seconds += f64::from(parts.hops) * hop(model, ask, host);
    step.words(parts, setting);
    let factor = (step.spread / step.seconds).exp() * if setting.measured { 1.0 } else { UNMEASURED };
    let mut one = Band::around(1.0 / step.seconds, factor);
    let most = 1.0 / step.bound;
    one = one.map(|rate| rate.min(most));
    Ok(Decode { one, limits: step.limits, basis: step.basis })
}

/// An engine of which there is no row at all: its kernels are others.
const UNMEASURED: f64 = 1.5;
/// Of a device whose bandwidth is taken from its processor's measurement.
const BORROWED_BANDWIDTH: f64 = 1.2;

impl Step {
    fn add(
        &mut self,
        place: Place,
        part: &Part,
        ask: &Ask,
        host: &Host,
        setting: &Setting,
        slots: u32,
    ) -> Result<(), Unknown> {
        let backend = work::backend(ask, place);
        let speed = Speed::of(place, backend, ask, host)?;
        let Found { constants, widen, words } = class::constants(backend, &speed.class, setting.era);
        let terms = Terms {
            stream: part.weights / speed.bandwidth,
            few_bits: part.few_bits / speed.bandwidth,
            cache: part.cache / speed.bandwidth,
            steps: part.steps,
            weights: match backend {
                Backend::Cpu => part.unpacked / f64::from(ask.threads.max(1)),
                _ => 0.0,
            },
        };
        let costs = constants.costs();
        let mut seconds = terms.time(&costs);
        // Of many requests at once the products may take longer than the reading.
        let rate =
            if slots > 1 { prefill::reached(place, backend, &speed.class, ask, host).ok() } else { None };
        let computing = rate.map_or(0.0, |rate| f64::from(slots) * 2.0 * part.billions / rate.gflops);
        let [stream, few_bits, cache, steps, cores] = terms.parts(&costs);
        let reading = stream + few_bits;
        // On a processor one of both is zero: what the weights took with one request, by whichever held it up.
        let taken = reading + cores;
        if computing > taken {
            seconds += computing - taken;
            self.limits.push(format!("{slots} requests at once are bound by computing on {}", speed.name));
        }
        self.seconds += seconds;
        self.spread += seconds * constants.spread.ln() * widen * speed.widen;
        self.bound += terms.stream;
        self.basis.push(format!("{}: {}", speed.name, speed.source));
        self.basis.push(format!("{}: {words}", speed.name));
        let shares = [
            (reading, "reading weights"),
            (cache, "reading the context"),
            (steps, "launching its operations"),
            (cores, "its cores' computing"),
        ];
        let most = shares.iter().max_by(|a, b| a.0.total_cmp(&b.0));
        let name = &speed.name;
        self.limits.extend(most.map(|(part, what)| {
            format!("on {name} mostly {what}: {:.1} of {:.1} ms a token", part * 1e3, seconds * 1e3)
        }));
        Ok(())
    }

    /// Weights in host memory that don't fit are read from the file again for every token.
    fn stream_from_storage(&mut self, parts: &Parts, ask: &Ask, host: &Host) -> Result<(), Unknown> {
        let Some(missing) = storage::missing(parts, ask, host)? else { return Ok(()) };
        let seconds = missing.seconds_a_token;
        self.seconds += seconds;
        // How much of it the system keeps by chance is not known: no cache at all, or twice as much as counted.
        self.spread += seconds * std::f64::consts::LN_2;
        self.limits.push(format!(
            "{} of the weights don't fit into free memory: {:.1} ms a token go to reading them again from storage",
            missing.bytes,
            seconds * 1e3
        ));
        self.basis.push("storage: reading speed measured by the audit".to_owned());
        Ok(())
    }

    fn words(&mut self, parts: &Parts, setting: &Setting) {
        if let Some(reason) = &parts.bounded {
            self.limits.push(format!("the context's bytes are a bound, not a figure: {reason}"));
        }
        if !setting.measured {
            self.basis.push("no measurement with this engine: band widened".to_owned());
        } else if !setting.told {
            self.basis.push("the engine's build was not told: taken for one since 2025".to_owned());
        }
    }
}

/// What is known of how fast a place reads.
struct Speed {
    name: String,
    class: Class,
    /// Bytes per second.
    bandwidth: f64,
    source: String,
    widen: f64,
}

impl Speed {
    fn of(place: Place, backend: Backend, ask: &Ask, host: &Host) -> Result<Speed, Unknown> {
        let Place::Device(index) = place else { return Speed::of_host(ask.threads, host) };
        let accelerator = host.accelerators.get(index).ok_or(Unknown::NoDevice(index))?;
        let name = name(accelerator, index);
        let class = class::class(backend, accelerator, host.os.family);
        let nominal = accelerator.nominal.as_ref();
        if let Some((gbs, nominal)) = nominal.and_then(|n| usable(n.bandwidth_gbs).map(|gbs| (gbs, n))) {
            let source = format!("{gbs} GB/s, table of devices: {}", nominal.source);
            return Ok(Speed { name, class, bandwidth: gbs * 1e9, source, widen: 1.0 });
        }
        let unified = matches!(accelerator.memory.kind, Some(MemoryKind::Unified | MemoryKind::CarveOut));
        let measured =
            host.memory.bandwidth.as_ref().filter(|measured| unified && measured.bytes_per_second > 0);
        let Some(measured) = measured else { return Err(Unknown::DeviceBandwidth(name)) };
        let bandwidth = measured.bytes_per_second as f64;
        let source = format!("{:.1} GB/s of main memory, measured by its processor", bandwidth / 1e9);
        Ok(Speed { name, class, bandwidth, source, widen: BORROWED_BANDWIDTH })
    }

    /// Few threads can't ask for all that the memory gives.
    fn of_host(threads: u32, host: &Host) -> Result<Speed, Unknown> {
        let measured = host.memory.bandwidth.as_ref().ok_or(Unknown::HostBandwidth)?;
        let alone = measured.one_thread_bytes_per_second.saturating_mul(u64::from(threads.max(1)));
        let bandwidth = measured.bytes_per_second.min(alone) as f64;
        if bandwidth <= 0.0 {
            return Err(Unknown::HostBandwidth);
        }
        let source = format!("{:.1} GB/s with {threads} threads, measured by the audit", bandwidth / 1e9);
        Ok(Speed { name: "the processor".into(), class: Class::plain(), bandwidth, source, widen: 1.0 })
    }
}

fn usable(figure: Option<f64>) -> Option<f64> {
    figure.filter(|figure| figure.is_finite() && *figure > 0.0)
}

pub fn name(accelerator: &Accelerator, index: usize) -> String {
    let nominal = accelerator.nominal.as_ref().map(|nominal| nominal.device.clone());
    accelerator.name.clone().or(nominal).unwrap_or_else(|| format!("device {index}"))
}

/// Seconds for one token's activations on the slowest link. Small, and nothing where no link is known.
fn hop(model: &Model, ask: &Ask, host: &Host) -> f64 {
    const F32: f64 = 4.0;
    let bytes = model.embedding_length.unwrap_or(0) as f64 * F32;
    let links = ask.placement.shares.iter().filter_map(|share| host.accelerators.get(share.device));
    let rates = links.filter_map(|device| device.link.as_ref()?.best.map(|rate| per_second(&rate)));
    rates.filter(|rate| *rate > 0.0).map(|rate| bytes / rate).fold(0.0, f64::max)
}

/// PCI Express: 2.5 GT/s per lane in the first generation, doubled with each; a byte is about ten transfers in the first
/// two and eight since.
fn per_second(rate: &LaneRate) -> f64 {
    let generation = i32::from(rate.generation.clamp(1, 7));
    let bytes = if generation <= 2 {
        0.25e9 * f64::from(1 << (generation - 1))
    } else {
        0.985e9 * f64::from(1 << (generation - 3))
    };
    bytes * f64::from(rate.width)
}
