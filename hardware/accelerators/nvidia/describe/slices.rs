//! The slices of a divided GPU (NVIDIA's multi-instance mode).

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::Slice;

use super::super::report::{Mig, Part, Said};
use super::page::Page;

pub const NONE_MADE: &str = "the GPU is in MIG mode and no slice was made of it: programs can't use it";
pub const MAKE_ONE: &str =
    "as root, nvidia-smi mig -cgi 0 -C makes one slice of it all, and nvidia-smi -mig 0 ends the mode";

pub fn of(page: &mut Page) -> Vec<Slice> {
    let by_mode = page.known.tellers.iter().find(|teller| teller.gpu.mig.value().is_some());
    let Some(teller) = by_mode else {
        page.tell("slices", |gpu| &gpu.mig);
        return Vec::new();
    };
    let source = teller.source.clone();
    if teller.gpu.mig != Said::Value(Mig::On) {
        page.credit("slices", &source);
        return Vec::new();
    }
    let parts = teller.gpu.slices.clone();
    if parts.is_empty() {
        page.findings.unknown_but("slices", NONE_MADE, MAKE_ONE);
        return Vec::new();
    }
    page.credit("slices", &source);
    parts.into_iter().enumerate().map(|(i, part)| slice(page, &source, i, part)).collect()
}

fn slice(page: &mut Page, source: &str, i: usize, part: Part) -> Slice {
    let mut gaps = Gaps { page, source, slice: format!("slices[{i}]") };
    Slice {
        uuid: gaps.take("uuid", part.uuid),
        profile: gaps.take("profile", part.profile),
        memory_total: gaps.take("memory_total", part.memory_total).map(Bytes),
        memory_free: gaps.take("memory_free", part.memory_free).map(Bytes),
        multiprocessors: gaps.take("multiprocessors", part.multiprocessors),
    }
}

/// Gives a reason for each field of a slice that has no value.
struct Gaps<'a, 'b> {
    page: &'a mut Page<'b>,
    source: &'a str,
    slice: String,
}

impl Gaps<'_, '_> {
    fn take<T>(&mut self, field: &str, said: Said<T>) -> Option<T> {
        let field = format!("{}.{field}", self.slice);
        match said {
            Said::Value(value) => return Some(value),
            Said::Refused(words) => {
                self.page.findings.unknown(field, format_args!("{} says: {words}", self.source));
            }
            Said::Nothing => {
                self.page.findings.unknown_but(
                    field,
                    format_args!("not told by {}", self.source),
                    "nvidia-smi -L lists slices",
                );
            }
        }
        None
    }
}
