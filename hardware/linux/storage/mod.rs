//! The device and file system below a folder.
//!
//! The folder need not exist yet: the nearest one above it that does says where it will lie. Its mount tells the file system,
//! and that file system where the bottom is: on a block device, in a pool of them, in memory, at another machine, or below
//! layers that a container can't see through.

mod bottom;
mod class;
mod pool;
mod room;

use edgeorch_engines::contract::host::Storage;

use super::mounts::{self, Mount};
use crate::Root;
use crate::findings::Findings;
use edgeorch_engines::chain;

const MOUNTINFO: &str = "/proc/self/mountinfo";

pub fn probe(root: &Root, folder: &str, findings: &mut Findings) -> Storage {
    let mut storage = Storage { path: Some(folder.to_owned()), ..Storage::default() };
    let there = nearest(root, folder);
    if there == folder {
        findings.known("storage.path", "where models are kept");
    } else {
        let source =
            format!("where models will be kept; it is not there yet, and {there} above it was looked at");
        findings.known("storage.path", source);
    }
    room::fill(&mut storage, room::ask(root, &there), findings);

    let place = root.real_path(&there).unwrap_or(there);
    let mount = match mounts::read(root) {
        Ok(mounts) => mounts::holding(&mounts, &place)
            .cloned()
            .ok_or("it lists no mount that holds the folder".to_owned()),
        Err(error) => Err(chain(&error)),
    };
    match mount {
        Ok(mount) => describe(root, &mount, &mut storage, findings),
        Err(reason) => {
            for field in ["mount", "filesystem", "read_only", "device", "model", "kind"] {
                findings.unknown(format!("storage.{field}"), format_args!("{MOUNTINFO}: {reason}"));
            }
        }
    }
    storage
}

/// The folder itself, or the nearest one above it that exists.
fn nearest(root: &Root, folder: &str) -> String {
    let mut path = folder.trim_end_matches('/');
    while !path.is_empty() && !root.exists(path) {
        path = path.rsplit_once('/').map_or("", |(above, _)| above);
    }
    if path.is_empty() { "/".to_owned() } else { path.to_owned() }
}

fn describe(root: &Root, mount: &Mount, storage: &mut Storage, findings: &mut Findings) {
    for field in ["storage.mount", "storage.filesystem", "storage.read_only"] {
        findings.known(field, MOUNTINFO);
    }
    storage.mount = Some(mount.point.clone());
    storage.filesystem = Some(mount.filesystem.clone());
    storage.read_only = Some(mount.options.iter().any(|option| option == "ro"));
    let bottom = bottom::of(root, mount);
    storage.kind = findings.learn("storage.kind", &bottom.source, bottom.kind);
    match bottom.device {
        Ok(Some(device)) => {
            findings.known("storage.device", &bottom.source);
            storage.model = model(root, &device, findings);
            storage.device = Some(device);
        }
        Ok(None) => {
            findings.none("storage.device", &bottom.source);
            findings.none("storage.model", &bottom.source);
        }
        Err(error) => {
            let (reason, remedy) = (chain(&error), error.remedy());
            for field in ["storage.device", "storage.model"] {
                match remedy {
                    Some(remedy) => findings.unknown_but(field, &reason, remedy),
                    None => findings.unknown(field, &reason),
                }
            }
        }
    }
}

/// What each disk calls itself; disks of one name are named once.
fn model(root: &Root, device: &str, findings: &mut Findings) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for disk in device.split('+') {
        // NVMe, SATA and SCSI disks have a model, memory cards and eMMC a name.
        let read = |file: &str| root.read(&format!("sys/class/block/{disk}/device/{file}")).ok();
        let told =
            read("model").or_else(|| read("name")).and_then(|text| crate::findings::printable(&text).ok());
        if let Some(name) = told.filter(|name| !names.contains(name)) {
            names.push(name);
        }
    }
    let source = "/sys/class/block/*/device: model or name";
    if names.is_empty() {
        findings.none("storage.model", format_args!("{source}: the device gives none"));
        return None;
    }
    findings.known("storage.model", source);
    Some(names.join(" + "))
}

#[cfg(test)]
mod tests;
