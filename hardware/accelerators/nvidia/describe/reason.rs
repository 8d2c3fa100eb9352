//! Why NVIDIA's interfaces say nothing of a GPU, and what helps.

use super::super::report::LOST;
use super::super::roll::Known;
use super::super::silence::{INSTALL, LOOK, RESTART, Silence};
use super::super::{OURS, Teller};

/// Why the interfaces that would know say nothing of this GPU, and what helps.
pub struct Reason {
    pub why: String,
    pub remedy: &'static str,
}

pub fn why_silent(known: &Known, silence: Option<&Silence>) -> Option<Reason> {
    if let Some(lost) = known.tellers.iter().find_map(|teller| teller.gpu.lost.as_ref()) {
        let remedy = if lost == LOST { RESTART } else { LOOK };
        return Some(Reason { why: format!("the driver can't reach it: {lost}"), remedy });
    }
    if known.tellers.iter().any(Teller::is_driver) {
        return None;
    }
    let by_silence = |silence: &Silence| Reason { why: silence.to_string(), remedy: silence.remedy() };
    let Some(function) = known.function else { return silence.map(by_silence) };
    Some(match (function.driver.as_deref(), silence) {
        (None, _) => Reason { why: "no driver serves it".to_owned(), remedy: INSTALL },
        (Some(driver), Some(silence)) if OURS.contains(&driver) => by_silence(silence),
        (Some(driver), None) if OURS.contains(&driver) => {
            Reason { why: "NVIDIA's driver does not list it".to_owned(), remedy: RESTART }
        }
        (Some("vfio-pci"), _) => Reason {
            why: "it is set aside for virtual machines (vfio-pci)".to_owned(),
            remedy: "give it back to NVIDIA's driver, or run edgeorch in the virtual machine that has it",
        },
        (Some(driver), _) => Reason {
            why: format!("the kernel's driver {driver} serves it, with which CUDA can't compute"),
            remedy: INSTALL,
        },
    })
}
