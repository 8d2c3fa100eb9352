use super::*;
use crate::{Node, Tree};

/// Disks and partitions by the kernel's real layout: class links into the devices' folders.
#[derive(Default)]
struct Machine(Tree);

impl Machine {
    fn with(mut self, path: &str, text: &str) -> Machine {
        self.0.put(path, Node::File(text.as_bytes().to_vec()));
        self
    }

    fn device(mut self, place: &str, files: &[(&str, &str)]) -> Machine {
        let name = last(place);
        let link = Node::Link(format!("../../devices/{place}"));
        self.0.put(&format!("sys/class/block/{name}"), link);
        self.0.put(&format!("sys/devices/{place}"), Node::Folder);
        for (file, text) in files {
            self.0.put(&format!("sys/devices/{place}/{file}"), Node::File(format!("{text}\n").into_bytes()));
        }
        self
    }

    fn over(mut self, place: &str, slaves: &[&str]) -> Machine {
        for slave in slaves {
            let link = Node::Link(format!("../../../../class/block/{slave}"));
            self.0.put(&format!("sys/devices/{place}/slaves/{slave}"), link);
        }
        self.device(place, &[])
    }

    fn kind(&self, device: &str) -> Result<(String, StorageKind), String> {
        kind(&Root::of(self.0.clone()), device).map_err(|error| error.to_string())
    }
}

fn found(name: &str, kind: StorageKind) -> Result<(String, StorageKind), String> {
    Ok((name.to_owned(), kind))
}

const NVME: &str = "pci0000:00/0000:01:00.0/nvme/nvme0/nvme0n1";

fn laptop() -> Machine {
    Machine::default()
        .device(NVME, &[("queue/rotational", "0"), ("device/transport", "pcie")])
        .device(&format!("{NVME}/nvme0n1p3"), &[("partition", "3")])
        .over("virtual/block/dm-0", &["nvme0n1p3"])
        .over("virtual/block/dm-1", &["dm-0"])
        .with("sys/devices/virtual/block/dm-1/dm/name", "vg-home\n")
}

#[test]
fn the_table_is_well_formed() {
    assert!(TABLE.names.len() > 5 && TABLE.virtual_disks.len() > 10, "block.yaml was not read");
    for disk in &TABLE.virtual_disks {
        assert!(disk.vendor.is_some() || disk.model.is_some());
    }
}

#[test]
fn a_volume_on_an_encrypted_partition_leads_down_to_the_disk() {
    for device in ["dm-1", "/dev/dm-1", "/dev/mapper/vg-home", "nvme0n1p3", "nvme0n1"] {
        assert_eq!(laptop().kind(device), found("nvme0n1", StorageKind::Nvme), "{device}");
    }
}

#[test]
fn flash_cards_and_soldered_flash_are_told_apart_by_the_card_itself() {
    let board = Machine::default()
        .device("platform/soc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0", &[("device/type", "SD")])
        .device("platform/soc/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p2", &[("partition", "2")])
        .device("platform/soc/mmc_host/mmc1/mmc1:0001/block/mmcblk1", &[("device/type", "MMC")])
        .device("platform/soc/mmc_host/mmc2/mmc2:0001/block/mmcblk2", &[]);
    assert_eq!(board.kind("mmcblk0p2"), found("mmcblk0", StorageKind::Sd));
    assert_eq!(board.kind("mmcblk1"), found("mmcblk1", StorageKind::Emmc));
    assert_eq!(board.kind("mmcblk2"), Err("the kernel does not say what mmcblk2 is made of".into()));
}

#[test]
fn spinning_disks_are_believed_unless_they_are_on_usb() {
    let ata = "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda";
    let usb = "pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host4/target4:0:0/4:0:0:0/block/sdb";
    let machine = Machine::default()
        .device(ata, &[("queue/rotational", "1"), ("device/vendor", "ATA     ")])
        .device(usb, &[("queue/rotational", "1")]);
    assert_eq!(machine.kind("sda"), found("sda", StorageKind::Hdd));
    assert!(machine.kind("sdb").unwrap_err().contains("USB"));
}

#[test]
fn what_a_hypervisor_makes_up_is_virtual_whatever_it_claims() {
    let scsi = "pci0000:00/0000:00:04.0/virtio1/host0/target0:0:0/0:0:0:0/block/sda";
    let ide = "pci0000:00/0000:00:01.1/ata1/host1/target1:0:0/1:0:0:0/block/sdb";
    let machine = Machine::default()
        .device(scsi, &[("queue/rotational", "1")])
        .device(
            ide,
            &[("queue/rotational", "1"), ("device/vendor", "ATA     "), ("device/model", "QEMU HARDDISK   ")],
        )
        .device("pci0000:00/0000:00:02.0/virtio1/block/vda", &[("queue/rotational", "1")])
        .device("vbd-51712/block/xvda", &[])
        .device("virtual/block/zram0", &[]);
    for device in ["sda", "sdb", "vda", "xvda"] {
        assert_eq!(machine.kind(device), found(device, StorageKind::Virtual));
    }
    assert_eq!(machine.kind("zram0"), found("zram0", StorageKind::Memory));
}

#[test]
fn disks_over_a_network_are_told() {
    let machine = Machine::default()
        .device("pci0/nvme/nvme1/nvme1n1", &[("device/transport", "tcp")])
        .device("platform/host3/session1/target3:0:0/3:0:0:0/block/sdc", &[("queue/rotational", "0")]);
    assert_eq!(machine.kind("nvme1n1"), found("nvme1n1", StorageKind::Network));
    assert_eq!(machine.kind("sdc"), found("sdc", StorageKind::Network));
}

#[test]
fn an_array_names_all_its_disks_and_is_of_their_kind_only_if_they_agree() {
    let disk = |n: u32, name: &str| format!("pci0/ata{n}/host{n}/block/{name}");
    let machine = Machine::default()
        .device(&disk(1, "sda"), &[("queue/rotational", "1")])
        .device(&disk(2, "sdb"), &[("queue/rotational", "1")])
        .device(&disk(3, "sdc"), &[("queue/rotational", "0")])
        .over("virtual/block/md0", &["sda", "sdb"])
        .over("virtual/block/md1", &["sda", "sdc"]);
    assert_eq!(machine.kind("md0"), found("sda+sdb", StorageKind::Hdd));
    assert_eq!(machine.kind("md1"), Err("md1 lies on devices of different kinds".into()));
}

#[test]
fn a_file_lies_on_what_its_mount_lies_on() {
    let machine = laptop()
        .with(
            mounts::MOUNTINFO,
            "27 1 0:31 / / rw - btrfs /dev/mapper/vg-home rw\n28 27 0:32 / /tmp rw - tmpfs tmpfs rw\n\
             29 27 259:3 / /boot rw - ext4 /dev/nvme0n1p3 rw\n",
        )
        .device("virtual/block/loop0", &[("loop/backing_file", "/images/a.img")]);
    let mut machine = machine;
    machine.0.put("sys/dev/block/259:3", Node::Link(format!("../../devices/{NVME}/nvme0n1p3")));
    assert_eq!(machine.kind("loop0"), found("nvme0n1", StorageKind::Nvme));
    let root = Root::of(machine.0);
    let below = |path: &str| below_file(&root, path).map_err(|error| error.to_string());
    assert_eq!(below("/swapfile"), found("nvme0n1", StorageKind::Nvme));
    assert_eq!(below("/boot/swap"), found("nvme0n1", StorageKind::Nvme));
    assert_eq!(below("/tmp/swap"), Err("a file system of type tmpfs names no block device".into()));
}

#[test]
fn devices_that_lie_on_each_other_end() {
    let machine =
        Machine::default().over("virtual/block/dm-0", &["dm-1"]).over("virtual/block/dm-1", &["dm-0"]);
    assert!(machine.kind("dm-0").unwrap_err().contains("more devices"));
    let machine = Machine::default()
        .device("virtual/block/loop0", &[("loop/backing_file", "/a")])
        .with(mounts::MOUNTINFO, "1 1 7:0 / / rw - ext4 /dev/loop0 rw\n");
    assert!(machine.kind("loop0").unwrap_err().contains("more devices"));
    assert_eq!(machine.kind("../../etc"), Err("the kernel lists no block device ..!..!etc".into()));
}
