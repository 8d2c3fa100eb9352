//! Engines that die, at every point of an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt;

use super::support::*;
use crate::gateway::{Availability, Limits, Signal};

const GOOD: &str = r#"{"answer":42}"#;

/// Engine one does what `die` does with its first connection; engine two is healthy and takes its place once the
/// gateway has told of the death.
async fn survives<F, T>(die: F)
where
    F: Fn(Peer) -> T + Send + Sync + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let mut gateway = Harness::start().await;
    let first = engine(move |number, peer| {
        let life = (number == 0).then(|| die(peer));
        async move {
            if let Some(life) = life {
                life.await;
            }
        }
    })
    .await;
    gateway.ready(first, 1);
    let reply = tokio::spawn(open(gateway.address, post(CHAT, ASK)));
    let signal = soon(gateway.signals.recv()).await.unwrap();
    assert_eq!(signal, Signal::UpstreamDied { model: "chat".to_owned(), generation: 1 });
    gateway.ready(healthy(GOOD).await, 2);
    let reply = Answer::read(reply.await.unwrap()).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, GOOD));
}

#[tokio::test]
async fn death_before_the_answer_is_survived() {
    survives(|mut peer| async move {
        peer.request().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn death_within_the_head_is_survived() {
    survives(|mut peer| async move {
        peer.request().await.unwrap();
        peer.write("HTTP/1.1 200 OK\r\ncontent-").await;
    })
    .await;
}

#[tokio::test]
async fn death_within_a_whole_answer_is_survived() {
    survives(|mut peer| async move {
        peer.request().await.unwrap();
        peer.write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"ans")
            .await;
    })
    .await;
}

#[tokio::test]
async fn death_within_an_answer_without_a_length_is_survived() {
    survives(|mut peer| async move {
        peer.request().await.unwrap();
        peer.write("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{\"ans").await;
    })
    .await;
}

#[tokio::test]
async fn death_before_the_first_event_is_survived() {
    survives(|mut peer| async move {
        peer.request().await.unwrap();
        peer.write(SSE_HEAD).await;
    })
    .await;
}

#[tokio::test]
async fn refused_connections_are_waited_out() {
    let mut gateway = Harness::start().await;
    gateway.ready(nowhere().await, 1);
    let reply = tokio::spawn(open(gateway.address, post(CHAT, ASK)));
    soon(gateway.signals.recv()).await.unwrap();
    gateway.publisher.set("chat", Availability::Waiting { why: "it is being restarted".to_owned() });
    gateway.ready(healthy(GOOD).await, 2);
    assert_eq!(reply.await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_engine_that_still_loads_is_asked_again() {
    let gateway = Harness::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let engine = engine({
        let asked = asked.clone();
        move |_, mut peer| {
            let asked = asked.clone();
            async move {
                while peer.request().await.is_some() {
                    match asked.fetch_add(1, Ordering::SeqCst) {
                        0..4 => peer.json(503, r#"{"error":{"message":"Loading model","code":503}}"#).await,
                        _ => peer.json(200, GOOD).await,
                    }
                }
            }
        }
    })
    .await;
    gateway.ready(engine, 1);
    assert_eq!(gateway.post(CHAT, ASK).await.text(), GOOD);
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    assert_eq!(
        gateway.metric("edgeorch_retries_total{model=\"chat\",reason=\"not_ready\"}").await,
        Some(4.0)
    );
}

#[tokio::test]
async fn a_request_that_kills_every_engine_is_given_up() {
    let gateway = Harness::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let engine = engine({
        let asked = asked.clone();
        move |_, mut peer| {
            let asked = asked.clone();
            async move {
                peer.request().await.unwrap();
                asked.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    gateway.ready(engine, 1);
    let reply = gateway.post(CHAT, ASK).await;
    assert_eq!(reply.refusal(), (502, "upstream_died".to_owned()));
    assert_eq!(asked.load(Ordering::SeqCst), Limits::default().attempts as usize);
}

/// What a client reads of a stream whose engine sends `head`, then `events`, and dies.
async fn broken_stream(head: &'static str, events: &'static [&'static str]) -> String {
    let gateway = Harness::start().await;
    let engine = engine(move |_, mut peer| async move {
        peer.request().await.unwrap();
        peer.write(head).await;
        for event in events {
            if head.contains("chunked") {
                peer.chunk(event).await;
            } else {
                peer.write(event).await;
            }
        }
    })
    .await;
    gateway.ready(engine, 1);
    let text = gateway.post(CHAT, ASK).await.text();
    soon(gateway.traffic.drained("chat", 1)).await;
    let broken = gateway.metric("edgeorch_broken_streams_total{model=\"chat\"}").await;
    assert_eq!(broken.is_some(), text.contains("stream_broken"));
    text
}

fn assert_ends_with_error(text: &str, sent: &str) {
    let rest = text.strip_prefix(sent).unwrap_or_else(|| panic!("{text}"));
    let event = rest.strip_suffix("\n\ndata: [DONE]\n\n").unwrap_or_else(|| panic!("{text}"));
    let data = event.strip_prefix("data: ").unwrap_or_else(|| panic!("{text}"));
    let error: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(error["error"]["code"], "stream_broken");
}

#[tokio::test]
async fn death_between_events_ends_with_an_error_event() {
    let text = broken_stream(SSE_HEAD, &["data: 1\n\n", "data: 2\n\n"]).await;
    assert_ends_with_error(&text, "data: 1\n\ndata: 2\n\n");
}

#[tokio::test]
async fn death_within_an_event_closes_that_event_first() {
    let text = broken_stream(SSE_HEAD, &["data: 1\n\n", "data: {\"ha"]).await;
    assert_ends_with_error(&text, "data: 1\n\ndata: {\"ha\n\n");
}

const UNFRAMED: &str = "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

#[tokio::test]
async fn a_stream_without_framing_must_say_that_it_is_done() {
    assert_ends_with_error(&broken_stream(UNFRAMED, &["data: 1\n\n"]).await, "data: 1\n\n");
    const WHOLE: &str = "data: 1\n\ndata: [DONE]\n\n";
    assert_eq!(broken_stream(UNFRAMED, &[WHOLE]).await, WHOLE);
}

#[tokio::test]
async fn an_answer_too_large_to_hold_is_passed_on_and_cut_off_when_the_engine_dies() {
    let gateway = Harness::with(Limits { answer_bytes: 10, ..Limits::default() }, &[]).await;
    let engine = engine(|number, mut peer| async move {
        peer.request().await.unwrap();
        peer.write("HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n0123456789abcde").await;
        if number == 0 {
            peer.write("fghijklmnopqrst").await;
            peer.closed().await;
        }
    })
    .await;
    gateway.ready(engine, 1);
    assert_eq!(gateway.post(CHAT, ASK).await.text(), "0123456789abcdefghijklmnopqrst");
    gateway.ready(engine, 2);
    let cut = gateway.open(post(CHAT, ASK)).await;
    assert!(soon(cut.collect()).await.is_err());
}
