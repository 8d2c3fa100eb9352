//! The drive below a folder of a Windows machine, and the disk below the drive. What the numbers mean is data: `disks.yaml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Storage, StorageKind};
use serde::Deserialize;

use super::powershell::{Answer, Row, arguments, ask, script};
use crate::findings::{Findings, printable};
use crate::root::{Command, Root};
use edgeorch_engines::chain;

const SCRIPT: Command = script("windows-storage.json", arguments!("scripts/storage.ps1"));

/// `Win32_LogicalDisk.DriveType`.
const NETWORK: u64 = 4;
const RAM_DISK: u64 = 6;

/// A test proves that the file is well-formed.
static NUMBERS: LazyLock<Numbers> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("disks.yaml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    buses: BTreeMap<u64, StorageKind>,
    media: BTreeMap<u64, StorageKind>,
    remote_buses: Vec<u64>,
    virtual_disks: Vec<String>,
}

pub fn probe(root: &Root, folder: &str, findings: &mut Findings) -> Storage {
    let mut storage = Storage { path: Some(folder.to_owned()), ..Storage::default() };
    findings.known("storage.path", "asked for");
    let Some(drive) = drive(folder) else {
        remote(folder, &mut storage, findings);
        return storage;
    };
    storage.mount = Some(format!("{drive}\\"));
    findings.known("storage.mount", "storage.path");
    match ask(root, &SCRIPT) {
        Ok(answer) => {
            volume(&answer, &drive, &mut storage, findings);
            disk(&answer, &drive, &mut storage, findings);
        }
        Err(error) => untold(&ALL, &chain(&error), findings),
    }
    storage
}

const ALL: [&str; 9] =
    ["filesystem", "device", "model", "kind", "total", "free", "inodes_total", "inodes_free", "read_only"];

fn untold(fields: &[&str], why: &str, findings: &mut Findings) {
    for field in fields {
        findings.unknown(format!("storage.{field}"), why);
    }
}

/// `C:` of `c:\Users\x` and of `\\?\C:\Users\x`; none of a path on another machine.
fn drive(folder: &str) -> Option<String> {
    let path = folder.strip_prefix(r"\\?\").unwrap_or(folder);
    let mut characters = path.chars();
    let letter = characters.next().filter(char::is_ascii_alphabetic)?;
    (characters.next() == Some(':')).then(|| format!("{}:", letter.to_ascii_uppercase()))
}

/// A folder that is on no drive of this machine.
fn remote(folder: &str, storage: &mut Storage, findings: &mut Findings) {
    let share = folder.starts_with(r"\\") && !folder.starts_with(r"\\?\") && !folder.starts_with(r"\\.\");
    let why = if share { "it is another machine's" } else { "the folder is on no drive with a letter" };
    untold(&["mount"], why, findings);
    untold(&ALL, why, findings);
    if share {
        storage.kind = Some(StorageKind::Network);
        findings.known("storage.kind", "the folder is a share's");
    }
}

fn volume(answer: &Answer, drive: &str, storage: &mut Storage, findings: &mut Findings) {
    const CLASS: &str = "Win32_LogicalDisk";
    const FIELDS: [&str; 5] = ["filesystem", "total", "free", "inodes_total", "inodes_free"];
    let rows = match answer.rows("volumes") {
        Ok(rows) => rows,
        Err(error) => return untold(&FIELDS, &error.to_string(), findings),
    };
    let Some(row) = rows.into_iter().find(|row| row.text("DeviceID") == Ok(drive)) else {
        return untold(&FIELDS, &format!("Windows lists no drive {drive}"), findings);
    };
    let filesystem = findings.take("storage.filesystem", row.text("FileSystem"));
    storage.filesystem =
        filesystem.and_then(|name| findings.learn("storage.filesystem", CLASS, printable(name)));
    storage.total = findings.learn("storage.total", CLASS, row.number("Size").map(Bytes));
    storage.free = findings.learn("storage.free", CLASS, row.number("FreeSpace").map(Bytes));
    for field in ["storage.inodes_total", "storage.inodes_free"] {
        findings.none(field, "file systems of Windows have no fixed number of files");
    }
    storage.kind = match row.number("DriveType") {
        Ok(NETWORK) => Some(StorageKind::Network),
        Ok(RAM_DISK) => Some(StorageKind::Memory),
        _ => None,
    };
}

fn disk(answer: &Answer, drive: &str, storage: &mut Storage, findings: &mut Findings) {
    if storage.kind.is_some() {
        findings.known("storage.kind", "Win32_LogicalDisk.DriveType");
        return untold(
            &["device", "model", "read_only"],
            "the drive is on no disk of this machine",
            findings,
        );
    }
    let number = match number(answer, drive) {
        Ok(number) => number,
        Err(why) => return untold(&["device", "model", "kind", "read_only"], &why, findings),
    };
    storage.device = Some(format!("PhysicalDrive{number}"));
    findings.known("storage.device", "Win32_LogicalDiskToPartition");
    let find = |class: &'static str, field: &'static str| {
        answer.rows(class).unwrap_or_default().into_iter().find(|row| row.number(field) == Ok(number))
    };
    let (disk, physical) = (find("disks", "Number"), find("physical", "DeviceId"));
    let told = |row: &Row<'_>| row.text("FriendlyName").ok().and_then(|name| printable(name).ok());
    storage.model = physical.as_ref().and_then(told).or(disk.as_ref().and_then(told));
    storage.read_only = disk.as_ref().and_then(|row| row.flag("IsReadOnly").ok());
    for (field, is_known) in
        [("storage.model", storage.model.is_some()), ("storage.read_only", storage.read_only.is_some())]
    {
        match is_known {
            true => findings.known(field, "MSFT_PhysicalDisk and MSFT_Disk"),
            false => findings.unknown(field, "Windows does not tell it of this disk"),
        }
    }
    let emulated = storage.model.as_ref().is_some_and(|model| NUMBERS.virtual_disks.contains(model));
    storage.kind = match emulated {
        true => Some(StorageKind::Virtual),
        false => physical.as_ref().or(disk.as_ref()).and_then(kind),
    };
    match storage.kind {
        Some(_) => findings.known("storage.kind", "MSFT_PhysicalDisk"),
        None => findings.unknown("storage.kind", "Windows does not tell what the disk is made of"),
    }
}

/// Of `Disk #1, Partition #0`, whose words do not change with the language. A drive that spans disks is of none.
fn number(answer: &Answer, drive: &str) -> Result<u64, String> {
    let rows = answer.rows("partitions").map_err(|error| error.to_string())?;
    let of_drive = rows.iter().filter(|row| row.text("Volume") == Ok(drive));
    let mut disks: Vec<u64> = of_drive.filter_map(|row| disk_number(row.text("Partition").ok()?)).collect();
    disks.sort_unstable();
    disks.dedup();
    match disks.as_slice() {
        [one] => Ok(*one),
        [] => Err(format!("Windows does not tell on which disk drive {drive} is")),
        _ => Err(format!("drive {drive} spans several disks")),
    }
}

fn disk_number(partition: &str) -> Option<u64> {
    let digits = partition.split_once('#')?.1;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

/// A medium that turns decides, then the bus, then the medium.
fn kind(row: &Row<'_>) -> Option<StorageKind> {
    let (bus, medium) = (row.number("BusType").ok(), row.number("MediaType").ok());
    let medium = medium.and_then(|medium| NUMBERS.media.get(&medium).copied());
    if bus.is_some_and(|bus| NUMBERS.remote_buses.contains(&bus)) {
        return Some(StorageKind::Network);
    }
    match medium {
        Some(StorageKind::Hdd) => medium,
        _ => bus.and_then(|bus| NUMBERS.buses.get(&bus).copied()).or(medium),
    }
}

#[cfg(test)]
mod tests;
