//! The choice: each subject with each engine, cache type and placement; what the profile allows is kept, and ranked by
//! how long a usual request takes.
//!
//! Of one model the first type of the ladder is taken that fits and is fast enough. Among models a better grade goes
//! before a faster answer, as long as answers come at reading speed; within a grade the shorter turn wins.

mod rank;
mod wishes;

use std::collections::BTreeSet;

use edgeorch_engines::{Ask, Bytes, Engine, Host, KvType};
use serde::Serialize;

use super::allowance::{Allowances, Short};
use super::decide::{Plan, Verdict, decide};
use super::demands::Demands;
use super::holdings::Holdings;
use super::memory::Sum;
use super::placements::Site;
use super::speed::{self, Projection};
use super::subject::Subject;
use rank::{Pace, rank};

/// What is to be decided.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub ask: &'a Ask,
    pub engines: &'a [&'static dyn Engine],
    pub demands: &'a Demands,
    pub host: &'a Host,
    pub allowances: &'a Allowances,
    /// What is known of the repositories that subjects are had from.
    pub holdings: &'a Holdings,
}

/// A subject, served in the best way that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Choice {
    pub subject: Subject,
    pub plan: Plan,
    pub speed: Speed,
}

/// How fast it is expected to be, or why that can't be told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Speed {
    Known(Box<Projection>),
    Unknown { unknown: String },
}

/// A subject that was not taken.
#[derive(Clone, Debug, Serialize)]
pub struct Rejected {
    pub title: String,
    pub source: Option<String>,
    pub kind: Rejection,
    /// What it needs, or at least needs.
    pub total: Option<Bytes>,
    /// Of one usual request, in milliseconds.
    pub turn_ms: Option<f64>,
    pub reason: String,
    /// Other candidates that the very same thing stands in the way of.
    pub more: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// It would have been taken, and its repository does not have it.
    Absent,
    /// It would do, and another is better.
    Outranked,
    /// It fits and is too slow.
    Slow,
    TooBig,
    /// Whether it fits can't be told.
    Unknown,
    /// No engine here runs it.
    Engine,
    /// The profile forbids it.
    Policy,
}

#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// The best that fits; where nothing does, what comes nearest, with the verdict in its plan.
    pub best: Option<Choice>,
    /// The best of the others, at most [`SHOWN`].
    pub rejected: Vec<Rejected>,
    pub considered: usize,
}

/// Rejected subjects that are shown.
pub const SHOWN: usize = 5;

impl Question<'_> {
    /// Decides among subjects. Those of one model stand together, best type first.
    pub fn decide(&self, subjects: impl IntoIterator<Item = Subject>) -> Decision {
        let Sifted { fitting, absent, mut unfit, considered } = self.sift(subjects);
        let mut fitting = fitting.into_iter();
        let chosen = fitting.next();
        // First what would have been better, had it been there.
        let mut rejected: Vec<Rejected> =
            absent.into_iter().map(|(subject, obstacle)| obstacle.rejected(&subject)).collect();
        rejected.extend(fitting.map(|(subject, found)| self.outranked(subject, &found)));
        // The smallest shortage first: that is what comes nearest.
        unfit.sort_by_key(|(_, obstacle)| (obstacle.kind, obstacle.short));
        let nearest = match &chosen {
            Some(_) => None,
            None => {
                unfit.iter().position(|(_, obstacle)| obstacle.ask.is_some()).map(|index| unfit.remove(index))
            }
        };
        rejected.extend(told_once(unfit));
        rejected.truncate(SHOWN);
        let best = match (chosen, nearest) {
            (Some((subject, found)), _) => Some(self.settle(subject, &found.ask, found.engine, found.speed)),
            (None, Some((subject, Obstacle { ask: Some(way), .. }))) => {
                let (ask, engine) = *way;
                let speed = self.project(&subject, &ask, engine);
                Some(self.settle(subject, &ask, engine, speed))
            }
            (None, _) => None,
        };
        Decision { best, rejected, considered }
    }

    /// Those that fit, best first, and what stands in the way of the others.
    fn sift(&self, subjects: impl IntoIterator<Item = Subject>) -> Sifted {
        let (mut fitting, mut absent, mut unfit, mut considered) = (Vec::new(), Vec::new(), Vec::new(), 0);
        // Of the model that is looked at now: what fits and is too slow.
        let mut settled: Option<String> = None;
        let mut told = BTreeSet::new();
        for subject in subjects {
            considered += 1;
            if settled.as_ref() == Some(&subject.name) {
                continue;
            }
            match self.evaluate(&subject) {
                Ok(found) => {
                    if found.pace(self.demands) == Pace::Enough {
                        settled = Some(subject.name.clone());
                    }
                    fitting.push((subject, found));
                }
                // One reason names all that a repository has.
                Err(obstacle) if obstacle.kind == Rejection::Absent => {
                    let repository = subject.place().map(|(repository, _)| repository.to_owned());
                    if told.insert((subject.name.clone(), repository)) {
                        absent.push((subject, obstacle));
                    }
                }
                Err(obstacle) => unfit.push((subject, obstacle)),
            }
        }
        fitting.sort_by(|a, b| rank(a, self.demands).total_cmp(&rank(b, self.demands)));
        Sifted { fitting, absent, unfit, considered }
    }

    /// Those that fit, best first.
    pub(super) fn fitting(&self, subjects: impl IntoIterator<Item = Subject>) -> Vec<(Subject, Found)> {
        self.sift(subjects).fitting
    }

    fn settle(&self, subject: Subject, ask: &Ask, engine: &'static dyn Engine, speed: Speed) -> Choice {
        let plan = decide(&subject.model, ask, engine, self.host, self.allowances.clone(), None);
        Choice { subject, plan, speed }
    }

    /// The best way to serve one subject, or what stands in the way of all.
    pub(super) fn evaluate(&self, subject: &Subject) -> Result<Found, Obstacle> {
        if let Some(reason) = self.forbidden(subject) {
            return Err(Obstacle::plain(Rejection::Policy, reason));
        }
        let mut best: Option<Found> = None;
        let mut worst: Option<Obstacle> = None;
        let mut hinder = |obstacle: Obstacle| {
            if worst.as_ref().is_none_or(|known| (obstacle.kind, obstacle.short) < (known.kind, known.short))
            {
                worst = Some(obstacle);
            }
        };
        for engine in self.engines.iter().copied() {
            let site = Site {
                engine,
                host: self.host,
                allowances: self.allowances,
                backends: self.demands.backends.as_deref(),
            };
            for (key_type, value_type) in self.caches() {
                let cached = Ask { key_type, value_type, ..self.ask.clone() };
                let found = best.is_some();
                for placement in site.placements(&subject.model, &cached) {
                    let backend = Site::backend_of(&placement);
                    let ask = Ask { placement, ..cached.clone() };
                    if let Err(obstacle) = engine.manifest().admits(&subject.model, &ask, self.host, backend)
                    {
                        hinder(Obstacle::plain(Rejection::Engine, obstacle.to_string()));
                        continue;
                    }
                    match self.judge(subject, &ask, engine) {
                        Ok(found) => {
                            if best
                                .as_ref()
                                .is_none_or(|known| found.turn(self.demands) < known.turn(self.demands))
                            {
                                best = Some(found);
                            }
                        }
                        Err(obstacle) => hinder(obstacle),
                    }
                }
                // A smaller cache costs quality: it is looked at only where the larger one fits nowhere.
                if best.is_some() && !found {
                    break;
                }
            }
        }
        let found = best.ok_or_else(|| {
            worst.unwrap_or_else(|| {
                Obstacle::plain(Rejection::Engine, "no engine may serve it on this machine".to_owned())
            })
        })?;
        // Last: of what would not do anyway it doesn't matter whether it is there.
        match self.holdings.absence(subject) {
            Some(reason) => {
                Err(Obstacle { total: Some(found.total), ..Obstacle::plain(Rejection::Absent, reason) })
            }
            None => Ok(found),
        }
    }

    fn judge(&self, subject: &Subject, ask: &Ask, engine: &'static dyn Engine) -> Result<Found, Obstacle> {
        let sum = Sum::of(&subject.model, ask, engine, self.host);
        let judged = self.allowances.judge(&sum.usage());
        let at_least = sum.at_least();
        match (sum.total(), judged) {
            (Some(_), Ok(_)) => {
                let speed = self.project(subject, ask, engine);
                Ok(Found { ask: ask.clone(), engine, speed, total: at_least })
            }
            (_, Err(short)) => Err(Obstacle::too_big(at_least, short, ask, engine)),
            (None, Ok(_)) => Err(Obstacle {
                kind: Rejection::Unknown,
                reason: "what it needs can't be told".to_owned(),
                short: Bytes::ZERO,
                total: Some(at_least),
                ask: Some(Box::new((ask.clone(), engine))),
            }),
        }
    }

    fn project(&self, subject: &Subject, ask: &Ask, engine: &dyn Engine) -> Speed {
        let id = &engine.manifest().id;
        match speed::project(&subject.model, ask, id, self.host, &self.demands.workload) {
            Ok(projection) => Speed::Known(Box::new(projection)),
            Err(unknown) => Speed::Unknown { unknown: unknown.to_string() },
        }
    }

    /// Types of the cache, best first.
    fn caches(&self) -> Vec<(KvType, KvType)> {
        match self.demands.cache {
            Some(types) => vec![types],
            None => vec![(KvType::F16, KvType::F16), (KvType::Q8_0, KvType::Q8_0)],
        }
    }

    fn outranked(&self, subject: Subject, found: &Found) -> Rejected {
        let slow = found.pace(self.demands) == Pace::Slow;
        let reason = match (&found.speed, slow) {
            (Speed::Unknown { unknown }, _) => format!("it fits; how fast it would be is unknown: {unknown}"),
            (Speed::Known(speed), true) => format!(
                "{:.1} tokens/s are expected, and {:.1} are asked for",
                speed.decode.p50,
                self.demands.least_decode()
            ),
            (Speed::Known(_), false) => match &subject.grade {
                Some(grade) => format!("it fits; grade {} by {}", grade.words(), grade.benchmark),
                None => "it fits; nobody graded it for this task".to_owned(),
            },
        };
        Rejected {
            title: subject.title(),
            source: subject.source,
            kind: if slow { Rejection::Slow } else { Rejection::Outranked },
            total: Some(found.total),
            turn_ms: found.known().and_then(|speed| speed.turn_ms).map(|turn| turn.p50),
            reason,
            more: 0,
        }
    }
}

/// What stands in the way of several candidates is told of the first.
fn told_once(unfit: Vec<(Subject, Obstacle)>) -> Vec<Rejected> {
    let mut told: Vec<Rejected> = Vec::new();
    for (subject, obstacle) in unfit {
        let same = |one: &&mut Rejected| one.kind == obstacle.kind && one.reason == obstacle.reason;
        match told.iter_mut().find(same) {
            Some(one) => one.more += 1,
            None => told.push(obstacle.rejected(&subject)),
        }
    }
    told
}

struct Sifted {
    fitting: Vec<(Subject, Found)>,
    absent: Vec<(Subject, Obstacle)>,
    unfit: Vec<(Subject, Obstacle)>,
    considered: usize,
}

/// A way that fits.
pub(super) struct Found {
    ask: Ask,
    engine: &'static dyn Engine,
    pub(super) speed: Speed,
    pub(super) total: Bytes,
}

impl Found {
    fn known(&self) -> Option<&Projection> {
        match &self.speed {
            Speed::Known(speed) => Some(speed),
            Speed::Unknown { .. } => None,
        }
    }

    /// Milliseconds of a usual request; only of its answer where the prompt's time is unknown, as it is then for all
    /// candidates on the same device. Unknown speed goes last, and does not rule out.
    fn turn(&self, demands: &Demands) -> f64 {
        let answer = |speed: &Projection| speed.tpot_ms.p50 * demands.workload.output.max(1) as f64;
        self.known()
            .map_or(f64::INFINITY, |speed| speed.turn_ms.map_or_else(|| answer(speed), |turn| turn.p50))
    }
}

/// What stands in a subject's way.
pub(super) struct Obstacle {
    kind: Rejection,
    reason: String,
    /// How much is missing, where memory is.
    short: Bytes,
    total: Option<Bytes>,
    /// The way that came nearest.
    ask: Option<Box<(Ask, &'static dyn Engine)>>,
}

impl Obstacle {
    fn plain(kind: Rejection, reason: String) -> Obstacle {
        Obstacle { kind, reason, short: Bytes::ZERO, total: None, ask: None }
    }

    fn too_big(total: Bytes, short: Short, ask: &Ask, engine: &'static dyn Engine) -> Obstacle {
        Obstacle {
            kind: Rejection::TooBig,
            reason: format!("it needs {total}, {} more than there is", short.bytes),
            short: short.bytes,
            total: Some(total),
            ask: Some(Box::new((ask.clone(), engine))),
        }
    }

    fn rejected(self, subject: &Subject) -> Rejected {
        Rejected {
            title: subject.title(),
            source: subject.source.clone(),
            kind: self.kind,
            total: self.total,
            turn_ms: None,
            reason: self.reason,
            more: 0,
        }
    }
}

impl Decision {
    /// In a few words: whether there is a way, what it takes and how fast it is.
    pub fn verdict(&self) -> String {
        let Some(best) = &self.best else {
            let first = self.rejected.first();
            return first.map_or("no form of it is known".to_owned(), |first| first.reason.clone());
        };
        match &best.plan.verdict {
            Verdict::Fits { total, .. } => {
                let mut words = format!("{} would fit with {total}", best.subject.title());
                if best.plan.ask.placement.on_host() && best.plan.allowances.has_devices() {
                    words += ", by the processor alone";
                }
                if let Speed::Known(speed) = &best.speed {
                    words += &format!(", {:.1} tokens/s expected", speed.decode.p50);
                }
                words
            }
            Verdict::DoesNotFit { total, short, .. } => format!("needs {total}, {short} more than there is"),
            Verdict::Unknown { reason, .. } => format!("unknown: {reason}"),
        }
    }

    /// The plan, where one stands and fits.
    pub fn fits(&self) -> bool {
        self.best.as_ref().is_some_and(|best| matches!(best.plan.verdict, Verdict::Fits { .. }))
    }

    /// Why nothing was chosen, where the profile's own wishes ruled everything out.
    pub fn refused(&self) -> Option<&str> {
        let first = self.rejected.first().filter(|_| self.best.is_none())?;
        let all = self.rejected.iter().all(|one| one.kind == Rejection::Policy);
        all.then_some(first.reason.as_str())
    }
}

#[cfg(test)]
mod tests;
