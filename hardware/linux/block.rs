//! What a block device is made of: below partitions, encryption, volumes, arrays and loop files.
//!
//! ```text
//! dm-1 → slaves/dm-0 → slaves/nvme0n1p3 → its disk nvme0n1: NVMe
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use edgeorch_engines::contract::host::StorageKind;
use serde::Deserialize;

use super::mounts::{self, Mount};
use crate::Root;
use crate::root::ReadError;

/// Devices looked at for one answer, layers and disks together: a hostile tree may have devices that lie on each other.
const MOST: u32 = 512;

/// The bottom device of `nvme0n1p3`, `/dev/mapper/home` or `dm-1`, and its kind. Several disks of one kind below an array are
/// named together: `sda+sdb`.
pub fn kind(root: &Root, device: &str) -> Result<(String, StorageKind), BlockError> {
    descend(root, &name(root, device)?, &mut { MOST })
}

/// The same for the file system that holds a file, such as a swap file.
pub fn below_file(root: &Root, path: &str) -> Result<(String, StorageKind), BlockError> {
    file(root, path, &mut { MOST })
}

/// The block device of a mount, by its number, or by its source where the file system has a number of its own (btrfs).
pub fn of_mount(root: &Root, mount: &Mount) -> Result<(String, StorageKind), BlockError> {
    mounted(root, mount, &mut { MOST })
}

fn file(root: &Root, path: &str, left: &mut u32) -> Result<(String, StorageKind), BlockError> {
    let mounts = mounts::read(root)?;
    let mount = mounts::holding(&mounts, path).ok_or_else(|| BlockError::NoMount(path.to_owned()))?;
    mounted(root, mount, left)
}

fn mounted(root: &Root, mount: &Mount, left: &mut u32) -> Result<(String, StorageKind), BlockError> {
    if !mount.device.starts_with("0:")
        && let Ok(link) = root.link(&format!("sys/dev/block/{}", mount.device))
    {
        return descend(root, last(&link), left);
    }
    if !mount.source.starts_with("/dev/") {
        return Err(BlockError::NotOnBlocks(mount.filesystem.clone()));
    }
    descend(root, &name(root, &mount.source)?, left)
}

/// The kernel's name: `/dev/mapper/home` is `dm-2`, `/dev/cciss/c0d0` is `cciss!c0d0`.
fn name(root: &Root, device: &str) -> Result<String, BlockError> {
    let real = root.real_path(device.trim_start_matches('/'));
    let path = match &real {
        Ok(real) if device.starts_with("/dev/") => real.as_str(),
        _ => device,
    };
    // Android keeps them all one folder down.
    let path = path.strip_prefix("/dev/block/").or(path.strip_prefix("/dev/")).unwrap_or(path);
    if let Some(label) = path.strip_prefix("mapper/") {
        let mapped = root.list("sys/class/block").unwrap_or_default().into_iter().find(|name| {
            root.read(&format!("sys/class/block/{name}/dm/name")).is_ok_and(|text| text.trim() == label)
        });
        return mapped.ok_or_else(|| BlockError::Missing(label.to_owned()));
    }
    Ok(path.replace('/', "!"))
}

fn descend(root: &Root, device: &str, left: &mut u32) -> Result<(String, StorageKind), BlockError> {
    *left = left.checked_sub(1).ok_or_else(|| BlockError::TooDeep(device.to_owned()))?;
    let folder = format!("sys/class/block/{device}");
    let place = root.real_path(&folder).map_err(|error| match error {
        ReadError::Missing { .. } => BlockError::Missing(device.to_owned()),
        other => BlockError::Read(other),
    })?;
    if root.exists(&format!("{folder}/partition")) {
        let parent = place.rsplit('/').nth(1).filter(|parent| *parent != device);
        let parent = parent.ok_or_else(|| BlockError::Missing(device.to_owned()))?;
        return descend(root, parent, left);
    }
    let slaves = root.list(&format!("{folder}/slaves")).unwrap_or_default();
    if !slaves.is_empty() {
        return together(root, device, &slaves, left);
    }
    if let Ok(backing) = root.read(&format!("{folder}/loop/backing_file")) {
        return file(root, backing.trim_end_matches('\n'), left);
    }
    Ok((device.to_owned(), disk(root, device, &folder, &place)?))
}

/// An array or a volume over several devices is of their kind, if they are of one.
fn together(
    root: &Root,
    device: &str,
    slaves: &[String],
    left: &mut u32,
) -> Result<(String, StorageKind), BlockError> {
    let mut names = BTreeSet::new();
    let mut common = None;
    for slave in slaves {
        let (name, kind) = descend(root, slave, left)?;
        if common.is_some_and(|common| common != kind) {
            return Err(BlockError::Mixed(device.to_owned()));
        }
        common = Some(kind);
        names.extend(name.split('+').map(str::to_owned));
    }
    let kind = common.ok_or_else(|| BlockError::Unclear(device.to_owned()))?;
    Ok((names.into_iter().collect::<Vec<_>>().join("+"), kind))
}

/// A whole disk. `place` is its real folder, whose path names the buses that it hangs on.
fn disk(root: &Root, device: &str, folder: &str, place: &str) -> Result<StorageKind, BlockError> {
    let read = |file: &str| root.read(&format!("{folder}/{file}")).ok().map(|text| text.trim().to_owned());
    let on = |bus: &str| place.split('/').any(|part| part.starts_with(bus));
    if let Some(kind) = TABLE.named(device) {
        return Ok(kind);
    }
    // `/dev/sda` of a virtio or Hyper-V controller; an iSCSI session.
    if on("virtio") || on("VMBUS:") || TABLE.is_virtual(read("device/vendor"), read("device/model")) {
        return Ok(StorageKind::Virtual);
    }
    if on("session") {
        return Ok(StorageKind::Network);
    }
    if device.starts_with("nvme") {
        let transport = read("device/transport").unwrap_or_default();
        let far = ["tcp", "rdma", "fc"].contains(&transport.as_str());
        return Ok(if far { StorageKind::Network } else { StorageKind::Nvme });
    }
    if device.starts_with("mmcblk") {
        return match read("device/type").as_deref() {
            Some("MMC") => Ok(StorageKind::Emmc),
            Some("SD") => Ok(StorageKind::Sd),
            _ => Err(BlockError::Unclear(device.to_owned())),
        };
    }
    if !device.starts_with("sd") {
        return Err(BlockError::Unclear(device.to_owned()));
    }
    match read("queue/rotational").as_deref() {
        Some("0") => Ok(StorageKind::Ssd),
        // The kernel's default for what doesn't say: USB sticks and enclosures seldom do.
        Some("1") if on("usb") => Err(BlockError::Usb(device.to_owned())),
        Some("1") => Ok(StorageKind::Hdd),
        _ => Err(BlockError::Unclear(device.to_owned())),
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A test proves that the file is well-formed.
static TABLE: LazyLock<Table> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("block.yaml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// By the beginning of the name.
    names: BTreeMap<String, StorageKind>,
    virtual_disks: Vec<VirtualDisk>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VirtualDisk {
    vendor: Option<String>,
    model: Option<String>,
}

impl Table {
    fn named(&self, device: &str) -> Option<StorageKind> {
        let fits = |prefix: &str| {
            device
                .strip_prefix(prefix)
                .is_some_and(|unit| !unit.is_empty() && unit.chars().all(|c| c.is_ascii_alphanumeric()))
        };
        self.names.iter().find_map(|(prefix, kind)| fits(prefix).then_some(*kind))
    }

    fn is_virtual(&self, vendor: Option<String>, model: Option<String>) -> bool {
        let fits = |wanted: &Option<String>, told: &Option<String>| wanted.is_none() || wanted == told;
        self.virtual_disks.iter().any(|disk| fits(&disk.vendor, &vendor) && fits(&disk.model, &model))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    #[error("the kernel lists no block device {0}")]
    Missing(String),
    #[error("no file system is mounted that holds {0}")]
    NoMount(String),
    #[error("a file system of type {0} names no block device")]
    NotOnBlocks(String),
    #[error("{0} lies on devices of different kinds")]
    Mixed(String),
    #[error("{0} is a USB device that does not say whether it has moving parts")]
    Usb(String),
    #[error("the kernel does not say what {0} is made of")]
    Unclear(String),
    #[error("{0} lies on more devices than can be followed")]
    TooDeep(String),
    #[error(transparent)]
    Read(#[from] ReadError),
}

#[cfg(test)]
mod tests;
