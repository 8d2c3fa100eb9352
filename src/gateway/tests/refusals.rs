//! Requests that no engine gets to see.

use hyper::Request;

use super::support::*;
use crate::gateway::Limits;

#[tokio::test]
async fn unknown_paths_name_the_known_ones() {
    let gateway = Harness::start().await;
    let reply = gateway.get("/v2/models").await;
    assert_eq!(reply.refusal(), (404, "unknown_path".to_owned()));
    for path in crate::gateway::endpoint::PATHS {
        assert!(reply.text().contains(path), "{path}");
    }
}

#[tokio::test]
async fn unknown_models_name_the_known_ones() {
    let gateway = Harness::start().await;
    gateway.publisher.publish(table(&["chat", "code"]));
    for reply in [gateway.post(CHAT, r#"{"model":"gpt"}"#).await, gateway.get("/v1/models/gpt").await] {
        assert_eq!(reply.refusal(), (404, "model_not_found".to_owned()));
        assert!(reply.text().contains("known are chat, code"), "{}", reply.text());
    }
    assert_eq!(
        gateway
            .metric("edgeorch_requests_total{code=\"404\",model=\"unknown\",route=\"/v1/chat/completions\"}")
            .await,
        Some(1.0)
    );
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_one() {
    let gateway = Harness::start().await;
    let reply = gateway.get(CHAT).await;
    assert_eq!(reply.refusal(), (405, "method_not_allowed".to_owned()));
    assert_eq!(reply.headers["allow"], "POST");
    let reply = gateway.post("/v1/models", "").await;
    assert_eq!((reply.status, reply.headers["allow"].to_str().unwrap()), (405, "GET, HEAD"));
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused() {
    let gateway = Harness::start().await;
    assert_eq!(gateway.post(CHAT, "model=chat").await.refusal(), (400, "invalid_json".to_owned()));
    assert_eq!(gateway.post(CHAT, r#"{"model":7}"#).await.refusal(), (400, "model_required".to_owned()));
    let mut packed = post(CHAT, ASK);
    packed.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    let reply = Answer::read(gateway.open(packed).await).await;
    assert_eq!(reply.refusal(), (415, "unsupported_encoding".to_owned()));
}

#[tokio::test]
async fn too_large_a_body_is_refused() {
    let limits = Limits { body_bytes: 100, bodies_bytes: 150, ..Limits::default() };
    let gateway = Harness::with(limits, &[]).await;
    let reply = gateway.post(CHAT, vec![b' '; 101]).await;
    assert_eq!(reply.refusal(), (413, "body_too_large".to_owned()));
}

#[tokio::test]
async fn bodies_that_are_too_large_together_are_refused() {
    let limits = Limits { bodies_bytes: 50, ..Limits::default() };
    let gateway = Harness::with(limits, &[]).await;
    let waiting = tokio::spawn(open(gateway.address, post(CHAT, ASK)));
    while gateway.metric("edgeorch_queue_depth{model=\"chat\"}").await != Some(1.0) {
        tokio::task::yield_now().await;
    }
    assert_eq!(gateway.post(CHAT, ASK).await.refusal(), (503, "overloaded".to_owned()));
    gateway.ready(healthy("{}").await, 1);
    assert_eq!(waiting.await.unwrap().status(), 200);
    assert_eq!(gateway.post(CHAT, ASK).await.status, 200);
}

#[tokio::test]
async fn without_its_key_only_health_answers() {
    let gateway = Harness::with(Limits::default(), &["secret"]).await;
    assert_eq!(gateway.get("/healthz").await.status, 200);
    for path in ["/v1/models", "/readyz", "/metrics", "/nothing"] {
        let reply = gateway.get(path).await;
        assert_eq!(reply.refusal(), (401, "invalid_api_key".to_owned()), "{path}");
        assert_eq!(reply.headers["www-authenticate"], "Bearer");
    }
    assert_eq!(gateway.post(CHAT, ASK).await.status, 401);
    let mut request: Request<_> = Request::get("/v1/models").body(Default::default()).unwrap();
    request.headers_mut().insert("authorization", "Bearer secret".parse().unwrap());
    assert_eq!(gateway.open(request).await.status(), 200);
}

#[tokio::test]
async fn other_names_and_other_sites_are_refused_on_loopback() {
    let gateway = Harness::start().await;
    for (header, value, code) in
        [("host", "evil.example", "foreign_host"), ("origin", "https://evil.example", "foreign_origin")]
    {
        let mut request = post(CHAT, ASK);
        request.headers_mut().insert(header, value.parse().unwrap());
        let reply = Answer::read(gateway.open(request).await).await;
        assert_eq!(reply.refusal(), (403, code.to_owned()));
    }
}
