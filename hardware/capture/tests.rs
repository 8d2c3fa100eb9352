use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;
use crate::root::Node;
use crate::tests::looking;
use crate::{Request, audit};

fn identities() -> Identities {
    let mut identities = Identities::default();
    identities.add_hosts(["ward7.clinic.example".to_owned()].into_iter());
    identities.add_users(["ada".to_owned(), "Ada Lovelace".to_owned()].into_iter());
    identities
}

fn scrubbed(path: &str, text: &str) -> (String, String) {
    let tree = [(path.to_owned(), Node::File(text.into()))].into_iter().collect();
    let tree = scrub::scrub(tree, &identities());
    let (path, node) = tree.iter().next().unwrap();
    match node {
        Node::File(bytes) => (path.to_owned(), String::from_utf8(bytes.clone()).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> String {
    scrubbed("proc/x", text).1
}

#[test]
fn serial_numbers_go_in_every_format() {
    assert_eq!(text("Serial\t\t: 10000000a1b2c3d4\n"), "Serial\t\t: scrubbed\n");
    assert_eq!(text("<serial>1650522003820</serial>"), "<serial>scrubbed</serial>");
    assert_eq!(text("<serial>N/A</serial>"), "<serial>N/A</serial>");
    assert_eq!(text(r#"{"serial_number" : "C02XYZ"}"#), r#"{"serial_number" : "scrubbed"}"#);
    assert_eq!(text(r#""platform_UUID": "abc""#), r#""platform_UUID": "scrubbed""#);
    assert_eq!(scrubbed("sys/class/dmi/id/product_serial", "ABC\n").1, "scrubbed\n");
    assert_eq!(scrubbed("sys/class/net/eth0/address", "aa:bb:cc:dd:ee:ff\n").1, "scrubbed\n");
}

#[test]
fn identities_keep_what_they_refer_to() {
    let uuid = "GPU-6f8b3a2c-1111-2222-3333-444455556666";
    let twice = text(&format!("{uuid} and {uuid} and GPU-00000000-0000-0000-0000-0000000000ff"));
    let words: Vec<&str> = twice.split(" and ").collect();
    assert_eq!(words[0], "GPU-00000000-0000-0000-0000-000000000001");
    assert_eq!(words[0], words[1]);
    assert_ne!(words[0], words[2]);
}

#[test]
fn network_addresses_go_and_numbers_that_look_alike_stay() {
    assert_eq!(text("at 10.11.12.13, at 10.11.12.14"), "at 192.0.2.1, at 192.0.2.2");
    assert_eq!(text("[fd00::17]:22"), "[2001:db8::1]:22");
    assert_eq!(text("link/ether aa:bb:cc:dd:ee:0f"), "link/ether 02:00:00:00:00:01");
    for stays in [
        "5.15.153.1-microsoft-standard-WSL2",
        "driver_version 1.13.1.0",
        "127.0.0.1",
        "0000:01:00.0",
        "00000000:01:00.0 8:0",
        "10:04:33",
        "Version: 31.0.101.5186",
        "std::fmt",
    ] {
        assert_eq!(text(stays), stays);
    }
}

#[test]
fn servers_and_shares_go_and_the_kind_of_mount_stays() {
    let mounts =
        "36 25 0:32 / /mnt rw - nfs4 nas.clinic.example:/patients rw\n37 25 8:1 / / rw - ext4 /dev/sda1 rw\n";
    let scrubbed = "36 25 0:32 / /mnt rw - nfs4 host:/share rw\n37 25 8:1 / / rw - ext4 /dev/sda1 rw\n";
    assert_eq!(text(mounts), scrubbed);
    let mac = "//ada@nas._smb._tcp.local/Data on /Volumes/Data (smbfs)\nnas:/x on /y (nfs)\n/dev/disk3 on / (apfs)\n";
    let scrubbed = "//host/share on /Volumes/Data (smbfs)\nhost:/share on /y (nfs)\n/dev/disk3 on / (apfs)\n";
    assert_eq!(text(mac), scrubbed);
}

#[test]
fn hosts_and_people_go_from_text_and_paths() {
    assert_eq!(text("Linux ward7 6.8, ward7.clinic.example, Ada Lovelace"), "Linux host 6.8, host, user");
    assert_eq!(
        text("/home/ada/models /Users/grace/x C:\\Users\\Grace\\y"),
        "/home/user/models /Users/user/x C:\\Users\\user\\y"
    );
    assert_eq!(text("forward7 canada"), "forward7 canada");
    assert_eq!(scrubbed("home/ada/models/x", "").0, "home/user/models/x");
}

#[test]
fn what_is_no_text_is_left_out() {
    let tree = [("sys/x".to_owned(), Node::File(vec![0xff, 0xfe, 0x41]))].into_iter().collect();
    let tree = scrub::scrub(tree, &identities());
    assert_eq!(tree.get("sys/x"), Some(Node::Unread));
}

proptest! {
    // Each case compiles the patterns of the names.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_secret_survives_between_any_words(
        before in "[ -~]{0,12}[ =/\\[\"(]",
        after in "[ ,/\\])\"][ -~]{0,12}",
        secret in prop_oneof![
            Just("6f8b3a2c-1111-2222-3333-444455556666"), Just("aa:bb:cc:dd:ee:0f"), Just("ward7.clinic.example"),
            Just("0123456789abcdef0123456789abcdef"),
        ],
    ) {
        let left = text(&format!("{before}{secret}{after}"));
        prop_assert!(!left.contains(secret), "{left}");
        prop_assert_eq!(text(&left), left.clone());
    }

    #[test]
    fn any_text_is_scrubbed_without_a_panic(any in ".{0,200}") {
        text(&any);
    }
}

#[test]
fn a_packed_capture_holds_every_kind_of_node() {
    let long = format!("sys/devices/{}/x", "a".repeat(150));
    let tree: Tree = [
        ("proc/cpuinfo", Node::File(b"processor\t: 0\n".to_vec())),
        (long.as_str(), Node::File(vec![0, 0xff])),
        ("sys/class/drm/card0", Node::Link("../../devices/gpu".into())),
        ("sys/empty", Node::Folder),
        ("sys/secret", Node::Denied),
        ("usr/bin/llama-server", Node::Unread),
    ]
    .map(|(path, node)| (path.to_owned(), node))
    .into_iter()
    .collect();
    let bytes = tarball::write(&tree).unwrap();
    assert!(tarball::is_one(&bytes));
    assert_eq!(tarball::read(&bytes).unwrap(), tree);
}

#[test]
fn a_broken_or_hostile_capture_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let error = open(&file).unwrap_err();
        edgeorch_engines::chain(&error).replace(&format!("{}/", folder.path().display()), "")
    };
    let whole =
        tarball::write(&[("proc/x".to_owned(), Node::File(vec![7; 5000]))].into_iter().collect()).unwrap();
    assert!(
        refused("cut.tar.zst", &whole[..whole.len() - 9]).starts_with("cut.tar.zst is no whole capture: ")
    );
    let mut outside = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.as_gnu_mut().unwrap().name[..9].copy_from_slice(b"../escape");
    header.set_mode(0o644);
    header.set_size(0);
    header.set_cksum();
    outside.append(&header, &[][..]).unwrap();
    let outside = outside.into_inner().unwrap();
    let outside = compress_to_vec(outside.as_slice(), CompressionLevel::Fastest);
    assert_eq!(
        refused("out.tar.zst", &outside),
        "out.tar.zst is no whole capture: ../escape leads out of the capture"
    );
    assert_eq!(
        refused("text", b"hello"),
        "text is neither a packed capture (.tar.zst) nor a text archive (.ttar): line 1: neither a Path nor a Directory"
    );
}

#[test]
fn a_capture_of_this_machine_tells_the_same_facts() {
    let folder = tempfile::tempdir().unwrap();
    let live = Root::recording();
    let request = Request { models: folder.path().display().to_string(), ..looking() };
    let host = audit(&live, &request);
    for name in ["machine.tar.zst", "machine.ttar"] {
        let file = folder.path().join(name);
        let count = write(&live, &file).unwrap();
        assert!(count > 20, "{name} has {count} files");
        assert!(matches!(write(&live, &file), Err(CaptureError::Exists { .. })));
        let again = audit(&Root::of(open(&file).unwrap()), &request);
        // Identities differ, on purpose; everything that is planned from does not.
        assert_eq!((&again.cpu, &again.os, &again.memory), (&host.cpu, &host.os, &host.memory), "{name}");
        assert_eq!(again.accelerators.len(), host.accelerators.len());
        assert_eq!(again.power, host.power);
    }
}
