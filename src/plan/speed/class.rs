//! Which constants hold for a device: those of its backend, of its kind of hardware where that makes a difference, and of
//! the age of the engine's build. The rules are in `constants.yaml`.

use edgeorch_engines::contract::Backend;
use edgeorch_engines::contract::host::{Accelerator, OsFamily, Target, Vendor};

use super::tables::{self, Class, Constants, Era, Traits};

/// The engine, as far as constants depend on it.
pub struct Setting {
    pub era: Era,
    /// Whether the build was told, or the newest assumed.
    pub told: bool,
    /// Whether the rows were measured with this engine or one that computes with the same library.
    pub measured: bool,
}

impl Setting {
    /// Of `ID` or `ID BUILD`, where the build is a number, with or without a `b` before it.
    pub fn of(engine: &str) -> Setting {
        let mut words = engine.split_whitespace();
        let id = words.next().unwrap_or_default();
        let build = words.next().and_then(|word| word.trim_start_matches('b').parse::<u32>().ok());
        let known = tables::CONSTANTS.engines.iter().find(|known| known.id == id);
        let builds = known.is_some_and(|known| known.builds);
        let build = build.filter(|_| builds);
        Setting { era: build.map_or(Era::New, Era::of), told: build.is_some(), measured: known.is_some() }
    }
}

/// The kind of a device, in the sense of the rules.
pub fn class(backend: Backend, accelerator: &Accelerator, system: OsFamily) -> Class {
    let target = match &accelerator.target {
        Some(Target::ComputeCapability(text) | Target::Gfx(text) | Target::Named(text)) => text.as_str(),
        None => "",
    };
    let (vendor, cores) = (vendor(accelerator.vendor), accelerator.cores.unwrap_or(0));
    let system = Some(system.name());
    tables::CONSTANTS.class(backend, &Traits { vendor, target, cores, system })
}

/// As the rules write it.
fn vendor(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Nvidia => "nvidia",
        Vendor::Amd => "amd",
        Vendor::Intel => "intel",
        Vendor::Apple => "apple",
        _ => "other",
    }
}

/// What was fitted for this backend, class and era, or the nearest that was.
pub struct Found {
    pub constants: &'static Constants,
    /// How much wider the band is, because these are not quite the right ones.
    pub widen: f64,
    pub words: String,
}

/// Bands are this much wider where constants are borrowed: from the same backend, and from all backends together.
pub const BORROWED: [f64; 2] = [1.5, 2.0];

pub fn constants(backend: Backend, class: &Class, era: Era) -> Found {
    let all = &tables::CONSTANTS.decode;
    let group = Group::new(backend, class.clone(), era);
    let of = |c: &Constants| Some(Group::new(c.backend?, c.class.clone(), c.era?));
    let keys: Vec<Group> = all.iter().filter_map(of).collect();
    let nearest = group.nearest(&keys);
    let found = nearest.and_then(|nearest| all.iter().find(|c| of(c).as_ref() == Some(nearest)));
    let Some(constants) = found else {
        let words =
            format!("no measurement with {}: constants over all GPU backends, band widened", backend.name());
        return Found { constants: &tables::CONSTANTS.pooled, widen: BORROWED[1], words };
    };
    if nearest != Some(&group) {
        let words = format!(
            "no measurement with {} on such hardware and {}: constants of the same backend, band widened",
            backend.name(),
            era.words()
        );
        return Found { constants, widen: BORROWED[0], words };
    }
    let words = format!(
        "decode constants of {} measurements on {} hardware families ({}, {})",
        constants.rows,
        constants.families,
        backend.name(),
        era.words()
    );
    Found { constants, widen: 1.0, words }
}

/// What has constants of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    pub backend: Backend,
    pub class: Class,
    pub era: Era,
}

impl Group {
    /// Processors launch nothing: the age of a build makes no group of its own.
    pub fn new(backend: Backend, class: Class, era: Era) -> Group {
        let era = if backend == Backend::Cpu { Era::New } else { era };
        Group { backend, class, era }
    }

    /// The one of these whose constants are taken for this one: itself, its kind of hardware in the other era, the kind
    /// that it is said to be like, plain hardware, anything else of the backend.
    pub fn nearest<'a>(&self, keys: &'a [Group]) -> Option<&'a Group> {
        let same = || keys.iter().filter(|key| key.backend == self.backend);
        let like = tables::CONSTANTS.like(self.backend, &self.class);
        same()
            .find(|key| *key == self)
            .or_else(|| same().find(|key| key.class == self.class))
            .or_else(|| same().find(|key| Some(&key.class) == like && key.era == self.era))
            .or_else(|| same().find(|key| key.class.is_plain() && key.era == self.era))
            .or_else(|| same().next())
    }
}
