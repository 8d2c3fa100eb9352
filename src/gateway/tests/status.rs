//! What the gateway says of itself.

use hyper::Request;
use serde_json::json;

use super::support::*;
use crate::gateway::Availability;

#[tokio::test]
async fn models_are_listed_as_openai_does() {
    let gateway = Harness::start().await;
    gateway.publisher.publish(table(&["chat", "org/code:q4"]));
    let card = |id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "edgeorch", "context_size": 4096, "task": "chat"});
    let list = gateway.get("/v1/models").await;
    assert_eq!(list.json(), json!({"object": "list", "data": [card("chat"), card("org/code:q4")]}));
    assert_eq!(list.headers["content-type"], "application/json");
    assert_eq!(gateway.get("/v1/models/org%2Fcode:q4").await.json(), card("org/code:q4"));
}

#[tokio::test]
async fn readiness_needs_every_model() {
    let gateway = Harness::start().await;
    gateway.publisher.publish(table(&["chat", "code"]));
    gateway.ready(nowhere().await, 1);
    let reply = gateway.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert_eq!(
        reply.json(),
        json!({"ready": false, "models": {"chat": {"state": "ready"}, "code": {"state": "waiting", "why": "it is being loaded"}}})
    );
    gateway.publisher.set("code", Availability::Failed { cause: "no memory".to_owned() });
    assert_eq!(gateway.get("/readyz").await.json()["models"]["code"]["cause"], "no memory");
    gateway.publisher.set("code", ready(nowhere().await, 1));
    assert_eq!(gateway.get("/readyz").await.status, 200);
    assert_eq!(gateway.get("/healthz").await.json(), json!({"status": "ok"}));
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let gateway = Harness::start().await;
    let request = Request::head("/v1/models").header("host", "localhost").body(Default::default()).unwrap();
    let reply = Answer::read(gateway.open(request).await).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert_eq!(
        reply.headers["content-length"],
        gateway.get("/v1/models").await.body.len().to_string().as_str()
    );
}

/// `docs/metrics.md` is the contract: every family that exists is described there.
#[tokio::test]
async fn every_metric_is_documented() {
    let gateway = Harness::start().await;
    gateway.ready(healthy("{}").await, 1);
    gateway.post(CHAT, ASK).await;
    let book = include_str!("../../../docs/metrics.md");
    let text = gateway.get("/metrics").await.text();
    let families: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(
        families.contains(&"edgeorch_build_info") && families.contains(&"edgeorch_requests_total"),
        "{text}"
    );
    for family in families {
        assert!(book.contains(&format!("`{family}`")), "{family} is not in docs/metrics.md");
    }
}

#[tokio::test]
async fn every_error_code_is_documented() {
    let book = include_str!("../../../docs/api.md");
    let source = include_str!("../errors.rs");
    let codes: Vec<_> = source
        .lines()
        .filter(|line| line.contains("=> (StatusCode::"))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    assert!(codes.len() > 15, "{codes:?}");
    for code in codes {
        assert!(book.contains(&format!("`{code}`")), "{code} is not in docs/api.md");
    }
}
