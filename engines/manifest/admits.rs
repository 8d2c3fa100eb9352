//! Whether an engine can serve a model as asked on a machine, by its admission matrix. Pure: the same facts give the
//! same obstacle.

use super::Manifest;
use crate::contract::host::{Accelerator, Target};
use crate::contract::{
    Ask, Backend, BackendRule, DeviceRule, Feature, Host, KvType, Layout, Model, Obstacle, SpeculationMethod,
    Task, WeightRule,
};

impl Manifest {
    /// The backends through which the engine can compute on the accelerators here, best first for each.
    pub fn backends(&self, host: &Host) -> Vec<(usize, Backend)> {
        let mut pairs = Vec::new();
        for (index, accelerator) in host.accelerators.iter().enumerate() {
            for rule in self.admission.backends.iter().filter(|rule| rule.api.is_some()) {
                if runs_here(rule, host) && device_obstacle(rule, accelerator).is_none() {
                    pairs.push((index, rule.backend));
                }
            }
        }
        pairs
    }

    /// Whether the engine can serve `model` as asked, through `backend`.
    ///
    /// # Errors
    /// The first obstacle, as a sentence.
    pub fn admits(&self, model: &Model, ask: &Ask, host: &Host, backend: Backend) -> Result<(), Obstacle> {
        let judge = Judge { manifest: self, host };
        judge.format(model)?;
        let rule = judge.backend(backend)?;
        judge.place(rule, ask)?;
        judge.weights(rule, model, ask)?;
        judge.cache(rule, ask)?;
        judge.features(rule, model, ask)
    }

    /// Whether the engine, or this backend of it, can do something; if not, why.
    pub fn can(&self, feature: Feature, backend: Backend) -> Result<(), Obstacle> {
        let rule = self.admission.backends.iter().find(|rule| rule.backend == backend);
        let why = rule.and_then(|rule| rule.cannot.get(&feature)).or(self.admission.cannot.get(&feature));
        match why {
            Some(why) => Err(Obstacle::Cannot { engine: self.id.clone(), why: why.clone() }),
            None => Ok(()),
        }
    }
}

struct Judge<'a> {
    manifest: &'a Manifest,
    host: &'a Host,
}

impl<'a> Judge<'a> {
    fn engine(&self) -> String {
        self.manifest.id.clone()
    }

    fn format(&self, model: &Model) -> Result<(), Obstacle> {
        let format = model.format.name();
        if self.manifest.formats.iter().any(|known| known == format) {
            return Ok(());
        }
        Err(Obstacle::Format { engine: self.engine(), reads: self.manifest.formats.join(", "), format })
    }

    fn backend(&self, backend: Backend) -> Result<&'a BackendRule, Obstacle> {
        let name = backend.name();
        let rules = || self.manifest.admission.backends.iter().filter(|rule| rule.backend == backend);
        if let Some(rule) = rules().find(|rule| runs_here(rule, self.host)) {
            return Ok(rule);
        }
        Err(match rules().next() {
            None => Obstacle::NoBackend { engine: self.engine(), backend: name },
            Some(rule) if !rule.os.contains(&self.host.os.family) => {
                Obstacle::Os { engine: self.engine(), backend: name, os: self.host.os.family }
            }
            Some(_) => Obstacle::Processor { engine: self.engine(), backend: name },
        })
    }

    /// The devices that are named, or any where none is.
    fn place(&self, rule: &BackendRule, ask: &Ask) -> Result<(), Obstacle> {
        for share in &ask.placement.shares {
            let device = share.device;
            let Some(accelerator) = self.host.accelerators.get(device) else {
                return Err(Obstacle::Device { device, why: "there is none of this number".into() });
            };
            if share.backend != rule.backend {
                let why = format!(
                    "its layers are placed through {}, not {}",
                    share.backend.name(),
                    rule.backend.name()
                );
                return Err(Obstacle::Device { device, why });
            }
            if let Some(why) = device_obstacle(rule, accelerator) {
                return Err(Obstacle::Device { device, why });
            }
        }
        if rule.api.is_none() || !ask.placement.shares.is_empty() {
            return Ok(());
        }
        let mut reasons = Vec::new();
        for accelerator in &self.host.accelerators {
            match device_obstacle(rule, accelerator) {
                None => return Ok(()),
                Some(why) => reasons.push(why),
            }
        }
        let why = if reasons.is_empty() { "there is none".into() } else { reasons.join("; ") };
        Err(Obstacle::NoDevice { engine: self.engine(), backend: rule.backend.name(), why })
    }

    fn weights(&self, rule: &BackendRule, model: &Model, ask: &Ask) -> Result<(), Obstacle> {
        for kind in model.weights.by_type.keys() {
            let lists = &self.manifest.admission.lists;
            let names = |known: &String| match known.strip_prefix('@') {
                Some(list) => lists.get(list).is_some_and(|types| types.contains(kind)),
                None => known == kind,
            };
            let refuse = |why: String| Obstacle::Weights {
                engine: self.engine(),
                backend: rule.backend.name(),
                kind: kind.clone(),
                why,
            };
            let found = rule.weights.iter().find(|rule| rule.types.iter().any(names));
            let Some(weights) = found else { return Err(refuse(String::new())) };
            if let Some(why) = &weights.lacking {
                return Err(refuse(format!(": {why}")));
            }
            for accelerator in devices(self.host, ask) {
                if let Some(why) = target_obstacle(&weights.device, accelerator) {
                    return Err(refuse(format!(" here: {why}")));
                }
            }
            self.build(rule, weights, kind)?;
        }
        Ok(())
    }

    /// Whether a build that is installed here is old enough to lack the type; one that tells no number is not judged.
    fn build(&self, rule: &BackendRule, weights: &WeightRule, kind: &str) -> Result<(), Obstacle> {
        let Some(since) = &weights.since else { return Ok(()) };
        let engines = &self.host.software.engines;
        let found: Vec<&str> = engines
            .iter()
            .filter(|engine| engine.engine == self.manifest.id)
            .filter_map(
                |engine| if is_build(since) { engine.build.as_deref() } else { engine.version.as_deref() },
            )
            .collect();
        // Builds of shallow clones all call themselves build 1.
        let tells = |version: &str| !(is_build(since) && matches!(version, "1" | "b1"));
        let old =
            |version: &&str| tells(version) && compare(version, since).is_some_and(|order| order.is_lt());
        match found.first() {
            Some(first) if found.iter().all(old) => Err(Obstacle::Build {
                engine: self.engine(),
                found: (*first).to_owned(),
                kind: kind.to_owned(),
                backend: rule.backend.name(),
                since: since.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn cache(&self, rule: &BackendRule, ask: &Ask) -> Result<(), Obstacle> {
        let (engine, backend) = (self.engine(), rule.backend.name());
        for kind in [ask.key_type, ask.value_type] {
            if !rule.cache.types.contains(&kind) {
                let keeps: Vec<_> = rule.cache.types.iter().copied().map(KvType::name).collect();
                return Err(Obstacle::Cache { engine, backend, kind: kind.name(), keeps: keeps.join(", ") });
            }
        }
        for kind in [ask.key_type, ask.value_type] {
            let Some(needs) = rule.cache.device.get(&kind) else { continue };
            for accelerator in devices(self.host, ask) {
                if let Some(why) = target_obstacle(needs, accelerator) {
                    return Err(Obstacle::CacheDevice { engine, backend, kind: kind.name(), why });
                }
            }
        }
        let alone = |kind| !rule.cache.mixed || rule.cache.alone.contains(&kind);
        let paired = rule.cache.pairs.contains(&(ask.key_type, ask.value_type));
        if ask.key_type != ask.value_type && !paired && (alone(ask.key_type) || alone(ask.value_type)) {
            let (key, value) = (ask.key_type.name(), ask.value_type.name());
            return Err(Obstacle::MixedCache { engine, backend, key, value });
        }
        Ok(())
    }

    fn features(&self, rule: &BackendRule, model: &Model, ask: &Ask) -> Result<(), Obstacle> {
        wanted(model, ask).into_iter().try_for_each(|feature| self.manifest.can(feature, rule.backend))
    }
}

/// What an ask makes use of.
fn wanted(model: &Model, ask: &Ask) -> Vec<Feature> {
    let placement = &ask.placement;
    let used = placement.shares.iter().filter(|share| share.layers > 0).count();
    let layers = match model.weights.layers.len() {
        0 => model.layers().map_or(0, <[_]>::len),
        layers => layers,
    };
    let mut wanted = Vec::new();
    let mut want = |feature, is_wanted| {
        if is_wanted {
            wanted.push(feature);
        }
    };
    want(Feature::PartialOffload, used > 0 && (placement.device_layers() as usize) < layers);
    want(Feature::Split, used > 1);
    want(Feature::ExpertsOnHost, placement.experts_on_host > 0);
    want(Feature::CacheOnHost, placement.cache_on_host && used > 0);
    want(Feature::UnifiedCache, ask.layout == Layout::Unified && ask.parallel > 1);
    want(Feature::PromptCache, ask.prompt_cache.0 > 0);
    want(Feature::DiskCache, ask.disk_cache.0 > 0);
    want(Feature::TieredCache, ask.prompt_cache.0 > 0 && ask.disk_cache.0 > 0);
    want(Feature::Mapped, ask.mapped);
    want(Feature::Adapters, !ask.adapters.is_empty());
    want(Feature::Projector, ask.projector.is_some());
    want(Feature::Embeddings, ask.task == Task::Embedding);
    if let Some(speculation) = &ask.speculation {
        wanted.push(match speculation.method {
            SpeculationMethod::Draft => Feature::Draft,
            SpeculationMethod::Mtp => Feature::Mtp,
            SpeculationMethod::Ngram => Feature::Ngram,
            SpeculationMethod::Dflash => Feature::Dflash,
        });
    }
    wanted
}

fn devices<'a>(host: &'a Host, ask: &'a Ask) -> impl Iterator<Item = &'a Accelerator> {
    ask.placement.shares.iter().filter_map(|share| host.accelerators.get(share.device))
}

fn runs_here(rule: &BackendRule, host: &Host) -> bool {
    let processor = rule.architectures.is_empty() || rule.architectures.contains(&host.cpu.architecture);
    rule.os.contains(&host.os.family) && processor
}

/// Why the backend can't compute on this device.
fn device_obstacle(rule: &BackendRule, accelerator: &Accelerator) -> Option<String> {
    let name = accelerator.name.as_deref().unwrap_or("an accelerator without a name");
    if rule.api.is_some_and(|api| !accelerator.apis.contains(&api)) {
        return Some(format!("{name} can't be reached through {} here", rule.backend.name()));
    }
    if rule.kind.is_some_and(|kind| kind != accelerator.kind) {
        return Some(format!("{name} is of another kind"));
    }
    if !rule.vendors.is_empty() && !rule.vendors.contains(&accelerator.vendor) {
        return Some(format!("{name} is of another vendor"));
    }
    target_obstacle(&rule.device, accelerator)
}

fn target_obstacle(rule: &DeviceRule, accelerator: &Accelerator) -> Option<String> {
    let name = accelerator.name.as_deref().unwrap_or("the accelerator");
    if let Some(least) = &rule.compute_capability {
        match &accelerator.target {
            Some(Target::ComputeCapability(has)) => {
                if compare(has, least).is_none_or(|order| order.is_lt()) {
                    return Some(format!("{name} has compute capability {has}, and {least} is needed"));
                }
            }
            _ => return Some(format!("compute capability {least} is needed, and that of {name} is unknown")),
        }
    }
    if rule.targets.is_empty() {
        return None;
    }
    match &accelerator.target {
        Some(Target::Gfx(has) | Target::Named(has) | Target::ComputeCapability(has)) => {
            let known = rule.targets.iter().any(|target| target == has);
            (!known).then(|| format!("{name} is {has}, and one of {} is needed", rule.targets.join(", ")))
        }
        None => Some(format!("one of {} is needed, and what {name} is is unknown", rule.targets.join(", "))),
    }
}

/// `b11434` is a build's number, `0.11.0` a version.
fn is_build(since: &str) -> bool {
    since.starts_with('b')
}

/// Versions number by number, whatever letters stand before them; nothing where one of them is no version.
fn compare(a: &str, b: &str) -> Option<std::cmp::Ordering> {
    /// No version has more parts.
    const PARTS: usize = 8;
    fn numbers(text: &str) -> Option<Vec<u64>> {
        let text = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let core = text.split(['-', '+', ' ']).next().unwrap_or(text);
        let mut numbers =
            core.split('.').take(PARTS).map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>()?;
        numbers.resize(PARTS, 0);
        Some(numbers)
    }
    Some(numbers(a)?.cmp(&numbers(b)?))
}
