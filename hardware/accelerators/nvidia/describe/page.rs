//! The device in the making: what is known of it, and what has been found of that so far.

use super::super::Teller;
use super::super::report::{Gpu, Said};
use super::super::roll::Known;
use super::super::silence::Silence;
use super::reason::{Reason, why_silent};
use super::{DEVICE_TREE, SYSFS};
use crate::Root;
use crate::findings::Findings;

pub struct Page<'a> {
    pub root: &'a Root,
    pub known: Known<'a>,
    pub silence: Option<Reason>,
    /// Who tells all that has no entry of its own.
    main_source: String,
    pub findings: Findings,
}

impl<'a> Page<'a> {
    pub fn new(root: &'a Root, known: Known<'a>, silence: Option<&Silence>) -> Page<'a> {
        let silence = why_silent(&known, silence);
        let main_source = match (known.tellers.first(), &silence) {
            (Some(teller), None) => teller.source.clone(),
            _ if known.function.is_some() => SYSFS.to_owned(),
            (Some(teller), Some(_)) => teller.source.clone(),
            (None, _) => DEVICE_TREE.to_owned(),
        };
        Page { root, known, silence, main_source, findings: Findings::default() }
    }

    /// The device as such.
    pub fn opening(&mut self) {
        self.findings.known("", &self.main_source);
        if let Some(Reason { why, remedy }) = &self.silence {
            self.findings.unknown_but("", why, *remedy);
        }
    }

    /// A value with its source, where that is not the one of all.
    pub fn credit(&mut self, field: &str, source: &str) {
        if source != self.main_source {
            self.findings.known(field, source);
        }
    }

    /// The first value, or why there is none.
    pub fn tell<T: Clone>(&mut self, field: &str, of: impl Fn(&Gpu) -> &Said<T>) -> Option<T> {
        let told = self.known.tellers.iter().find_map(|teller| Some((of(&teller.gpu).value()?, teller)));
        if let Some((value, teller)) = told {
            let (value, source) = (value.clone(), teller.source.clone());
            self.credit(field, &source);
            return Some(value);
        }
        let refused =
            self.known.tellers.iter().find_map(|teller| Some((of(&teller.gpu).refusal()?, &teller.source)));
        match refused {
            // One reason for the whole device says more.
            Some(_) if self.silence.is_some() => {}
            Some((words, source)) => self.findings.unknown(field, format_args!("{source} says: {words}")),
            None => self.untold(field),
        }
        None
    }

    /// Nobody has a word on it. That nobody speaks at all is told once, for the whole device.
    pub fn untold(&mut self, field: &str) {
        if self.silence.is_some() {
            return;
        }
        let tellers = &self.known.tellers;
        if self.known.soc.is_some() && !tellers.iter().any(Teller::is_interface) {
            self.findings.unknown(field, "no interface of this board tells it");
            return;
        }
        let sources: Vec<&str> = tellers.iter().map(|teller| teller.source.as_str()).collect();
        self.findings.unknown(field, format_args!("not told by {}", sources.join(", ")));
    }
}
