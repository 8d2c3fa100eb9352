//! A client that leaves in the middle of its stream costs the engine nothing more.

use serde_json::json;

use crate::support::client::{Events, post};
use crate::support::{Daemon, Engine, wait};

#[tokio::test]
async fn a_client_that_leaves_mid_stream_frees_the_engines_only_slot() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    let url = daemon.url("/v1/chat/completions");
    let mut body = json!({"model": "chat", "messages": [{"role": "user", "content": "Count."}],
        "max_tokens": 450, "ignore_eos": true, "stream": true});
    let mut events = Events::open(&url, &body).await;
    events.first(3).await;
    drop(events);
    wait::until("the engine's log tells of a cancelled task", || {
        daemon.home.run(&["logs", "-n", "200"]).stdout.contains("cancel task")
    });
    // The one slot serves the next.
    body["stream"] = json!(false);
    body["max_tokens"] = json!(2);
    let (status, answer) = post(&url, &body).await;
    assert_eq!((status, &answer["usage"]["completion_tokens"]), (200, &json!(2)), "{answer}");
}
