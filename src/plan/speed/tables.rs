//! The table of constants, and the rules that say which hold.

use std::sync::LazyLock;

use edgeorch_engines::contract::Backend;
use serde::{Deserialize, Serialize};

use super::roofline::Costs;

pub static CONSTANTS: LazyLock<Table> = LazyLock::new(|| read(include_str!("constants.yaml")));

#[expect(clippy::expect_used, reason = "the tables are compiled in, and a test reads them")]
pub fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).expect("the tables are well-formed")
}

/// The age of an engine's build: what a layer costs beside reading it has changed much between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Era {
    /// To the end of 2024.
    Old,
    New,
}

impl Era {
    /// The first build of 2025.
    const NEW: u32 = 4400;

    pub fn of(build: u32) -> Era {
        if build < Era::NEW { Era::Old } else { Era::New }
    }

    pub fn words(self) -> &'static str {
        match self {
            Era::Old => "builds to 2024",
            Era::New => "builds since 2025",
        }
    }
}

/// A kind of hardware within a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Class(String);

impl Class {
    pub fn plain() -> Class {
        Class("plain".to_owned())
    }

    pub fn is_plain(&self) -> bool {
        self.0 == "plain"
    }
}

impl Default for Class {
    fn default() -> Class {
        Class::plain()
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub engines: Vec<KnownEngine>,
    pub classes: Vec<Rule>,
    pub types: Types,
    pub decode: Vec<Constants>,
    /// Of all GPU backends together, for one of which nothing was measured.
    pub pooled: Constants,
    pub prefill: Vec<Share>,
    /// What attention reaches of the rate of the other products, and experts of that of dense layers.
    pub attention: f64,
    pub experts: f64,
    pub speculation: Vec<Published>,
}

/// An engine that computes with the library that the rows were measured with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownEngine {
    pub id: String,
    /// Whether its build numbers are those of the rows.
    #[serde(default)]
    pub builds: bool,
}

/// Types of weights, as files name them, by what unpacking them takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Types {
    /// Three bits and less.
    pub few_bits: Vec<String>,
    /// Scales of scales over 256 weights.
    pub superblocks: Vec<String>,
    /// What a core needs for a weight of neither, as a part of what it needs for others.
    pub plain: f64,
}

/// The first rule that holds gives the class. All keys of one must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub class: Class,
    pub backend: Backend,
    #[serde(default)]
    pub vendor: Option<String>,
    #[serde(default)]
    pub targets: Vec<String>,
    #[serde(default)]
    pub cores: Option<u32>,
    /// The class that this one refines: it stands in where nothing was measured of this one, and for prefill.
    #[serde(default)]
    pub like: Option<Class>,
    /// Of the operating system, as its drivers differ.
    #[serde(default)]
    pub system: Option<String>,
}

/// What the rules ask of a device, and of the system around it.
pub struct Traits<'a> {
    pub vendor: &'a str,
    pub target: &'a str,
    pub cores: u32,
    pub system: Option<&'a str>,
}

impl Rule {
    fn holds(&self, backend: Backend, of: &Traits<'_>) -> bool {
        self.backend == backend
            && self.vendor.as_deref().is_none_or(|name| name == of.vendor)
            && (self.targets.is_empty() || self.targets.iter().any(|name| name == of.target))
            && self.cores.is_none_or(|least| of.cores >= least)
            && self.system.as_deref().is_none_or(|name| of.system == Some(name))
    }
}

impl Table {
    pub fn class(&self, backend: Backend, of: &Traits<'_>) -> Class {
        let rule = self.classes.iter().find(|rule| rule.holds(backend, of));
        rule.map_or_else(Class::plain, |rule| rule.class.clone())
    }

    pub fn like(&self, backend: Backend, class: &Class) -> Option<&Class> {
        self.classes.iter().find(|rule| rule.backend == backend && rule.class == *class)?.like.as_ref()
    }

    /// The class that all refinements lead to.
    pub fn coarse<'a>(&'a self, backend: Backend, class: &'a Class) -> &'a Class {
        let like = self.like(backend, class).filter(|like| *like != class);
        like.map_or(class, |like| self.coarse(backend, like))
    }
}

/// What [`fit`](super::fit) found for one backend, class and era.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    #[serde(default)]
    pub backend: Option<Backend>,
    #[serde(default)]
    pub class: Class,
    #[serde(default)]
    pub era: Option<Era>,
    /// Seconds for what the nominal bandwidth would read in one: weights, and rows of the context.
    pub stream: f64,
    /// The same, on top, of weights of few bits.
    pub few_bits: f64,
    pub cache: f64,
    /// Microseconds that an operation costs whatever its size.
    pub step_us: f64,
    /// Nanoseconds of one core per weight; only processors.
    #[serde(default)]
    pub weight_ns: f64,
    /// The factor up and down of the band, from hardware families that the fit had not seen.
    pub spread: f64,
    pub rows: u32,
    pub families: u32,
}

/// Whether a figure is the other one, rounded.
pub fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 0.01 * a.abs().max(b.abs()).max(0.02)
}

impl Constants {
    pub fn costs(&self) -> Costs {
        [self.stream, self.few_bits, self.cache, self.step_us, self.weight_ns]
    }

    pub fn is_near(&self, other: &Constants) -> bool {
        let key = |c: &Constants| (c.backend, c.class.clone(), c.era, c.rows, c.families);
        let figures = |c: &Constants| [c.stream, c.few_bits, c.cache, c.step_us, c.weight_ns, c.spread];
        key(self) == key(other) && figures(self).iter().zip(figures(other)).all(|(a, b)| near(*a, b))
    }

    /// As the table writes it.
    pub fn line(&self) -> String {
        let key = match (self.backend, self.era) {
            (Some(backend), Some(era)) => {
                let era = if era == Era::Old { "old" } else { "new" };
                format!("backend: {}, class: {}, era: {era}, ", backend.name(), self.class)
            }
            _ => String::new(),
        };
        let weight = match self.weight_ns {
            0.0 => String::new(),
            weight => format!("weight_ns: {weight:.4}, "),
        };
        format!(
            "{{{key}stream: {:.3}, few_bits: {:.3}, cache: {:.3}, step_us: {:.3}, {weight}spread: {:.3}, rows: {}, families: {}}}",
            self.stream, self.few_bits, self.cache, self.step_us, self.spread, self.rows, self.families
        )
    }
}

impl Share {
    pub fn is_near(&self, other: &Share) -> bool {
        let key = |s: &Share| (s.backend, s.class.clone(), s.of, s.target.clone(), s.rows, s.families);
        key(self) == key(other) && near(self.share, other.share) && near(self.spread, other.spread)
    }

    /// As the table writes it.
    pub fn line(&self) -> String {
        let of = match self.of {
            Peak::Shader => "shader",
            Peak::Tensor => "tensor",
            Peak::Core => "core",
        };
        let target = self.target.as_ref().map_or(String::new(), |target| format!("target: \"{target}\", "));
        format!(
            "{{backend: {}, class: {}, of: {of}, {target}share: {:.4}, spread: {:.3}, rows: {}, families: {}}}",
            self.backend.name(),
            self.class,
            self.share,
            self.spread,
            self.rows,
            self.families
        )
    }
}

/// What prefill reaches of a peak.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    pub backend: Backend,
    #[serde(default)]
    pub class: Class,
    pub of: Peak,
    /// With [`Peak::Core`], the architecture that it holds for.
    #[serde(default)]
    pub target: Option<String>,
    pub share: f64,
    pub spread: f64,
    pub rows: u32,
    pub families: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peak {
    /// The shader units' FP16 rate.
    Shader,
    /// The matrix units', where the table knows no other.
    Tensor,
    /// A core: the share is in TFLOPS of one.
    Core,
}

/// A published gain of guessing ahead.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    pub method: edgeorch_engines::contract::SpeculationMethod,
    /// Probability that a guessed token is taken: low, middle, high.
    #[serde(default)]
    pub acceptance: Option<[f64; 3]>,
    /// Measured speed-ups where no acceptance was published.
    #[serde(default)]
    pub speedup: Option<[f64; 3]>,
    pub source: String,
}
