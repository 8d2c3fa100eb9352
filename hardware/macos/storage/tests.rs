use super::*;
use crate::macos::profiler::fixture;

fn volume(drive: &str) -> Vec<Entry> {
    vec![fixture(&format!(r#"{{"mount_point": "/Volumes/x", "physical_drive": {drive}}}"#))]
}

fn controller(models: &[&str]) -> Vec<Entry> {
    let item =
        |(i, model): (usize, &&str)| format!(r#"{{"device_model": "{model}", "bsd_name": "disk{i}"}}"#);
    let items: Vec<String> = models.iter().enumerate().map(item).collect();
    vec![fixture(&format!(r#"{{"_items": [{}]}}"#, items.join(",")))]
}

fn mount() -> Mount {
    mounts::mounts("/dev/disk5s1 on /Volumes/x (apfs, local)\n").remove(0)
}

fn kind(drive: &str) -> Option<StorageKind> {
    Disk::of(&volume(drive), &[], &mount()).unwrap().kind
}

#[test]
fn a_drive_is_told_by_its_protocol_and_medium() {
    assert_eq!(kind(r#"{"protocol": "Apple Fabric", "medium_type": "ssd"}"#), Some(StorageKind::Nvme));
    assert_eq!(kind(r#"{"protocol": "USB", "medium_type": "ssd"}"#), Some(StorageKind::Ssd));
    assert_eq!(kind(r#"{"protocol": "SATA", "medium_type": "rotational"}"#), Some(StorageKind::Hdd));
    assert_eq!(kind(r#"{"protocol": "Secure Digital"}"#), Some(StorageKind::Sd));
    assert_eq!(kind(r#"{"protocol": "Disk Image"}"#), Some(StorageKind::Virtual));
    assert_eq!(kind(r#"{"protocol": "USB"}"#), None);
    assert_eq!(kind("{}"), None);
}

#[test]
fn the_model_leads_to_the_disk_if_only_one_has_it() {
    let drive = r#"{"device_name": "APPLE SSD AP0512Z"}"#;
    let found = Disk::of(&volume(drive), &controller(&["APPLE SSD AP0512Z"]), &mount()).unwrap();
    assert_eq!((found.device.as_deref(), found.kind), (Some("disk0"), Some(StorageKind::Nvme)));
    let twins = controller(&["APPLE SSD AP0512Z", "APPLE SSD AP0512Z"]);
    assert_eq!(Disk::of(&volume(drive), &twins, &mount()).unwrap().device, None);
}

#[test]
fn a_volume_that_is_not_listed_has_no_disk() {
    assert!(Disk::of(&[], &[], &mount()).is_err());
}

#[test]
fn a_share_is_network_storage_without_a_disk_of_this_machine() {
    let mount = mounts::mounts("//me@nas/models on /Volumes/x (smbfs, nodev)\n").remove(0);
    let (mut storage, mut findings) = (Storage::default(), Findings::default());
    let none = || Err(RunError::NotFound { program: "system_profiler".into() });
    fill_disk(&mut storage, none(), none(), &Sysctl::default(), &mount, &mut findings);
    assert_eq!(storage.kind, Some(StorageKind::Network));
    assert_eq!(findings.unknown_fields(), Vec::<&str>::new());
}

#[test]
fn without_mount_everything_is_unknown_but_the_path() {
    let mut findings = Findings::default();
    let storage = probe(&Root::of(crate::Tree::default()), "/Users/me", &mut findings);
    assert_eq!(storage, Storage { path: Some("/Users/me".into()), ..Storage::default() });
    assert_eq!(findings.unknown_fields().len(), FIELDS.len());
}

#[test]
fn a_folder_is_looked_for_where_its_links_lead() {
    let mut tree = crate::Tree::default();
    tree.put("tmp", crate::Node::Link("private/tmp".into()));
    tree.put("private/tmp", crate::Node::Folder);
    assert_eq!(real(&Root::of(tree), "/tmp/models/not-yet"), "/private/tmp/models/not-yet");
    assert_eq!(real(&Root::of(crate::Tree::default()), "/Users/me"), "/Users/me");
}

#[test]
fn only_file_systems_that_have_inodes_tell_them() {
    let df = "/dev/disk5s1 1000 10 990 2% 7 93 7%   /Volumes/x\n";
    let told = |line: &str| {
        let mount = mounts::mounts(line).remove(0);
        let (mut storage, mut findings) = (Storage::default(), Findings::default());
        fill_room(&mut storage, Ok(df.to_owned()), &mount, &mut findings);
        assert_eq!(storage.free.unwrap().0, 990 << 10);
        (storage.inodes_total, findings.unknown_fields().len())
    };
    assert_eq!(told("/dev/disk5s1 on /Volumes/x (hfs, local)"), (Some(100), 0));
    assert_eq!(told("/dev/disk5s1 on /Volumes/x (apfs, local)"), (None, 0));
    assert_eq!(told("//nas/x on /Volumes/x (smbfs)"), (None, 2));
}
