//! The first minute of a user: `up`, the line to try, and what it looks like in a terminal.

use std::process::Command;

use serde_json::Value;

use crate::support::{Daemon, Engine, Home, lines, require};

/// A home from which nothing can be fetched: no index, no proxy that answers, no program but the installed engine.
fn cut_off(engine: &Engine) -> Home {
    let mut home = Home::new(engine);
    home.set("PATH", home.outside().join("bin"));
    home.set("PIP_NO_INDEX", "1");
    for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
        home.set(proxy, "http://127.0.0.1:9");
    }
    home
}

#[test]
fn a_warm_start_needs_no_network_and_prints_only_where_it_answers() {
    let Some(engine) = Engine::real() else { return };
    let ran = Daemon::with(cut_off(&engine), &engine, "").stop();
    let said: Vec<&str> = ran.stdout.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(said.len(), 2, "{ran:?}");
    assert!(
        said[0].starts_with("http://127.0.0.1:") && said[0].ends_with("/v1 answers for chat. Try:"),
        "{said:?}"
    );
    assert!(said[1].starts_with("curl http://127.0.0.1:"), "{said:?}");
    assert!(ran.stderr.contains("chat is ready: a token came out"), "{ran:?}");
}

#[test]
fn the_line_that_up_prints_gets_an_answer_when_it_is_pasted() {
    let Some(engine) = Engine::real() else { return };
    if Command::new("curl").arg("--version").output().is_err() {
        return require::skip("curl", "it is not on PATH");
    }
    let daemon = Daemon::start(&engine);
    let line = daemon.stdout().lines().find(|line| line.starts_with("curl ")).unwrap().to_owned();
    let pasted = Command::new("sh").args(["-c", &line]).output().unwrap();
    assert!(pasted.status.success(), "{pasted:?}");
    let answer: Value = serde_json::from_slice(&pasted.stdout).unwrap_or_else(|_| panic!("{pasted:?}"));
    let content = answer["choices"][0]["message"]["content"].as_str();
    assert!(content.is_some_and(|text| !text.is_empty()), "{answer}");
}

#[test]
fn everything_for_people_fits_into_80_columns() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    let profile = daemon.home.outside().join("profile.yaml");
    let profile = profile.to_str().unwrap();
    for verb in [
        &["audit"][..],
        &["plan", "-f", profile],
        &["ps"],
        &["status"],
        &["engines", "ls"],
        &["models", "ls"],
    ] {
        let ran = daemon.home.run(verb);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        lines::assert_fit(&ran.stdout);
    }
    let ran = daemon.stop();
    lines::assert_fit(&ran.stderr);
    // The line to paste must stay one line.
    let endpoint = ran.stdout.lines().find(|line| line.contains("answers for")).unwrap();
    lines::assert_fit(endpoint);
}
