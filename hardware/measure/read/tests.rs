use std::io::Write;

use super::*;
use crate::{Node, Tree};

fn folder_with(bytes: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut file = File::create(folder.path().join("model.gguf")).unwrap();
    file.write_all(&vec![7; bytes]).unwrap();
    file.sync_all().unwrap();
    folder
}

#[test]
fn a_file_of_this_machine_is_read_within_bounds() {
    let folder = folder_with(40 << 20);
    let measured = measure(folder.path()).unwrap();
    eprintln!("{measured:?}");
    assert!(!measured.own_program && measured.speed.bytes_per_second > 0);
    assert!(measured.speed.bytes.0 > 16 << 20 && measured.speed.bytes.0 <= 40 << 20);
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_in_memory_is_read_too() {
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("skipped: no /dev/shm here");
        return;
    };
    std::fs::write(folder.path().join("model"), vec![7; 20 << 20]).unwrap();
    assert!(measure(folder.path()).unwrap().speed.bytes.0 >= 16 << 20);
}

#[test]
fn places_are_spread_over_the_file_and_stay_within_the_bounds() {
    let mebibytes = |bytes: u64| -> Vec<(u64, u64)> {
        places(bytes << 20).iter().map(|(from, length)| (from >> 20, length >> 20)).collect()
    };
    assert_eq!(mebibytes(10), [(0, 4), (4, 4)]);
    assert_eq!(mebibytes(1), [(0, 4)]);
    let large = mebibytes(8 << 10);
    assert_eq!((large.len(), large[0], large[7]), (8, (0, 32), (7 << 10, 32)));
    for bytes in [LEAST_TESTED, 33 << 20, 100 << 20, u64::MAX] {
        let places = places(bytes);
        assert!(places.iter().map(|(_, length)| length).sum::<u64>() <= MOST_BYTES);
        assert!(places.iter().all(|(from, _)| from % ALIGNMENT as u64 == 0 && *from < bytes));
    }
}

const LEAST_TESTED: u64 = 16 << 20;

#[test]
fn a_file_that_shrank_is_no_measurement() {
    let chosen = Chosen { path: "gone".into(), bytes: 64 << 20, own_program: false };
    let done = read(io::Cursor::new(Vec::new()), &chosen).unwrap();
    assert_eq!(done.speed(ReadMethod::Direct), None);
}

#[test]
fn a_capture_s_measurement_or_reason_is_told_again() {
    let answered = |json: &str| {
        let mut tree = Tree::default();
        tree.put(".edgeorch/answers/read.json", Node::File(json.into()));
        let mut findings = Findings::default();
        let told = read_speed(&Root::of(tree), "/models", &mut findings);
        (told, findings)
    };
    let (told, findings) = answered(
        r#"{"Ok": {"speed": {"bytes_per_second": 3000000000, "method": "direct", "bytes": 268435456,
            "milliseconds": 89}, "own_program": false}}"#,
    );
    assert_eq!(told.unwrap().bytes.0, MOST_BYTES);
    assert!(findings.source("storage.read").unwrap().contains("past the page cache"));
    for json in [r#"{"Err": "no_file"}"#, r#"{"Err": {"failed": "Permission denied"}}"#, "nonsense"] {
        let (told, findings) = answered(json);
        assert_eq!((told, findings.unknown_fields()), (None, vec!["storage.read"]), "{json}");
    }
}
