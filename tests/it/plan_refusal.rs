//! Plans that the profile itself forbids: the exit code says policy, the message says why, and nothing is started,
//! fetched or asked for.

use std::process::Stdio;

use crate::support::daemon::profile;
use crate::support::hub::Hub;
use crate::support::{Engine, Home, wait};

const HUB_SOURCE: &str = "hf:bartowski/SmolLM2-135M-Instruct-GGUF:Q4_K_M";

/// `plan` and `up` end alike, and leave nothing behind.
fn both_refuse(home: &Home, text: &str, says: &[&str]) {
    let profile = home.profile(text);
    let path = profile.to_str().unwrap();
    for verb in ["plan", "up"] {
        let ran = home.refuses(&[verb, "-f", path], 5, says);
        assert!(!ran.stderr.contains("is starting"), "{ran:?}");
    }
    assert_eq!(home.run(&["plan", "--json", "-f", path]).code, Some(5));
}

#[test]
fn high_fidelity_takes_no_file_below_8_bits() {
    let Some(engine) = Engine::real() else { return };
    let home = Home::new(&engine);
    let text = profile(&engine.file(&home), 0, "    fidelity: high");
    both_refuse(&home, &text, &["fidelity: high takes weights of 8 bits or more, and these are of 5 bits"]);
    let text = profile(&engine.file(&home), 0, "    fidelity: balanced");
    let path = home.profile(&text);
    assert_eq!(
        home.run(&["plan", "-f", path.to_str().unwrap()]).code,
        Some(0),
        "only the fidelity was wrong"
    );
}

#[test]
fn high_fidelity_and_what_contradicts_it_are_refused() {
    let mut home = Home::new(&Engine::fake(""));
    let hub = Hub::of(&mut home);
    let coarse = profile("auto", 0, "    fidelity: high\n    kv_cache: {key: q4_0, value: q4_0}");
    both_refuse(&home, &coarse, &["fidelity: high takes a cache of 8 bits or more whose loss is known"]);
    let small = profile("auto", 0, "    fidelity: high\n    variants: [Q4_K_M]");
    both_refuse(&home, &small, &["fidelity: high takes weights of 8 bits or more"]);
    assert_eq!(hub.visits(), 0, "a contradiction is found without a network");
}

#[test]
fn behind_an_air_gap_nobody_is_asked_for_weights() {
    let mut home = Home::new(&Engine::fake(""));
    let hub = Hub::of(&mut home);
    let airgapped = |source: &str| format!("privacy: {{mode: airgap}}\n{}", profile(source, 0, ""));
    both_refuse(&home, &airgapped("auto"), &["privacy.mode is airgap", "edgeorch pull"]);
    both_refuse(&home, &airgapped(HUB_SOURCE), &["privacy.mode is airgap", HUB_SOURCE]);
    let path = home.profile(&airgapped("auto"));
    let named = home.run(&["plan", "-f", path.to_str().unwrap(), "--model", HUB_SOURCE]);
    named.is_refusal(5, &["privacy.mode is airgap"]);
    assert_eq!(hub.visits(), 0);

    // The same without the gap comes to the hub: no visit means something.
    let path = home.profile(&profile(HUB_SOURCE, 0, ""));
    let mut plan = home.command(&["plan", "-f", path.to_str().unwrap()]);
    let mut plan = plan.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait::until("a visit of the hub", || hub.visits() > 0);
    plan.kill().unwrap();
    plan.wait().unwrap();
}
