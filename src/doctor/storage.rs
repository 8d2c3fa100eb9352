//! Room for models, and how fast they load.

use edgeorch_engines::contract::host::StorageKind;
use edgeorch_engines::{Bytes, Host};

use super::{Finding, Need, Severity};

/// A small model with its download beside it.
const LITTLE: Bytes = Bytes::gib(5);

pub fn check(host: &Host, _: Option<Need>) -> Vec<Finding> {
    let storage = &host.storage;
    let place = storage.path.as_deref().unwrap_or("the models' folder");
    let mut findings = Vec::new();
    if storage.read_only == Some(true) {
        findings.push(Finding::new(
            Severity::Problem,
            "storage-read-only",
            format!("{place} lies on a file system that is mounted read-only"),
            "Mount it for writing, or set EDGEORCH_HOME to a place that can be written.",
        ));
    }
    if let Some(free) = storage.free.filter(|free| *free < LITTLE) {
        findings.push(Finding::new(
            Severity::Warning,
            "disk-low",
            format!("{free} are left where models are kept ({place})"),
            "Remove models that nobody needs (`edgeorch models ls`, `edgeorch models rm`), or set EDGEORCH_HOME to a \
             larger disk.",
        ));
    }
    if let (Some(free), Some(total)) = (storage.inodes_free, storage.inodes_total)
        && free < total / 100
    {
        findings.push(Finding::new(
            Severity::Warning,
            "inodes-low",
            format!("the file system of {place} can hold only {free} more files"),
            "Remove small files that nobody needs from it.",
        ));
    }
    findings.extend(storage.kind.and_then(|kind| slow(kind, place)));
    findings
}

fn slow(kind: StorageKind, place: &str) -> Option<Finding> {
    let (id, what, remedy) = match kind {
        StorageKind::Memory => (
            "models-in-memory",
            format!(
                "{place} lies in memory: models kept there take the memory that they run in, and go when it restarts"
            ),
            "Set EDGEORCH_HOME to a disk.",
        ),
        StorageKind::Overlay => (
            "models-in-container",
            format!("{place} lies in a container's own layer: models go with the container"),
            "Mount a volume there.",
        ),
        StorageKind::Hdd | StorageKind::Sd | StorageKind::Network => (
            "storage-slow",
            format!("{place} lies on slow storage: models take long to load"),
            "Keep models on an SSD of this machine.",
        ),
        StorageKind::Nvme | StorageKind::Ssd | StorageKind::Emmc | StorageKind::Virtual => return None,
    };
    Some(Finding::new(Severity::Hint, id, what, remedy))
}
