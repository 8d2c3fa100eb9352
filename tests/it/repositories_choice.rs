//! `source: auto` against what really lies in a repository: each that is about to be taken is asked about once, and what
//! is not there is passed over with the reason.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::daemon::{free_port, profile};
use crate::support::engine::tiny_model;
use crate::support::home::{NO_HUB, Ran};
use crate::support::hub::Hub;
use crate::support::repositories::{Files, Repositories};
use crate::support::{Daemon, Engine, Home};

/// A profile of models that are chosen from the catalogue: their ids, and what else is asked of them in braces.
fn auto(home: &Home, more: &str, models: &[&str]) -> String {
    let one = |model: &&str| {
        let (id, keys) = model.split_once(": {").unwrap_or((model, "}"));
        format!("  {id}: {{source: auto, context_size: 4096, {keys}\n")
    };
    let models: String = models.iter().map(one).collect();
    let text =
        format!("apiVersion: edgeorch/v1\nkind: Profile\nmetadata: {{name: test}}\n{more}models:\n{models}");
    home.profile(&text).to_str().unwrap().to_owned()
}

/// Another machine, because the one that tests run on is never the same.
fn host(home: &Home) -> String {
    let capture = format!("{}/tests/machines/rtx-4090-desktop.ttar", env!("CARGO_MANIFEST_DIR"));
    let ran = home.run(&["audit", "--json", "--no-measure", "--sysroot", &capture]);
    let path = home.outside().join("host.json");
    std::fs::write(&path, &ran.stdout).unwrap();
    path.to_str().unwrap().to_owned()
}

fn plan(home: &Home, more: &str, models: &[&str]) -> (Ran, Vec<Value>) {
    let ran = home.run(&["plan", "--json", "-f", &auto(home, more, models), "--host", &host(home)]);
    let planned = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    (ran, planned)
}

/// What any repository holds where it has these types only.
fn holding(types: &'static [&'static str]) -> impl Fn(&str) -> Option<Files> {
    move |_| Some(types.iter().map(|kind| (format!("model-{kind}.gguf"), tiny_model())).collect())
}

fn source(planned: &Value) -> &str {
    planned["subject"]["source"].as_str().unwrap_or_else(|| panic!("{planned}"))
}

fn is_distinct(listed: &[String]) -> bool {
    listed.iter().collect::<BTreeSet<_>>().len() == listed.len()
}

#[test]
fn what_the_repository_has_is_taken_and_what_it_lacks_is_told_with_what_it_has() {
    let mut home = Home::new(&Engine::None);
    let hub = Repositories::of(&mut home, holding(&["Q4_K_M", "UD-Q4_K_XL"]));
    let (ran, planned) = plan(&home, "", &["chat"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(source(&planned[0]).ends_with(":Q4_K_M"), "{}", planned[0]["subject"]);
    let first = &planned[0]["rejected"][0];
    assert_eq!(first["kind"], "absent", "{first}");
    let reason = first["reason"].as_str().unwrap();
    assert!(reason.contains(" has no Q") && reason.ends_with("; it has Q4_K_M, UD-Q4_K_XL"), "{reason}");
    assert!(first["source"].as_str().unwrap().starts_with(reason.split(' ').next().unwrap()), "{first}");
    let listed = hub.listed();
    assert!((1..=8).contains(&listed.len()) && is_distinct(&listed), "{listed:?}");
    assert!(listed.iter().any(|repo| source(&planned[0]).starts_with(&format!("hf:{repo}:"))), "{listed:?}");
}

#[test]
fn only_what_is_about_to_be_taken_is_asked_about_and_that_once_for_all_models() {
    let mut home = Home::new(&Engine::None);
    let all = &["Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "IQ4_XS", "MXFP4", "NVFP4", "BF16", "F16"];
    let hub = Repositories::of(&mut home, holding(all));
    let (ran, planned) = plan(&home, "", &["one", "two"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let listed = hub.listed();
    assert!(listed.len() <= 2 && is_distinct(&listed), "{listed:?}");
    for planned in &planned {
        let rejected = planned["rejected"].as_array().unwrap();
        assert!(rejected.iter().all(|one| one["kind"] != "absent"), "{rejected:?}");
        let repository = source(planned).strip_prefix("hf:").unwrap().split(':').next().unwrap();
        assert!(listed.contains(&repository.to_owned()), "{repository} is not in {listed:?}");
    }
    // The same as if nobody had been asked.
    let unasked = Home::new(&Engine::None);
    let (_, unknown) = plan(&unasked, "", &["one", "two"]);
    assert_eq!(planned[0]["subject"], unknown[0]["subject"]);
    // Behind an air gap nobody is.
    let ran = home.run(&["plan", "-f", &auto(&home, "privacy: {mode: airgap}\n", &["chat"])]);
    assert_eq!(ran.code, Some(5), "{ran:?}");
    // Nor where nothing fits, so that nothing is taken.
    let (ran, _) = plan(&home, "budget: {memory: 64MiB}\n", &["chat"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(hub.asked(), Vec::<String>::new());
}

#[test]
fn a_hub_that_nobody_reaches_is_told_once_and_the_choice_goes_on() {
    let mut home = Home::new(&Engine::None);
    let (ran, planned) = plan(&home, "", &["one", "two"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(planned.len(), 2);
    let told = "which types the repositories hold is not known";
    ran.is_refusal(0, &[told, "failed to list hf:", "HF_ENDPOINT"]);
    // One that answers something else, or breaks off, is not asked again either.
    for answer in ["<html>sign in</html>", "[{\"type\":\"file\"", "{}"] {
        let server = crate::support::file_server::FileServer::whole(answer.into());
        home.set("HF_ENDPOINT", server.url("").trim_end_matches('/').to_owned());
        let (ran, planned) = plan(&home, "", &["one", "two"]);
        assert_eq!(planned.len(), 2);
        ran.is_refusal(0, &[told, "what answers there is no hub; check HF_ENDPOINT"]);
    }
    let hub = Hub::of(&mut home);
    let path = auto(&home, "privacy: {mode: airgap}\n", &["chat"]);
    assert_eq!(home.run(&["plan", "-f", &path]).code, Some(5));
    assert_eq!(hub.visits(), 0);
}

#[test]
fn asking_ends_where_one_repository_after_the_other_has_nothing() {
    for (has, why) in [(false, "the hub has no such repository"), (true, "has no ")] {
        let mut home = Home::new(&Engine::None);
        let hub = Repositories::of(&mut home, move |_| has.then(Files::new));
        // One type, so that nine choices among all models take no minute.
        let (ran, planned) = plan(&home, "", &["chat: {variants: [Q4_K_M]}"]);
        ran.is_refusal(0, &["8 repositories lack what was to be taken from them"]);
        let listed = hub.listed();
        assert!(listed.len() == 8 && is_distinct(&listed), "{listed:?}");
        let rejected = planned[0]["rejected"].as_array().unwrap();
        assert_eq!(rejected.len(), 5);
        for one in rejected {
            assert_eq!(one["kind"], "absent", "{one}");
            assert!(one["reason"].as_str().unwrap().contains(why), "{one}");
        }
        assert!(!listed.iter().any(|repo| source(&planned[0]).contains(repo)), "{listed:?}");
    }
}

#[test]
fn up_starts_what_the_repository_has_in_parts_too_and_starts_it_again_without_a_hub() {
    let engine = Engine::fake("");
    let mut home = Home::new(&engine);
    let hub = Repositories::of(&mut home, |_| Some(super::repositories_parts::parts("model-Q4_K_M")));
    let port = free_port();
    let text = profile("auto", port, "");
    let mut daemon = Daemon::of_profile(home.clone(), port, &text);
    daemon.wait_ready();
    let said = daemon.stop().stderr;
    assert!(said.contains("was passed over: hf:"), "{said}");
    assert!(said.contains("it has Q4_K_M"), "{said}");
    let asked = hub.asked();
    assert_eq!(asked.iter().filter(|path| path.ends_with(".gguf")).count(), 2, "{asked:?}");

    // A machine that was cut off from the hub starts what it ran before, and so does one behind an air gap.
    home.set("HF_ENDPOINT", NO_HUB);
    let airgapped = format!("privacy: {{mode: airgap}}\n{text}");
    for (text, told) in [(&text, 1), (&airgapped, 0)] {
        let mut daemon = Daemon::of_profile(home.clone(), port, text);
        daemon.wait_ready();
        let said = daemon.stop().stderr;
        assert_eq!(said.matches("which types the repositories hold is not known").count(), told, "{said}");
        assert_eq!(said.matches("chosen among the models that are here").count(), 1, "{said}");
    }
    assert_eq!(hub.asked(), Vec::<String>::new());
}
