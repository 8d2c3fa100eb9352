//! Every path of the gateway with the real engine behind it: chat, completions, embeddings, streamed and not, and what
//! machines ask about the gateway itself. The tests share one daemon for as long as one of them uses it.

use std::sync::{Arc, Mutex, Weak};

use serde_json::{Value, json};

use crate::support::client::{Events, get, post};
use crate::support::daemon::free_port;
use crate::support::engine::SMOLLM2;
use crate::support::{Daemon, Engine, Home};

/// The same weights twice: `chat`, and `embed` for embeddings.
pub fn two_models() -> Option<Arc<Daemon>> {
    static SHARED: Mutex<Weak<Daemon>> = Mutex::new(Weak::new());
    let engine = Engine::real()?;
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(daemon) = shared.upgrade() {
        return Some(daemon);
    }
    let port = free_port();
    let profile = format!(
        "apiVersion: edgeorch/v1\nkind: Profile\nmetadata: {{name: two}}\nmodels:\n  \
         chat: {{source: \"{SMOLLM2}\", context_size: 512, threads: 1}}\n  \
         embed: {{source: \"{SMOLLM2}\", context_size: 512, threads: 1, task: embedding}}\n\
         gateway: {{listen: \"127.0.0.1:{port}\"}}\n"
    );
    let mut daemon = Daemon::of_profile(Home::new(&engine), port, &profile);
    daemon.wait_ready();
    let daemon = Arc::new(daemon);
    *shared = Arc::downgrade(&daemon);
    Some(daemon)
}

fn chat(more: Value) -> Value {
    let mut body =
        json!({"model": "chat", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_chat_is_answered_under_the_profiles_name_for_the_model() {
    let Some(daemon) = two_models() else { return };
    let (status, answer) = post(&daemon.url("/v1/chat/completions"), &chat(json!({}))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["model"], "chat");
    assert!(!answer["choices"][0]["message"]["content"].as_str().unwrap().is_empty(), "{answer}");
}

#[tokio::test]
async fn a_streamed_chat_comes_in_pieces_and_ends_with_done() {
    let Some(daemon) = two_models() else { return };
    let events = Events::open(&daemon.url("/v1/chat/completions"), &chat(json!({"stream": true}))).await;
    let stream = events.rest().await;
    assert!(stream.is_done() && stream.error().is_none(), "{stream:?}");
    let events = stream.events();
    assert!(events.iter().all(|event| event["object"] == "chat.completion.chunk"), "{stream:?}");
    assert!(events.iter().any(|event| event["choices"][0]["finish_reason"].is_string()), "{stream:?}");
    let pieces = events.iter().filter(|event| event["choices"][0]["delta"]["content"].is_string()).count();
    assert!(pieces > 1, "{stream:?}");
}

#[tokio::test]
async fn a_prompt_is_completed_at_once_and_streamed() {
    let Some(daemon) = two_models() else { return };
    let url = daemon.url("/v1/completions");
    let mut body = json!({"model": "chat", "prompt": "One, two,", "max_tokens": 6, "temperature": 0});
    let (status, answer) = post(&url, &body).await;
    assert_eq!(status, 200, "{answer}");
    let whole = answer["choices"][0]["text"].as_str().unwrap().to_owned();
    assert!(!whole.is_empty(), "{answer}");
    body["stream"] = json!(true);
    let stream = Events::open(&url, &body).await.rest().await;
    assert!(stream.is_done(), "{stream:?}");
    let pieces = stream
        .events()
        .into_iter()
        .filter_map(|event| Some(event["choices"][0]["text"].as_str()?.to_owned()));
    assert_eq!(pieces.collect::<String>(), whole);
}

#[tokio::test]
async fn embeddings_of_two_texts_are_two_different_vectors_of_the_models_width() {
    let Some(daemon) = two_models() else { return };
    let body = json!({"model": "embed", "input": ["A cat sleeps.", "Interest rates rise."]});
    let (status, answer) = post(&daemon.url("/v1/embeddings"), &body).await;
    assert_eq!(status, 200, "{answer}");
    let vectors: Vec<&Vec<Value>> =
        answer["data"].as_array().unwrap().iter().map(|one| one["embedding"].as_array().unwrap()).collect();
    assert_eq!(vectors.len(), 2);
    // SmolLM2-135M's embedding length.
    assert!(vectors.iter().all(|vector| vector.len() == 576), "{answer}");
    assert_ne!(vectors[0], vectors[1]);
}

#[tokio::test]
async fn the_models_are_listed_and_described() {
    let Some(daemon) = two_models() else { return };
    let (status, list) = get(&daemon.url("/v1/models")).await;
    assert_eq!(status, 200);
    let list: Value = serde_json::from_str(&list).unwrap();
    let ids: Vec<&Value> = list["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!(ids, ["chat", "embed"]);
    let (status, one) = get(&daemon.url("/v1/models/embed")).await;
    assert_eq!(status, 200);
    assert_eq!(serde_json::from_str::<Value>(&one).unwrap()["id"], "embed");
    let (status, error) = get(&daemon.url("/v1/models/other")).await;
    assert_eq!(status, 404);
    assert_eq!(serde_json::from_str::<Value>(&error).unwrap()["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn a_supervisor_learns_that_it_lives_that_it_is_ready_and_what_it_counted() {
    let Some(daemon) = two_models() else { return };
    assert_eq!(get(&daemon.url("/healthz")).await.0, 200);
    let (status, ready) = get(&daemon.url("/readyz")).await;
    assert_eq!(
        (status, serde_json::from_str::<Value>(&ready).unwrap()["ready"].as_bool()),
        (200, Some(true))
    );
    post(&daemon.url("/v1/chat/completions"), &chat(json!({}))).await;
    let (status, metrics) = get(&daemon.url("/metrics")).await;
    assert_eq!(status, 200);
    for model in ["chat", "embed"] {
        assert_eq!(sample(&metrics, "edgeorch_instance_state", &[model, "ready"]), Some(1.0), "{metrics}");
        assert_eq!(sample(&metrics, "edgeorch_instance_state", &[model, "starting"]), Some(0.0), "{metrics}");
    }
    let served = sample(&metrics, "edgeorch_requests_total", &["chat", "/v1/chat/completions", "200"]);
    assert!(served.is_some_and(|count| count >= 1.0), "{metrics}");
}

/// The value of the sample of this name whose labels have all these values.
fn sample(metrics: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let has = |line: &&str| labels.iter().all(|label| line.contains(&format!("\"{label}\"")));
    let line = metrics.lines().filter(|line| line.starts_with(&format!("{name}{{"))).find(has)?;
    line.rsplit(' ').next()?.parse().ok()
}
