//! What the profile's own wishes rule out, whatever this machine could serve: coarse types, and files that its disk budget
//! doesn't hold.

use edgeorch_engines::{Bytes, Fidelity, KvType};

use super::Question;
use crate::plan::quality::{CacheStep, Step, cache_step};
use crate::plan::subject::Subject;

impl Question<'_> {
    /// Why the profile's own wishes rule a subject out.
    pub(super) fn forbidden(&self, subject: &Subject) -> Option<String> {
        if let Some(why) = self.too_coarse(subject) {
            return Some(why);
        }
        let disk = self.demands.disk?;
        let (files, prompts) = (subject.model.file_bytes, self.ask.disk_cache);
        let beside = if prompts > Bytes::ZERO { format!(" and disk_cache {prompts}") } else { String::new() };
        (files + prompts > disk).then(|| format!("its files take {files}{beside}, and budget.disk is {disk}"))
    }

    fn too_coarse(&self, subject: &Subject) -> Option<String> {
        let name = self.demands.fidelity.name();
        let least = floor(self.demands.fidelity);
        let bits = subject.bits();
        if self.demands.fidelity == Fidelity::High && !Step::is_high_fidelity(bits) {
            let has =
                bits.map_or("of an unknown number of bits".to_owned(), |bits| format!("of {bits} bits"));
            return Some(format!("fidelity: {name} takes weights of 8 bits or more, and these are {has}"));
        }
        if let Some(bits) = bits.filter(|bits| *bits < least) {
            return Some(format!(
                "fidelity: {name} takes weights of {least} bits or more, and these are of {bits}"
            ));
        }
        let (key, value) = self.demands.cache.filter(|_| self.demands.fidelity == Fidelity::High)?;
        let coarse = |kind: KvType| !cache_step(kind.name()).is_some_and(CacheStep::is_high_fidelity);
        (coarse(key) || coarse(value)).then(|| {
            format!(
                "fidelity: {name} takes a cache of 8 bits or more whose loss is known (q8_0, fp8, or 16 bits), and kv_cache is {{key: {}, value: {}}}",
                key.name(),
                value.name()
            )
        })
    }
}

/// The least bits of weights that a fidelity takes.
fn floor(fidelity: Fidelity) -> f64 {
    match fidelity {
        Fidelity::Fast => 3.0,
        Fidelity::Balanced => 4.0,
        Fidelity::High => 8.0,
    }
}
