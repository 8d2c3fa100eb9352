//! Clients that mean no good, and the end of the gateway.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::support::*;
use crate::gateway::Limits;

async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    soon(stream.read_to_end(&mut bytes)).await.ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_client_that_never_ends_its_headers_is_dropped_and_holds_up_nobody() {
    let limits = Limits { header_read: Duration::from_millis(100), connections: 2, ..Limits::default() };
    let gateway = Harness::with(limits, &[]).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: local").await.unwrap();
        slow.push(stream);
    }
    // All slots are taken, twice over, by clients that are slow: this one gets in when they time out.
    assert_eq!(gateway.get("/healthz").await.status, 200);
    for stream in &mut slow {
        rest(stream).await;
    }
}

#[tokio::test]
async fn a_client_whose_body_pauses_too_long_is_refused() {
    let limits = Limits { body_idle: Duration::from_millis(50), ..Limits::default() };
    let gateway = Harness::with(limits, &[]).await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream
        .write_all(
            b"POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{\"model\"",
        )
        .await
        .unwrap();
    let text = rest(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 408 ") && text.contains("body_timeout"), "{text}");
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let gateway = Harness::start().await;
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let line = format!("x-filler: {}\r\n", "a".repeat(8_000));
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
    for _ in 0..9 {
        // The gateway may close before the last line was written: that is what is tested.
        stream.write_all(line.as_bytes()).await.ok();
    }
    let text = rest(&mut stream).await;
    assert!(text.starts_with("HTTP/1.1 431 "), "{text}");
}

#[tokio::test]
async fn two_lengths_are_one_too_many() {
    for head in
        ["content-length: 5\r\ncontent-length: 6\r\n", "content-length: 5\r\ntransfer-encoding: gzip\r\n"]
    {
        let gateway = Harness::start().await;
        let mut stream = TcpStream::connect(gateway.address).await.unwrap();
        let request = format!("POST /v1/completions HTTP/1.1\r\nhost: localhost\r\n{head}\r\n0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let text = rest(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 400 "), "{text}");
    }
}

#[tokio::test]
async fn a_shutdown_lets_requests_in_flight_end_and_takes_no_more() {
    let gateway = Harness::start().await;
    let (go, wait) = oneshot::channel::<()>();
    let (reached, reach) = oneshot::channel::<()>();
    let once = Arc::new(Mutex::new(Some((reached, wait))));
    let engine = engine(move |_, mut peer| {
        let (reached, wait) = once.lock().unwrap().take().unwrap();
        async move {
            peer.request().await.unwrap();
            reached.send(()).unwrap();
            wait.await.unwrap();
            peer.json(200, "{}").await;
            peer.closed().await;
        }
    })
    .await;
    gateway.ready(engine, 1);
    let (address, traffic) = (gateway.address, gateway.traffic.clone());
    let reply = tokio::spawn(open(address, post(CHAT, ASK)));
    soon(reach).await.unwrap();
    // A kept-alive connection without a request must not hold up the end.
    let idle = TcpStream::connect(address).await.unwrap();
    let (served, _publisher) = gateway.stop();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(traffic.in_flight("chat", 1), 1);
    go.send(()).unwrap();
    assert_eq!(reply.await.unwrap().status(), 200);
    soon(served).await.unwrap().unwrap();
    drop(idle);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let gateway = Harness::with(Limits { drain: Duration::from_millis(50), ..Limits::default() }, &[]).await;
    let address = gateway.address;
    let stuck = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request =
            format!("POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{ASK}", ASK.len());
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    });
    while gateway.metric("edgeorch_queue_depth{model=\"chat\"}").await != Some(1.0) {
        tokio::task::yield_now().await;
    }
    let (served, _publisher) = gateway.stop();
    soon(served).await.unwrap().unwrap();
    assert_eq!(soon(stuck).await.unwrap(), "");
}

#[tokio::test]
async fn who_waits_for_a_model_when_the_publisher_ends_is_told_so() {
    let gateway = Harness::start().await;
    let waiting = tokio::spawn(open(gateway.address, post(CHAT, ASK)));
    while gateway.metric("edgeorch_queue_depth{model=\"chat\"}").await != Some(1.0) {
        tokio::task::yield_now().await;
    }
    let (served, publisher) = gateway.stop();
    drop(publisher);
    let refused = Answer::read(waiting.await.unwrap()).await;
    assert_eq!(refused.refusal(), (503, "shutting_down".to_owned()));
    soon(served).await.unwrap().unwrap();
}
