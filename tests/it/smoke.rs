//! The main job: from nothing to an answer, and back to nothing.

use serde_json::{Value, json};

use crate::support::{Daemon, Engine};

async fn chat(daemon: &Daemon) -> Value {
    let body = json!({"model": "chat", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4});
    let answer =
        reqwest::Client::new().post(daemon.url("/v1/chat/completions")).body(body.to_string()).send().await;
    serde_json::from_str(&answer.unwrap().text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_real_engine_answers_and_leaves_nothing_behind() {
    let Some(engine) = Engine::real() else { return };
    let daemon = Daemon::start(&engine);
    let answer = chat(&daemon).await;
    assert_eq!(answer["model"], "chat");
    assert_eq!(answer["usage"]["completion_tokens"], 4);
    let ran = daemon.stop();
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
}
