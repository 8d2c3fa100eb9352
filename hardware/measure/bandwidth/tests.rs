use edgeorch_engines::contract::host::CacheKind;

use super::*;
use crate::{Node, Tree};

fn cache(level: u8, mebibytes: u64, instances: u32) -> Cache {
    Cache { level, kind: CacheKind::Unified, size: Bytes(mebibytes << 20), instances }
}

fn given(usable_cores: u32, caches: &[Cache], usable_memory: u64) -> Given<'_> {
    Given { usable_cores, caches, usable_memory: Bytes(usable_memory) }
}

#[test]
fn two_cores_of_a_large_server_reach_two_of_its_caches() {
    let caches = [cache(2, 1, 128), cache(3, 32, 16)];
    assert_eq!(reachable_cache(&given(2, &caches, 0)), Some(64 << 20));
    assert_eq!(reachable_cache(&given(128, &caches, 0)), Some(512 << 20));
    assert_eq!(reachable_cache(&given(4, &[], 0)), None);
}

#[test]
fn the_memory_used_is_four_times_the_caches_within_bounds() {
    let wanted = |cache, memory| super::wanted(&given(1, &[], memory), cache) >> 20;
    assert_eq!(wanted(Some(64 << 20), 64 << 30), 256);
    assert_eq!(wanted(Some(1 << 20), 64 << 30), 128);
    assert_eq!(wanted(Some(1 << 30), 64 << 30), 512);
    assert_eq!(wanted(Some(64 << 20), 256 << 20), 32);
    assert_eq!(wanted(Some(u64::MAX), u64::MAX), 512);
}

#[test]
fn this_machine_s_memory_is_measured_within_its_bounds() {
    let given = given(2, &[], 1 << 30);
    let measured = measure(&given, None).unwrap();
    eprintln!("{measured:?}");
    assert!(measured.bytes_per_second > 0 && measured.one_thread_bytes_per_second > 0);
    assert!(measured.working_set.0 > 0 && measured.working_set.0 <= 128 << 20);
    assert_eq!(measured.threads, 2);
}

#[test]
fn without_memory_or_beyond_the_caches_nothing_is_measured() {
    assert!(matches!(measure(&given(2, &[], 1 << 20), None), Err(NotMeasured::NoMemory)));
    assert!(matches!(measure(&given(0, &[], 0), None), Err(NotMeasured::NoMemory)));
    let error = measure(&given(1, &[], 64 << 20), Some(1 << 30)).unwrap_err();
    assert!(error.to_string().ends_with("fit into the caches of 1.0 GiB"), "{error}");
}

#[test]
fn a_capture_s_measurement_is_told_again() {
    let answered = |json: &str| {
        let mut tree = Tree::default();
        tree.put(".edgeorch/answers/bandwidth.json", Node::File(json.into()));
        let mut findings = Findings::default();
        let told = bandwidth(&Root::of(tree), given(8, &[cache(3, 16, 1)], 8 << 30), &mut findings);
        (told, findings)
    };
    let (told, findings) = answered(
        r#"{"Ok": {"bytes_per_second": 60000000000, "threads": 8, "one_thread_bytes_per_second": 20000000000,
            "working_set": 134217728, "milliseconds": 270}}"#,
    );
    assert_eq!(told.unwrap().bytes_per_second, 60_000_000_000);
    assert!(findings.source("memory.bandwidth").unwrap().contains("more than four times the caches"));
    for json in [r#"{"Err": "no_memory"}"#, "{}", "[", r#"{"Ok": {"threads": -1}}"#] {
        let (told, findings) = answered(json);
        assert_eq!((told, findings.unknown_fields()), (None, vec!["memory.bandwidth"]), "{json}");
    }
}
