//! The ways to end it: one signal drains, two end at once, and nothing is ever left.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::client::Events;
use crate::support::{Daemon, Engine, wait};

fn story(tokens: u32) -> Value {
    json!({"model": "chat", "messages": [{"role": "user", "content": "Tell a story."}],
        "max_tokens": tokens, "ignore_eos": true, "stream": true})
}

#[tokio::test]
async fn one_interrupt_lets_a_running_stream_finish() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    let mut body = story(40);
    body["stream_options"] = json!({"include_usage": true});
    let mut events = Events::open(&daemon.url("/v1/chat/completions"), &body).await;
    events.first(3).await;
    daemon.signal(Signal::SIGINT);
    let stream = events.rest().await;
    assert!(stream.is_done() && stream.error().is_none(), "{stream:?}");
    let usage = stream.events().pop().unwrap();
    assert_eq!(usage["usage"]["completion_tokens"], 40, "{stream:?}");
    let ran = daemon.ended();
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(ran.stderr.contains("chat is stopped; nothing of it is left"), "{ran:?}");
}

#[tokio::test]
async fn a_second_interrupt_ends_at_once() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    let mut events = Events::open(&daemon.url("/v1/chat/completions"), &story(450)).await;
    events.first(3).await;
    daemon.signal(Signal::SIGINT);
    // Two signals at once may arrive as one.
    wait::until("it says that it drains", || daemon.stderr().contains("Once more ends at once"));
    daemon.signal(Signal::SIGINT);
    let ran = daemon.ended();
    assert_eq!(ran.code, Some(130), "{ran:?}");
    assert!(ran.stderr.contains("Ending at once."), "{ran:?}");
    let stream = events.rest().await;
    let finished = stream.events().iter().any(|event| event["choices"][0]["finish_reason"].is_string());
    assert!(!finished, "it was not ended at once: {stream:?}");
}

#[test]
fn a_termination_signal_is_a_wish_fulfilled() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    daemon.signal(Signal::SIGTERM);
    let ran = daemon.ended();
    assert_eq!(ran.code, Some(0), "{ran:?}");
}
