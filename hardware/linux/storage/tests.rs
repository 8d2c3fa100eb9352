use edgeorch_engines::contract::host::StorageKind;

use super::*;
use crate::{Node, Tree};

const ROOM: &str = r#"{"Ok": {"frsize": 4096, "blocks": 1000, "bavail": 400, "files": 100, "favail": 60}}"#;
const NVME: &str = "devices/pci0000:00/0000:00:06.0/nvme/nvme0/nvme0n1";

/// A machine with one NVMe disk of two partitions, and these mounts.
fn machine(mountinfo: &str) -> Tree {
    let mut tree = Tree::default();
    let file = |text: &str| Node::File(text.as_bytes().to_vec());
    tree.put("proc/self/mountinfo", file(mountinfo));
    tree.put(".edgeorch/answers/statvfs.json", file(ROOM));
    for (place, name) in [(NVME.to_owned(), "nvme0n1"), (format!("{NVME}/nvme0n1p2"), "nvme0n1p2")] {
        tree.put(&format!("sys/class/block/{name}"), Node::Link(format!("../../{place}")));
    }
    tree.put("sys/dev/block/259:2", Node::Link(format!("../../{NVME}/nvme0n1p2")));
    tree.put(&format!("sys/{NVME}/queue/rotational"), file("0\n"));
    tree.put(&format!("sys/{NVME}/device/model"), file("Samsung SSD 990 PRO 2TB                 \n"));
    tree.put(&format!("sys/{NVME}/nvme0n1p2/partition"), file("2\n"));
    tree
}

fn probed(tree: Tree, folder: &str) -> (Storage, Findings) {
    let mut findings = Findings::default();
    let storage = probe(&Root::of(tree), folder, &mut findings);
    (storage, findings)
}

#[test]
fn a_folder_that_is_not_there_yet_lies_where_the_one_above_it_does() {
    let mut tree =
        machine("27 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n28 27 0:9 / /home/a/x rw - tmpfs none rw\n");
    tree.put("home/a", Node::Folder);
    let (storage, findings) = probed(tree, "/home/a/models/deep");
    assert_eq!((storage.mount.as_deref(), storage.device.as_deref()), (Some("/"), Some("nvme0n1")));
    assert_eq!(storage.kind, Some(StorageKind::Nvme));
    assert_eq!(storage.model.as_deref(), Some("Samsung SSD 990 PRO 2TB"));
    assert!(findings.source("storage.path").unwrap().contains("/home/a above it"));
    assert_eq!(findings.unknown_fields(), Vec::<&str>::new());
}

#[test]
fn a_linked_folder_lies_where_its_link_leads() {
    let mut tree =
        machine("27 1 259:2 / / rw - ext4 /dev/nvme0n1p2 rw\n28 27 0:9 / /mnt/nas ro - nfs4 nas:/x rw\n");
    tree.put("models", Node::Link("mnt/nas/models".to_owned()));
    tree.put("mnt/nas/models", Node::Folder);
    let (storage, findings) = probed(tree, "/models");
    assert_eq!((storage.mount.as_deref(), storage.read_only), (Some("/mnt/nas"), Some(true)));
    assert_eq!((storage.kind, storage.device), (Some(StorageKind::Network), None));
    assert!(findings.source("storage.device").unwrap().contains("another machine"));
}

#[test]
fn a_container_s_layers_hide_what_lies_below_unless_the_upper_folder_is_seen() {
    let layers = "28 27 0:50 / / rw - overlay overlay rw,lowerdir=/a,upperdir=/var/upper,workdir=/var/work\n";
    let (storage, findings) = probed(machine(layers), "/models");
    assert_eq!((storage.kind, storage.device), (Some(StorageKind::Overlay), None));
    assert_eq!(findings.unknown_fields(), ["storage.device", "storage.model"]);

    let both = format!("{layers}29 28 259:2 / /var rw - ext4 /dev/nvme0n1p2 rw\n");
    let mut tree = machine(&both);
    tree.put("var/upper", Node::Folder);
    let (storage, _) = probed(tree, "/models");
    assert_eq!((storage.kind, storage.device.as_deref()), (Some(StorageKind::Overlay), Some("nvme0n1")));
}

#[test]
fn a_pool_of_two_disks_names_both() {
    let mut tree = machine("27 1 0:30 / / rw - btrfs /dev/nvme0n1p2 rw\n");
    let second = NVME.replace("nvme0", "nvme1");
    tree.put("sys/class/block/nvme1n1", Node::Link(format!("../../{second}")));
    tree.put(&format!("sys/{second}/queue/rotational"), Node::File(b"0\n".to_vec()));
    for member in ["nvme0n1p2", "nvme1n1"] {
        tree.put(&format!("sys/fs/btrfs/some-uuid/devices/{member}"), Node::Link("../x".into()));
    }
    let (storage, _) = probed(tree, "/");
    assert_eq!((storage.device.as_deref(), storage.kind), (Some("nvme0n1+nvme1n1"), Some(StorageKind::Nvme)));
}

#[test]
fn without_mounts_the_room_is_still_told() {
    let mut tree = Tree::default();
    tree.put(".edgeorch/answers/statvfs.json", Node::File(ROOM.into()));
    let (storage, findings) = probed(tree, "/models");
    assert_eq!(storage.inodes_free, Some(60));
    assert_eq!(findings.unknown_fields().len(), 6);
}

#[test]
fn a_disk_that_the_kernel_does_not_list_is_unknown_in_device_model_and_kind() {
    let (storage, findings) = probed(machine("27 1 8:1 / / rw - ext4 /dev/sda1 rw\n"), "/");
    assert_eq!((storage.kind, storage.device, storage.read_only), (None, None, Some(false)));
    assert_eq!(findings.unknown_fields(), ["storage.kind", "storage.device", "storage.model"]);
}
