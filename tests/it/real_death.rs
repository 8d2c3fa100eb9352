//! Engines and daemons that die without a word, while clients wait.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::client::{Events, post};
use crate::support::{Daemon, Engine, processes, wait};

fn question(tokens: u32, is_streamed: bool) -> Value {
    json!({"model": "chat", "messages": [{"role": "user", "content": "Tell a story."}],
        "max_tokens": tokens, "ignore_eos": true, "stream": is_streamed})
}

fn signal_engine(daemon: &Daemon, signal: Signal) {
    kill(Pid::from_raw(daemon.engine_pid() as i32), signal).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_engine_under_load_fails_no_request() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    let (answered, mut first) = tokio::sync::mpsc::unbounded_channel();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (url, answered) = (daemon.url("/v1/chat/completions"), answered.clone());
            tokio::spawn(async move {
                for _ in 0..2 {
                    let (status, answer) = post(&url, &question(12, false)).await;
                    assert_eq!(status, 200, "{answer}");
                    assert_eq!(answer["usage"]["completion_tokens"], 12, "{answer}");
                    answered.send(()).unwrap();
                }
            })
        })
        .collect();
    // The one slot has answered one client: seven others have a request in the engine.
    first.recv().await.unwrap();
    signal_engine(&daemon, Signal::SIGKILL);
    for client in clients {
        client.await.unwrap();
    }
    let model = daemon.model();
    assert_eq!((&model["restarts"], &model["cause"]), (&json!(1), &json!("killed")), "{model}");
    assert_eq!(model["state"], "ready");
}

#[tokio::test]
async fn a_stream_cut_by_the_engines_death_ends_with_an_error_event_and_done() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    let mut events = Events::open(&daemon.url("/v1/chat/completions"), &question(450, true)).await;
    events.first(3).await;
    signal_engine(&daemon, Signal::SIGKILL);
    let stream = events.rest().await;
    assert!(stream.is_done(), "{stream:?}");
    let last = stream.events().pop().unwrap();
    assert_eq!(last["error"]["code"], "stream_broken", "{stream:?}");
}

#[test]
fn an_engine_that_stands_still_is_noticed_and_started_anew() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    let before = daemon.engine_pid();
    signal_engine(&daemon, Signal::SIGSTOP);
    let model =
        daemon.until("a new engine serves", |model| model["restarts"] == 1 && model["state"] == "ready");
    assert_eq!(model["cause"], "hang", "{model}");
    assert_ne!(model["pid"], before);
    assert!(!processes::is_alive(before));
}

#[test]
fn after_the_daemon_was_killed_the_next_start_leaves_exactly_one_engine() {
    let Some(engine) = Engine::real() else { return };
    let mut killed = Daemon::start(&engine);
    let orphan = killed.engine_pid();
    killed.kill();
    let next = Daemon::with(killed.home.clone(), &engine, "");
    assert!(!processes::is_alive(orphan), "the killed daemon's engine lives on");
    let mut expected = vec![next.pid(), next.engine_pid()];
    let mut living = processes::of_home(&next.home.path());
    expected.sort_unstable();
    living.sort_unstable();
    assert_eq!(living, expected);
    let ran = next.home.run(&["down"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // Proves that nothing is left.
    assert_eq!(next.ended().code, Some(0));
}

#[test]
fn an_engine_does_not_outlive_its_daemon() {
    let Some(engine) = Engine::real() else { return };
    let mut daemon = Daemon::start(&engine);
    let pid = daemon.engine_pid();
    daemon.kill();
    wait::until("the engine has died with its daemon", || !processes::is_alive(pid));
}
