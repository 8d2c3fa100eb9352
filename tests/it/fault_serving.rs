//! Engines that served and then fail: what clients see of it.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::ask::{self, Answer};
use crate::support::{Daemon, Engine, Home};

/// A ready daemon whose engine counts its launches, so that faults can be of the first ones only.
fn serving(faults: &str) -> Daemon {
    let engine = Engine::fake(faults);
    let mut home = Home::new(&engine);
    home.set("EDGEORCH_FAKE_STATE", home.outside().join("launches"));
    Daemon::with(home, &engine, "    parallel: 4")
}

/// Four clients, each asking ten times in a row, without streaming and without a retry of their own.
fn load(daemon: &Daemon) -> Vec<Answer> {
    let client = || (0..10).map(|_| ask::chat(daemon, 4)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

fn all_whole(answers: &[Answer]) {
    assert_eq!(answers.len(), 40);
    for answer in answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["choices"][0]["message"]["content"], "tok0 tok1 tok2 tok3");
    }
}

#[test]
fn an_engine_that_crashes_under_load_costs_no_request() {
    // Twice, because a request is given to an engine three times at most.
    let daemon = serving("slow-token=5ms,crash-after-tokens=30,times=2");
    all_whole(&load(&daemon));
    assert_eq!(daemon.model()["restarts"], 2);
    daemon.stop().is_refusal(130, &[]);
}

#[test]
fn an_engine_that_is_killed_under_load_costs_no_request() {
    let daemon = serving("slow-token=5ms");
    let engine = daemon.engine_pid();
    let answers = std::thread::scope(|scope| {
        let load = scope.spawn(|| load(&daemon));
        daemon.until("work in the engine", |_| ask::chat(&daemon, 1).status == 200);
        kill(Pid::from_raw(engine as i32), Signal::SIGKILL).unwrap();
        load.join().unwrap()
    });
    all_whole(&answers);
    let model = daemon.until_state("ready");
    assert_eq!((&model["restarts"], &model["cause"]), (&1.into(), &"killed".into()));
    daemon.stop().is_refusal(130, &["chat was killed by someone else"]);
}

#[test]
fn an_engine_that_crashes_within_a_stream_ends_it_with_an_error_event() {
    let daemon = serving("crash-after-tokens=6,times=1");
    let rest = ask::stream(&daemon, 20).rest();
    assert!(rest.contains("stream_broken"), "{rest}");
    daemon.until_state("ready");
    assert_eq!(ask::chat(&daemon, 2).status, 200);
    daemon.stop().is_refusal(130, &[]);
}

#[test]
fn what_the_engine_refuses_comes_in_its_own_words() {
    let daemon = serving("");
    let body = json!({"model": "chat", "input": "Hi"}).to_string();
    let answer = ask::post(&daemon, "/v1/embeddings", &body);
    assert_eq!(answer.status, 501);
    assert_eq!(
        answer.body,
        r#"{"error":{"message":"This server does not support embeddings. Start it with `--embeddings`","type":"not_supported_error","code":501}}"#
    );
    assert_eq!(daemon.model()["restarts"], 0, "a refusal is no fault of the engine");
    daemon.stop().is_refusal(130, &[]);
}

#[test]
fn a_stream_in_flight_is_finished_before_the_engine_is_stopped() {
    let daemon = serving("slow-token=50ms");
    let stream = ask::stream(&daemon, 40);
    daemon.signal(Signal::SIGINT);
    let rest = stream.rest();
    assert!(rest.contains("tok39") && rest.contains("[DONE]"), "{rest}");
    daemon.ended().is_refusal(130, &["chat is stopped"]);
}

#[test]
fn a_request_that_hangs_does_not_outlast_a_second_interrupt() {
    // The first token is the one that proves that it is ready, the second one begins the stream.
    let daemon = serving("hang-after-tokens=2");
    let hanging = ask::stream(&daemon, 5);
    daemon.signal(Signal::SIGINT);
    daemon.until_state("draining");
    daemon.signal(Signal::SIGINT);
    daemon.ended().is_refusal(130, &["Ending at once."]);
    drop(hanging);
}

#[test]
fn an_engine_that_ignores_sigterm_is_killed() {
    let daemon = serving("ignore-sigterm");
    daemon.stop().is_refusal(130, &["chat is stopped; nothing of it is left"]);
}
