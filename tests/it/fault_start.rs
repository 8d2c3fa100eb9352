//! Engines that start badly: which of them are tried again, and what a person is told.

use crate::support::home::Ran;
use crate::support::{Daemon, Engine, Home, ask};

/// An `up` whose engine has these faults, and how often that engine was started. The fake engine counts itself.
fn launch(faults: &str) -> Daemon {
    let engine = Engine::fake(faults);
    let mut home = Home::new(&engine);
    home.set("EDGEORCH_FAKE_STATE", home.outside().join("launches"));
    Daemon::launch(home, &engine, "")
}

fn launches(home: &Home) -> u64 {
    home.outside().join("launches").metadata().map_or(0, |facts| facts.len())
}

/// An `up` that ends by itself with exit code 1.
fn fails(faults: &str, launched: u64, says: &[&str]) -> Ran {
    let daemon = launch(faults);
    let home = daemon.home.clone();
    let ran = daemon.ended();
    ran.is_refusal(1, says);
    assert_eq!(launches(&home), launched, "{}", ran.stderr);
    ran
}

#[test]
fn an_engine_that_crashes_while_loading_is_tried_five_times_and_its_last_line_is_told() {
    let ran =
        fails("crash-on-load", 5, &["edgeorch: chat crashed: signal 6; its last line: ", "loading model"]);
    assert_eq!(ran.stderr.matches("chat crashed").count(), 5, "each crash is told once: {}", ran.stderr);
}

#[test]
fn an_engine_that_refuses_its_arguments_is_not_tried_again() {
    fails(
        "usage-error",
        1,
        &[
            "edgeorch: chat was refused by the engine",
            "invalid argument: --fake-usage-error",
            "check the profile's runtime_flags",
        ],
    );
}

#[test]
fn an_engine_for_another_cpu_is_not_tried_again() {
    fails(
        "sigill",
        1,
        &[
            "chat died of an illegal instruction",
            "it was found on PATH",
            "`edgeorch engines install llama.cpp`",
        ],
    );
}

#[test]
fn an_engine_without_enough_memory_is_not_tried_again() {
    fails(
        "exit-oom",
        1,
        &["chat ran out of memory", "exiting due to model loading error", "lower context_size"],
    );
}

#[test]
fn an_engine_that_answers_health_and_gives_no_token_is_never_ready() {
    let ran = fails(
        "lie-health",
        5,
        &["edgeorch: chat answers but produces no token", "status 500", "Compute error."],
    );
    assert!(!ran.stderr.contains("chat is ready"), "{}", ran.stderr);
}

#[test]
fn a_port_that_somebody_took_is_answered_with_another_one() {
    let mut daemon = launch("port-taken,times=1");
    daemon.wait_ready();
    let model = daemon.model();
    assert_eq!(
        (&model["generation"], &model["restarts"], &model["cause"]),
        (&2.into(), &1.into(), &"port_taken".into())
    );
    assert_eq!(ask::chat(&daemon, 2).status, 200);
    daemon.stop().is_refusal(130, &["chat found its port taken"]);
}

#[test]
fn an_engine_whose_health_hangs_is_replaced() {
    let mut daemon = launch("hang-health,times=1");
    daemon.wait_ready();
    assert_eq!(daemon.model()["cause"], "hang");
    daemon.stop().is_refusal(130, &["chat stopped answering: health: no answer within 5s"]);
}

#[test]
fn an_engine_that_loads_slowly_is_waited_for() {
    let mut daemon = launch("load=3s");
    let loading = daemon.until_state("starting");
    assert_eq!(loading["ready_after_ms"], serde_json::Value::Null);
    daemon.wait_ready();
    let ready = daemon.model();
    assert!(ready["ready_after_ms"].as_u64().unwrap() >= 3000, "{ready}");
    assert_eq!(ready["restarts"], 0);
    daemon.stop().is_refusal(130, &["chat is ready"]);
}

#[test]
fn an_engine_that_floods_its_log_fills_no_disk() {
    let mut daemon = launch("log-flood=60,big-endless-line=5");
    daemon.wait_ready();
    assert_eq!(ask::chat(&daemon, 2).status, 200);
    let logs = std::fs::read_dir(daemon.home.path().join("logs")).unwrap();
    let kept: u64 = logs.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!((1..40 << 20).contains(&kept), "{kept} bytes of logs were kept");
    daemon.stop().is_refusal(130, &["chat is ready"]);
}

#[test]
fn a_daemon_that_has_just_begun_to_listen_says_that_it_is_not_ready() {
    let daemon = launch("never-listen");
    // Its first answers: the moment before the models are known is the one that could lie.
    let answers: Vec<u16> = (0..20).map(|_| ask::get(&daemon, "/readyz").status).collect();
    assert_eq!(answers, [503; 20]);
    daemon.stop();
}
