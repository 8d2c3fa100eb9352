//! What could go wrong with this very plan on this very machine: each risk with how likely it is, what would set it off
//! and what to do about it, all computed from the plan and the host's facts.

use edgeorch_engines::contract::host::{MachineKind, PowerSupply, StorageKind};
use edgeorch_engines::{Basis, Bytes, Host, Place};
use serde::Serialize;

use super::choose::{Choice, Speed};
use super::demands::Demands;
use super::quality::Measure;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Risk {
    pub kind: RiskKind,
    pub likelihood: Likelihood,
    /// The rest of a sentence that begins with "If".
    pub trigger: String,
    pub mitigation: String,
    /// The facts that the likelihood follows from.
    pub because: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskKind {
    MemoryOverflow,
    Thermal,
    QuantizationLoss,
    Battery,
    Disk,
    Speed,
    Licence,
}

impl RiskKind {
    pub fn name(self) -> &'static str {
        match self {
            RiskKind::MemoryOverflow => "memory overflow",
            RiskKind::Thermal => "heat",
            RiskKind::QuantizationLoss => "quantization loss",
            RiskKind::Battery => "battery",
            RiskKind::Disk => "disk",
            RiskKind::Speed => "speed",
            RiskKind::Licence => "licence",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    Unknown,
    None,
    Low,
    Medium,
    High,
}

impl Likelihood {
    pub fn name(self) -> &'static str {
        match self {
            Likelihood::Unknown => "unknown",
            Likelihood::None => "none",
            Likelihood::Low => "low",
            Likelihood::Medium => "medium",
            Likelihood::High => "high",
        }
    }
}

/// All risks, the likeliest first.
pub fn register(choice: &Choice, demands: &Demands, host: &Host) -> Vec<Risk> {
    let mut risks = vec![
        memory(choice),
        thermal(host),
        quantization(choice),
        battery(host),
        disk(choice, demands, host),
        speed(choice, demands),
    ];
    risks.extend(licence(choice));
    risks.sort_by_key(|risk| std::cmp::Reverse(risk.likelihood));
    risks
}

fn memory(choice: &Choice) -> Risk {
    let plan = &choice.plan;
    let usage = plan.sum.usage();
    // The memory that is fullest, by share.
    let tightest = usage
        .places()
        .filter_map(|(place, bytes)| {
            let allowed = plan.allowances.get(place)?.bytes;
            Some((place, bytes, allowed, bytes.0 as f64 / allowed.0.max(1) as f64))
        })
        .max_by(|a, b| a.3.total_cmp(&b.3));
    let Some((place, bytes, allowed, share)) = tightest else {
        return Risk {
            kind: RiskKind::MemoryOverflow,
            likelihood: Likelihood::Unknown,
            trigger: "the engine asks for more than there is".into(),
            mitigation: "free memory, and plan again".into(),
            because: "what is free is unknown".into(),
        };
    };
    let left = allowed.saturating_sub(bytes);
    let known = plan.sum.total().is_some();
    let likelihood = match share {
        _ if !known => Likelihood::Unknown,
        share if share > 0.95 => Likelihood::High,
        share if share > 0.80 || choice.subject.model.basis == Basis::Dimensions => Likelihood::Medium,
        _ => Likelihood::Low,
    };
    let name = place_name(place);
    let basis = match choice.subject.model.basis {
        Basis::Header => "from the file's own header",
        Basis::Dimensions => "counted from published dimensions, so a few percent may be missing",
    };
    Risk {
        kind: RiskKind::MemoryOverflow,
        likelihood,
        trigger: format!("other programs take more than {left} of {name} while it runs"),
        mitigation: match place {
            Place::Host => {
                "halve context_size or parallel, or write kv_cache: {key: q8_0, value: q8_0}".into()
            }
            Place::Device(_) => "keep other programs off this device, or halve context_size".into(),
        },
        because: format!("{bytes} of {allowed} allowed in {name} ({:.0} %), {basis}", share * 100.0),
    }
}

fn place_name(place: Place) -> String {
    match place {
        Place::Host => "host memory".into(),
        Place::Device(index) => format!("accelerator {index}"),
    }
}

fn thermal(host: &Host) -> Risk {
    let near = host
        .thermal
        .zones
        .iter()
        .filter_map(|zone| Some((zone, zone.celsius?, zone.slows_at_celsius.or(zone.critical_celsius)?)))
        .map(|(zone, now, limit)| (zone.name.clone(), now, limit))
        .min_by(|a, b| (a.2 - a.1).total_cmp(&(b.2 - b.1)));
    let device =
        host.accelerators.iter().any(|one| one.throttling.as_ref().is_some_and(|why| !why.is_empty()));
    let compact = matches!(
        host.machine.kind,
        Some(MachineKind::Laptop | MachineKind::Phone | MachineKind::SingleBoard)
    );
    let slowed = host.thermal.throttled_now == Some(true) || device;
    let (likelihood, because) = match (&near, slowed) {
        (_, true) => (Likelihood::High, "something slows this machine already".to_owned()),
        (Some((zone, now, limit)), _) if limit - now < 15.0 => {
            (Likelihood::High, format!("{zone} is at {now:.0} °C and slows at {limit:.0} °C"))
        }
        (Some((zone, now, limit)), _) => {
            let likelihood = if compact { Likelihood::Medium } else { Likelihood::Low };
            (likelihood, format!("{zone} is at {now:.0} °C and slows at {limit:.0} °C, before any load"))
        }
        (None, _) if compact => {
            (Likelihood::Medium, "a small case, and no sensor tells its limit".to_owned())
        }
        (None, _) => (Likelihood::Unknown, "no sensor of this machine tells a limit".to_owned()),
    };
    Risk {
        kind: RiskKind::Thermal,
        likelihood,
        trigger: "it answers without pause for longer than the cooling can follow".into(),
        mitigation:
            "watch `edgeorch audit` under load; fewer threads or a lower power limit keep the speed steady"
                .into(),
        because,
    }
}

fn quantization(choice: &Choice) -> Risk {
    let (likelihood, because) = match choice.subject.loss() {
        Ok(loss) => {
            // Per cent, or divergences that are about as bad.
            let (some, much) = match loss.measure {
                Measure::Perplexity | Measure::Score | Measure::TopToken | Measure::Answers => (1.0, 5.0),
                Measure::Kld => (0.01, 0.1),
                Measure::KldP99 => (0.1, 1.0),
            };
            let likelihood = match loss.high {
                high if high <= some => Likelihood::Low,
                high if high <= much => Likelihood::Medium,
                _ => Likelihood::High,
            };
            (
                likelihood,
                format!(
                    "{} by published measurements, at most {:.2} ({:?})",
                    loss.quants.join(" or "),
                    loss.high,
                    loss.how
                ),
            )
        }
        Err(super::quality::Unknown::Reference { quant }) => {
            (Likelihood::None, format!("{quant} is what losses are measured against"))
        }
        Err(unknown) => (Likelihood::Unknown, unknown.to_string()),
    };
    Risk {
        kind: RiskKind::QuantizationLoss,
        likelihood,
        trigger: "the task needs exact wording, arithmetic or long reasoning".into(),
        mitigation: "compare with a type of more bits on texts of your own, or write fidelity: high".into(),
        because,
    }
}

fn battery(host: &Host) -> Risk {
    let (likelihood, because) = match (&host.power.supply, host.power.batteries.first()) {
        (_, None) if host.unknown.iter().any(|one| one.field == "power.batteries") => {
            (Likelihood::Unknown, "whether there is a battery could not be found out".to_owned())
        }
        (_, None) => (Likelihood::None, "this machine has no battery".to_owned()),
        (Some(PowerSupply::Battery), Some(battery)) => {
            let level = battery.percent.map_or(String::new(), |percent| format!(", at {percent} %"));
            (Likelihood::High, format!("it runs on {} now{level}", battery.name))
        }
        (_, Some(battery)) => (Likelihood::Medium, format!("it has {}, and runs on mains now", battery.name)),
    };
    Risk {
        kind: RiskKind::Battery,
        likelihood,
        trigger: "the machine is taken off its supply while it serves".into(),
        mitigation: "keep it plugged in; on battery most machines also lower their clocks".into(),
        because,
    }
}

fn disk(choice: &Choice, demands: &Demands, host: &Host) -> Risk {
    let (files, prompts) = (choice.subject.model.file_bytes, choice.plan.ask.disk_cache);
    let needed = files + prompts;
    let takes = match prompts {
        Bytes::ZERO => format!("the weights take {files}"),
        _ => format!("the weights take {files} and disk_cache {prompts}"),
    };
    let budget = demands.disk.map_or(String::new(), |disk| format!(", budget.disk is {disk}"));
    let spinning = host.storage.kind == Some(StorageKind::Hdd);
    let slow = if spinning { "; it is a spinning disk, so loading takes long" } else { "" };
    let (likelihood, because) = match host.storage.free {
        None => (Likelihood::Unknown, format!("what is free is unknown; {takes}")),
        Some(free) => {
            let after = free.saturating_sub(needed);
            let likelihood = match () {
                () if needed > free => Likelihood::High,
                () if after < needed || after < Bytes::gib(5) => Likelihood::Medium,
                () => Likelihood::Low,
            };
            (likelihood, format!("{takes}, {free} are free{budget}{slow}"))
        }
    };
    Risk {
        kind: RiskKind::Disk,
        likelihood,
        trigger: "weights, logs and other programs fill the disk".into(),
        mitigation: "`edgeorch models rm` frees what no profile names; write budget.disk".into(),
        because,
    }
}

fn speed(choice: &Choice, demands: &Demands) -> Risk {
    let least = demands.least_decode();
    let (likelihood, because) = match &choice.speed {
        Speed::Unknown { unknown } => (Likelihood::Unknown, unknown.clone()),
        Speed::Known(_) if demands.workload.output == 0 => {
            (Likelihood::None, "such requests are answered with no text".to_owned())
        }
        Speed::Known(speed) => {
            let band = &speed.decode;
            let likelihood = match () {
                () if band.p50 < least => Likelihood::High,
                () if band.p10 < least => Likelihood::Medium,
                () => Likelihood::Low,
            };
            let told =
                format!("{:.1} to {:.1} tokens/s are expected, and {least:.0} wanted", band.p10, band.p90);
            (likelihood, told)
        }
    };
    Risk {
        kind: RiskKind::Speed,
        likelihood,
        trigger: "other programs use the same memory or processor".into(),
        mitigation: "measure with `edgeorch why` after some requests; the next plan uses what was measured"
            .into(),
        because,
    }
}

fn licence(choice: &Choice) -> Option<Risk> {
    let licence = choice.subject.licence.as_ref().filter(|licence| !licence.open)?;
    Some(Risk {
        kind: RiskKind::Licence,
        likelihood: Likelihood::Medium,
        trigger: format!("your use is one that {} limits", licence.name),
        mitigation: "read the licence, or take a model with an open one (`edgeorch models known`)".into(),
        because: licence.limits.clone().unwrap_or_else(|| "it is not an open licence".into()),
    })
}
