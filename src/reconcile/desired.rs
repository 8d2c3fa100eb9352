//! What shall run: the profile's models as asks, with everything that the machine decides filled in. Pure.

use edgeorch_engines::{Ask, Backend, Bytes, Engine, Host, KvType, Source, Speculation};

use crate::plan::demands::{Demands, usual};
use crate::plan::speed::Workload;
use crate::profile::Profile;
use crate::profile::elements::{Devices, EngineChoice, ModelSpec, PrivacyMode, SourceChoice, WeightsIn};

/// Everything that the profile wants on this machine.
#[derive(Clone, Debug)]
pub struct Desired {
    pub wishes: Vec<Wish>,
    /// The most that all models together may take.
    pub budget: Bytes,
    /// The same of the disk, where the profile says.
    pub disk: Option<Bytes>,
    pub privacy: PrivacyMode,
}

/// One model that shall run.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Without a placement: the planner finds it.
    pub ask: Ask,
    pub source: SourceChoice,
    pub beside: Beside,
    pub engine: &'static dyn Engine,
    pub demands: Demands,
}

/// What is fetched beside the weights.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    pub draft: Option<Source>,
    pub projector: Option<Source>,
    /// Names and sources.
    pub adapters: Vec<(String, Source)>,
}

impl Desired {
    /// The profile has been checked, so every engine that it names is known.
    pub fn of(profile: &Profile, host: &Host) -> Desired {
        let disk = profile.budget.disk.map(|size| size.0);
        let wishes = profile.models.iter().filter_map(|(id, model)| wish(id.as_str(), model, host, disk));
        Desired {
            wishes: wishes.collect(),
            budget: profile.budget.memory.of(host.memory.ceiling()),
            disk,
            privacy: profile.privacy.mode,
        }
    }
}

fn wish(id: &str, model: &ModelSpec, host: &Host, disk: Option<Bytes>) -> Option<Wish> {
    let (key_type, value_type) = model.cache_types().unwrap_or((KvType::F16, KvType::F16));
    let ask = Ask {
        parallel: model.parallel,
        layout: model.layout,
        key_type,
        value_type,
        prefill_chunk: model.prefill_chunk,
        prompt_cache: model.prompt_cache.map_or(Bytes::ZERO, |size| size.0),
        disk_cache: model.disk_cache.map_or(Bytes::ZERO, |size| size.0),
        mapped: model.weights == WeightsIn::Mapped,
        speculation: model.draft.as_ref().map(|draft| Speculation {
            method: draft.method,
            max_tokens: draft.max_tokens,
            draft: None,
        }),
        threads: model.threads.unwrap_or_else(|| threads(host)),
        runtime_flags: model.runtime_flags.clone(),
        ..Ask::new(id, model.task, model.context_size)
    };
    let workload = model.workload.map(|spec| Workload {
        prompt: spec.prompt,
        cached: spec.cached,
        output: spec.output,
        depth: 0,
        concurrent: model.parallel,
    });
    let demands = Demands {
        fidelity: model.fidelity,
        variants: model.variants.iter().map(|variant| variant.as_str().to_owned()).collect(),
        cache: model.cache_types(),
        backends: (model.devices == Devices::Cpu).then(|| vec![Backend::Cpu]),
        workload: workload.unwrap_or_else(|| usual(model.task, model.context_size, model.parallel)),
        ttft_p95: model.slo.ttft_p95.map(|latency| latency.duration()),
        decode_min: model.slo.decode_min.map(f64::from),
        disk,
    };
    Some(Wish {
        ask,
        source: model.source.clone(),
        beside: beside(model),
        engine: engine(&model.engine)?,
        demands,
    })
}

fn beside(model: &ModelSpec) -> Beside {
    Beside {
        draft: model.draft.as_ref().and_then(|draft| draft.source.clone()),
        projector: model.projector.as_ref().map(|projector| projector.source.clone()),
        adapters: model
            .lora
            .iter()
            .flat_map(|lora| &lora.adapters)
            .map(|adapter| (adapter.name.clone(), adapter.source.clone()))
            .collect(),
    }
}

/// `auto` takes the preferred one that edgeorch can start; one that is named is planned for, whether edgeorch starts it
/// or not.
fn engine(choice: &EngineChoice) -> Option<&'static dyn Engine> {
    match choice {
        EngineChoice::Auto => edgeorch_engines::preferred(),
        EngineChoice::Named(id) => edgeorch_engines::find(id),
    }
}

/// Decoding is bound by memory: a second hardware thread of a core only takes turns with the first.
fn threads(host: &Host) -> u32 {
    host.cpu.physical_cores.map_or(host.cpu.usable_cores, |cores| cores.min(host.cpu.usable_cores)).max(1)
}
