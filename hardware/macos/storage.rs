//! The file system and the disk below a folder.

use edgeorch_engines::contract::host::{Storage, StorageKind};

use super::mounts::{self, Mount, Room, RoomError};
use super::profiler::{self, Entry, ProfilerError};
use super::sysctl::{self, Sysctl};
use super::together;
use crate::findings::Findings;
use crate::root::{Root, RunError};
use edgeorch_engines::chain;

/// Everything below `storage` but the measured speed.
pub fn probe(root: &Root, folder: &str, findings: &mut Findings) -> Storage {
    let [mounted, room, volumes, disks, guest] =
        together(root, [&mounts::MOUNT, &mounts::DF, &profiler::STORAGE, &profiler::NVME, &sysctl::GUEST]);
    findings.known("storage.path", "the folder that was asked about");
    let mut storage = Storage { path: Some(folder.to_owned()), ..Storage::default() };
    let real = real(root, folder);
    let firmlinks = root.read(mounts::FIRMLINKS).unwrap_or_default();
    let mounted = mounted.map(|text| mounts::mounts(&text)).map_err(MountError::Run);
    let found =
        mounted.and_then(|list| mounts::holder(&list, &firmlinks, &real).cloned().ok_or(MountError::Nowhere));
    let mount = match found {
        Ok(mount) => mount,
        Err(error) => {
            let reason = chain(&error);
            for field in FIELDS {
                findings.unknown(format!("storage.{field}"), &reason);
            }
            return storage;
        }
    };
    for field in ["mount", "filesystem", "read_only"] {
        findings.known(format!("storage.{field}"), "mount, /usr/share/firmlinks");
    }
    storage.mount = Some(mount.point.clone());
    storage.filesystem = Some(mount.filesystem.clone());
    storage.read_only = Some(mount.read_only);
    fill_room(&mut storage, room, &mount, findings);
    fill_disk(&mut storage, volumes, disks, &Sysctl::parse(guest), &mount, findings);
    storage
}

const FIELDS: [&str; 10] = [
    "mount",
    "filesystem",
    "device",
    "model",
    "kind",
    "total",
    "free",
    "inodes_total",
    "inodes_free",
    "read_only",
];

/// The folder with its links followed, as far as it exists: `/tmp` is one, to `/private/tmp`.
fn real(root: &Root, folder: &str) -> String {
    let mut known = folder;
    while let Some((above, _)) = known.rsplit_once('/') {
        if let Ok(real) = root.real_path(known) {
            return format!("{}{}", real.trim_end_matches('/'), &folder[known.len()..]);
        }
        known = above;
    }
    folder.to_owned()
}

fn fill_room(storage: &mut Storage, df: Result<String, RunError>, mount: &Mount, findings: &mut Findings) {
    let room = match df.map_err(DfError::from).and_then(|text| Ok(mounts::room(&text, &mount.point)?)) {
        Ok(room) => {
            findings.known("storage.total", "df -k");
            let source = "df -k; files that macOS would purge on demand are not counted as free";
            findings.known("storage.free", source);
            (storage.total, storage.free) = (Some(room.total), Some(room.free));
            Ok(room)
        }
        Err(error) => {
            let reason = chain(&error);
            findings.unknown("storage.total", &reason);
            findings.unknown("storage.free", &reason);
            Err(reason)
        }
    };
    fill_inodes(storage, room, mount, findings);
}

/// Apple's file system makes inodes as it needs them: what `df` prints for it is made of the free bytes, and what it prints
/// for a share is made up by the client.
fn fill_inodes(storage: &mut Storage, room: Result<Room, String>, mount: &Mount, findings: &mut Findings) {
    const FIELDS: [&str; 2] = ["storage.inodes_total", "storage.inodes_free"];
    let mut unknown = |reason: &str| FIELDS.iter().for_each(|field| findings.unknown(*field, reason));
    match room {
        _ if mount.filesystem == "apfs" => {
            for field in FIELDS {
                findings.none(field, "apfs: it has no fixed number of inodes");
            }
        }
        _ if !mount.local => unknown("macOS does not ask the other machine for its inodes"),
        Ok(room) => match room.inodes_used.checked_add(room.inodes_free) {
            Some(total) => {
                for field in FIELDS {
                    findings.known(field, "df -i");
                }
                (storage.inodes_total, storage.inodes_free) = (Some(total), Some(room.inodes_free));
            }
            None => unknown("df's numbers of inodes are too large"),
        },
        Err(reason) => unknown(&reason),
    }
}

fn fill_disk(
    storage: &mut Storage,
    volumes: Result<String, RunError>,
    disks: Result<String, RunError>,
    guest: &Sysctl,
    mount: &Mount,
    findings: &mut Findings,
) {
    if !mount.local {
        findings.known("storage.kind", "mount: the file system is not local");
        for field in ["device", "model"] {
            findings.none(format!("storage.{field}"), "the file system is another machine's");
        }
        storage.kind = Some(StorageKind::Network);
        return;
    }
    let disk = match profiler::entries(&profiler::STORAGE, volumes).and_then(|volumes| {
        Disk::of(&volumes, &profiler::entries(&profiler::NVME, disks).unwrap_or_default(), mount)
    }) {
        Ok(disk) => disk,
        Err(error) => {
            let reason = chain(&error);
            for field in ["device", "model", "kind"] {
                findings.unknown_but(format!("storage.{field}"), &reason, "diskutil info /");
            }
            return;
        }
    };
    const SOURCE: &str = "system_profiler SPStorageDataType, SPNVMeDataType";
    for (field, known) in [("device", disk.device.is_some()), ("model", disk.model.is_some())] {
        match known {
            true => findings.known(format!("storage.{field}"), SOURCE),
            false => findings.unknown(format!("storage.{field}"), "system_profiler does not say"),
        }
    }
    (storage.device, storage.model) = (disk.device, disk.model);
    storage.kind = match (disk.kind, guest.is_guest()) {
        // A guest's disk says that it is NVMe or SATA, and is a file.
        (_, Ok(true)) => {
            findings.known("storage.kind", "sysctl kern.hv_vmm_present: a virtual machine's disk");
            Some(StorageKind::Virtual)
        }
        (Some(kind), _) => {
            findings.known("storage.kind", SOURCE);
            Some(kind)
        }
        (None, _) => {
            findings
                .unknown("storage.kind", "system_profiler gives no protocol and medium that tell the kind");
            None
        }
    };
}

/// The drive below a volume.
#[derive(Debug, PartialEq)]
struct Disk {
    device: Option<String>,
    model: Option<String>,
    kind: Option<StorageKind>,
}

impl Disk {
    fn of(volumes: &[Entry], controllers: &[Entry], mount: &Mount) -> Result<Disk, ProfilerError> {
        let at = |entry: &&Entry| entry.text("mount_point").as_deref() == Some(&mount.point);
        let volume = volumes.iter().find(at).ok_or(ProfilerError::NoReport("this volume"))?;
        let drive = volume.part("physical_drive").unwrap_or_default();
        let model = drive.text("device_name");
        let nvme: Vec<Entry> = controllers.iter().flat_map(|controller| controller.parts("_items")).collect();
        // APFS volumes lie on a made-up disk; the model is what leads to the real one, if only one has it.
        let mut same = nvme.iter().filter(|disk| model.is_some() && disk.text("device_model") == model);
        let disk = same.next().filter(|_| same.next().is_none());
        let kind = match (drive.text("protocol").as_deref(), drive.text("medium_type").as_deref()) {
            _ if disk.is_some() => Some(StorageKind::Nvme),
            (Some("Secure Digital"), _) => Some(StorageKind::Sd),
            (Some("Disk Image" | "Virtual Interface"), _) => Some(StorageKind::Virtual),
            (_, Some("rotational")) => Some(StorageKind::Hdd),
            (Some("SATA" | "USB" | "SAS" | "FireWire"), Some("ssd")) => Some(StorageKind::Ssd),
            (Some("Apple Fabric" | "PCI-Express" | "NVMe"), Some("ssd")) => Some(StorageKind::Nvme),
            _ => None,
        };
        Ok(Disk { device: disk.and_then(|disk| disk.text("bsd_name")), model, kind })
    }
}

#[derive(Debug, thiserror::Error)]
enum MountError {
    #[error(transparent)]
    Run(RunError),
    #[error("mount lists no file system that holds the folder")]
    Nowhere,
}

#[derive(Debug, thiserror::Error)]
enum DfError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Room(#[from] RoomError),
}

#[cfg(test)]
mod tests;
