//! The audit and the doctor as programs: on this machine, on captures, and on files that are none.

use serde_json::Value;

use crate::support::daemon::profile;
use crate::support::{Engine, Home};

fn home() -> Home {
    Home::new(&Engine::fake(""))
}

fn json(home: &Home, arguments: &[&str]) -> Value {
    let ran = home.run(arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

fn fixture(name: &str) -> String {
    format!("{}/tests/machines/{name}.ttar", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_audit_measures_this_machine_and_says_where_each_fact_is_from() {
    let home = home();
    let host = json(&home, &["audit", "--json"]);
    assert_eq!(host["schema"], "edgeorch.host/v1");
    assert!(host["memory"]["total"].as_u64().unwrap() > 0);
    let why = |host: &Value| {
        let unknown = host["unknown"].as_array().unwrap().clone();
        unknown
            .into_iter()
            .find(|entry| entry["field"] == "memory.bandwidth")
            .map(|entry| entry["reason"].clone())
    };
    // The tests' own build is one that would measure itself; the benchmarks' is not.
    match why(&host) {
        None => assert!(host["memory"]["bandwidth"]["bytes_per_second"].as_u64().unwrap() > 0),
        Some(reason) => assert!(reason.as_str().unwrap().contains("without optimisation"), "{reason}"),
    }
    assert!(host["sources"]["memory.total"].as_str().or(host["sources"]["memory"].as_str()).is_some());

    let quick = json(&home, &["audit", "--json", "--no-measure"]);
    assert_eq!(quick["memory"]["bandwidth"], Value::Null);
    assert_eq!(why(&quick).unwrap(), "not measured");
}

#[test]
fn a_capture_of_this_machine_tells_elsewhere_what_it_told_here() {
    let home = home();
    for name in ["machine.tar.zst", "machine.ttar"] {
        let file = home.outside().join(name);
        let file = file.to_str().unwrap();
        let here = json(&home, &["audit", "--json", "--no-measure", "--capture", file]);
        let there = json(&home, &["audit", "--json", "--no-measure", "--sysroot", file]);
        for part in ["machine", "os", "cpu", "memory", "power", "thermal", "sources", "unknown"] {
            assert_eq!(there[part], here[part], "{part} of {name}");
        }
        let again = home.run(&["audit", "--capture", file]);
        again.is_refusal(1, &["exists already", "choose another name"]);
    }
    let text = std::fs::read_to_string(home.outside().join("machine.ttar")).unwrap();
    for secret in ["/etc/machine-id", "/proc/sys/kernel/random/boot_id"] {
        let secret = std::fs::read_to_string(secret).unwrap_or_default();
        assert!(secret.trim().is_empty() || !text.contains(secret.trim()), "the capture holds {secret}");
    }
}

#[test]
fn files_that_are_no_captures_are_refused_in_a_sentence() {
    let home = home();
    let place = home.outside().join("x.tar.zst");
    let file = place.to_str().unwrap();
    home.run(&["audit", "--sysroot", file]).is_refusal(4, &["x.tar.zst can't be read", "No such file"]);
    std::fs::write(&place, b"hello").unwrap();
    home.run(&["audit", "--sysroot", file]).is_refusal(1, &["neither a packed capture"]);
    home.run(&["doctor", "--sysroot", file]).is_refusal(1, &["neither a packed capture"]);
    home.run(&["audit", "--sysroot", file, "--capture", "y"]).is_refusal(2, &["cannot be used with"]);
    home.run(&["audit", "--capture", "/nowhere/y.tar.zst"])
        .is_refusal(1, &["/nowhere/y.tar.zst can't be written"]);
}

#[test]
fn the_doctor_names_a_gpu_that_nothing_drives() {
    let home = home();
    let ran = home.run(&["doctor", "--sysroot", &fixture("nouveau-no-driver")]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for word in ["Problem  ", "driver", "→", "1 problem"] {
        assert!(ran.stdout.contains(word), "no {word} in {ran:?}");
    }
    let ran = home.run(&["doctor", "--json", "--sysroot", &fixture("nouveau-no-driver")]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["findings"][0]["id"], "gpu-without-driver");
}

#[test]
fn the_doctor_judges_a_profile_without_fetching_anything() {
    let engine = Engine::fake("");
    let home = Home::new(&engine);
    let text = profile(&engine.source(&home), 1, "");
    let file = home.profile(&text);
    let report = home.run(&["doctor", "--json", "-f", file.to_str().unwrap()]);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    assert!(report["need"].as_u64().unwrap() > 0, "{report}");

    let file = home.profile(&profile("https://127.0.0.1:1/model.gguf#sha256=00", 1, ""));
    let ran = home.run(&["doctor", "-f", file.to_str().unwrap()]);
    assert_eq!(ran.code, Some(2), "a digest that is none: {ran:?}");
    let digest = "0".repeat(64);
    let file = home.profile(&profile(&format!("https://127.0.0.1:1/model.gguf#sha256={digest}"), 1, ""));
    let ran = home.run(&["doctor", "-f", file.to_str().unwrap()]);
    assert!(ran.stdout.contains("chat was not judged: its weights are not here."), "{ran:?}");
}
