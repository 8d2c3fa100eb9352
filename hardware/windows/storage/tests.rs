use proptest::prelude::*;

use super::*;
use crate::root::{Node, Tree};

const DISKS: &str = r#"{
    "volumes": [{"DeviceID": "C:", "DriveType": 3, "FileSystem": "NTFS", "Size": 1000, "FreeSpace": 400},
                {"DeviceID": "D:", "DriveType": 3, "FileSystem": "NTFS", "Size": 9000, "FreeSpace": 8000},
                {"DeviceID": "S:", "DriveType": 3, "FileSystem": "ReFS", "Size": 7000, "FreeSpace": 7},
                {"DeviceID": "N:", "DriveType": 4, "FileSystem": "NTFS", "Size": 5000, "FreeSpace": 5}],
    "partitions": [{"Partition": "Disk #0, Partition #2", "Volume": "C:"},
                   {"Partition": "Disk #1, Partition #0", "Volume": "D:"},
                   {"Partition": "Disk #1, Partition #1", "Volume": "S:"},
                   {"Partition": "Disk #2, Partition #1", "Volume": "S:"}],
    "disks": [{"Number": 0, "FriendlyName": "x", "BusType": 17, "IsReadOnly": false}],
    "physical": [{"DeviceId": "0", "FriendlyName": "WD_BLACK SN850X 2000GB", "BusType": 17, "MediaType": 4},
                 {"DeviceId": "1", "FriendlyName": "ST8000DM004", "BusType": 11, "MediaType": 3}]}"#;

fn storage(folder: &str, json: &str) -> (Storage, Findings) {
    let mut tree = Tree::default();
    tree.put(".edgeorch/commands/windows-storage.json", Node::File(json.into()));
    let mut findings = Findings::default();
    let storage = probe(&Root::of(tree), folder, &mut findings);
    (storage, findings)
}

#[test]
fn the_table_is_well_formed() {
    assert_eq!(NUMBERS.buses.get(&17), Some(&StorageKind::Nvme), "disks.yaml was not read");
}

#[test]
fn a_drive_s_disk_is_found_by_its_number() {
    let (fast, _) = storage(r"c:\Users\x\models", DISKS);
    assert_eq!((fast.device.as_deref(), fast.kind), (Some("PhysicalDrive0"), Some(StorageKind::Nvme)));
    assert_eq!((fast.free, fast.read_only), (Some(Bytes(400)), Some(false)));
    let (slow, findings) = storage(r"\\?\D:\models", DISKS);
    assert_eq!((slow.model.as_deref(), slow.kind), (Some("ST8000DM004"), Some(StorageKind::Hdd)));
    assert_eq!(findings.unknown_fields(), ["storage.read_only"]);
}

#[test]
fn a_drive_over_two_disks_is_of_neither() {
    let (spanned, findings) = storage("S:\\", DISKS);
    assert_eq!((spanned.device, spanned.kind, spanned.total), (None, None, Some(Bytes(7000))));
    assert!(findings.unknown_fields().contains(&"storage.device"));
}

#[test]
fn shares_and_mapped_drives_are_network() {
    assert_eq!(storage(r"\\nas\models", DISKS).0.kind, Some(StorageKind::Network));
    let (mapped, findings) = storage("N:\\models", DISKS);
    assert_eq!((mapped.kind, mapped.total), (Some(StorageKind::Network), Some(Bytes(5000))));
    assert!(findings.unknown_fields().contains(&"storage.device"));
    assert_eq!(storage("/home/x", DISKS).0.kind, None);
}

#[test]
fn one_disk_as_an_object_reads_as_a_list_of_one() {
    let one = r#"{"volumes": {"DeviceID": "C:", "DriveType": 3, "FileSystem": "NTFS", "Size": "10", "FreeSpace": "4"},
        "partitions": {"Partition": "Disk #0, Partition #1", "Volume": "C:"},
        "disks": null, "physical": {"DeviceId": 0, "FriendlyName": "KBG40ZNV256G", "BusType": 17, "MediaType": 0}}"#;
    let (one, _) = storage("C:\\m", one);
    assert_eq!((one.kind, one.total), (Some(StorageKind::Nvme), Some(Bytes(10))));
}

#[test]
fn a_broken_answer_leaves_reasons() {
    let (none, findings) = storage("C:\\m", "{\"volumes\": [{\"Dev");
    assert_eq!((none.total, none.mount.as_deref()), (None, Some("C:\\")));
    assert_eq!(findings.unknown_fields().len(), ALL.len());
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "[#0-9, ]{0,40}|.*") {
        disk_number(&text);
        drive(&text);
    }
}
