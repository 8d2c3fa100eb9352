//! What crosses the gateway, and that it crosses unchanged and at once.

use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, StreamBody};
use hyper::Request;
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::support::*;
use crate::gateway::Availability;

fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// A valid body that ends with `length` bytes of string which need no escape.
fn large_body(length: usize) -> Vec<u8> {
    let mut body = br#"{"model": "chat" , "input":""#.to_vec();
    body.extend(bytes(length).iter().map(|byte| b'a' + byte % 26));
    body.extend_from_slice(b"\"}\n ");
    body
}

/// An engine that keeps the last request and answers with `answer`, in chunks or with a length.
async fn recorder(answer: Vec<u8>, chunked: bool) -> (std::net::SocketAddr, Arc<Mutex<(String, Vec<u8>)>>) {
    let seen = Arc::new(Mutex::new((String::new(), Vec::new())));
    let address = engine({
        let seen = seen.clone();
        move |_, mut peer| {
            let (seen, answer) = (seen.clone(), answer.clone());
            async move {
                while let Some(request) = peer.request().await {
                    *seen.lock().unwrap() = request;
                    if chunked {
                        peer.write("HTTP/1.1 200 OK\r\nx-engine: yes\r\nTransfer-Encoding: chunked\r\n\r\n")
                            .await;
                        for piece in answer.chunks(1000) {
                            peer.write(format!("{:x}\r\n", piece.len())).await;
                            peer.write(piece).await;
                            peer.write("\r\n").await;
                        }
                        peer.write("0\r\n\r\n").await;
                    } else {
                        peer.write(format!(
                            "HTTP/1.1 200 OK\r\nx-engine: yes\r\nContent-Length: {}\r\n\r\n",
                            answer.len()
                        ))
                        .await;
                        peer.write(&answer).await;
                    }
                }
            }
        }
    })
    .await;
    (address, seen)
}

#[tokio::test]
async fn bodies_cross_byte_for_byte() {
    let gateway = Harness::start().await;
    for (length, chunked) in [(0, false), (1, true), (70_000, false), (300_000, true)] {
        let answer = bytes(length);
        let (engine, seen) = recorder(answer.clone(), chunked).await;
        gateway.ready(engine, length as u64 + 1);
        let body = large_body(length);
        let reply = gateway.post(CHAT, body.clone()).await;
        assert_eq!(reply.status, 200);
        assert!(reply.body == answer, "the answer of {length} bytes differs");
        assert_eq!(reply.headers["x-engine"], "yes");
        assert!(seen.lock().unwrap().1 == body, "the request of {length} bytes differs");
    }
}

#[tokio::test]
async fn a_chunked_request_is_read_across_its_chunks() {
    let gateway = Harness::start().await;
    let (engine, seen) = recorder(b"ok".to_vec(), false).await;
    gateway.ready(engine, 1);
    let pieces = ["{\"mod", "el\":\"ch", "at\"", "}"];
    let (sender, mut receiver) = mpsc::channel(8);
    for piece in pieces {
        sender.send(piece).await.unwrap();
    }
    drop(sender);
    let frames = futures_util::stream::poll_fn(move |cx| {
        receiver
            .poll_recv(cx)
            .map(|piece| piece.map(|piece| Ok::<_, std::io::Error>(Frame::data(piece.as_bytes()))))
    });
    let stream = TcpStream::connect(gateway.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post(CHAT).header("host", "localhost").body(StreamBody::new(frames)).unwrap();
    let reply = soon(sender.send_request(request)).await.unwrap();
    assert_eq!(reply.status(), 200);
    assert_eq!(seen.lock().unwrap().1, pieces.concat().as_bytes());
}

#[tokio::test]
async fn the_engine_gets_its_own_key_and_host_and_the_clients_other_headers() {
    let gateway = Harness::with(Default::default(), &["secret"]).await;
    let (engine, seen) = recorder(b"ok".to_vec(), false).await;
    gateway.ready(engine, 7);
    let mut request = post("/v1/embeddings?x=1", ASK);
    for (name, value) in [
        ("authorization", "Bearer secret"),
        ("x-trace", "42"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("content-type", "application/json"),
    ] {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    assert_eq!(gateway.open(request).await.status(), 200);
    let (head, body) = seen.lock().unwrap().clone();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/embeddings?x=1 http/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("host: {engine}\r\n")) && head.contains("authorization: bearer key-7\r\n"),
        "{head}"
    );
    assert!(head.contains("x-trace: 42") && head.contains("content-type: application/json"), "{head}");
    assert!(!head.contains("x-hop") && !head.contains("secret"), "{head}");
    assert_eq!(body, ASK.as_bytes());
}

#[tokio::test]
async fn an_engines_own_refusal_crosses_as_it_is() {
    let gateway = Harness::start().await;
    let engine = engine(|_, mut peer| async move {
        peer.request().await.unwrap();
        peer.json(400, r#"{"error":"too long"}"#).await;
    })
    .await;
    gateway.ready(engine, 1);
    let reply = gateway.post(CHAT, ASK).await;
    assert_eq!((reply.status, reply.text().as_str()), (400, r#"{"error":"too long"}"#));
}

#[tokio::test]
async fn each_event_arrives_before_the_next_one_is_made() {
    let gateway = Harness::start().await;
    let (go, wait) = mpsc::channel::<&'static str>(1);
    let wait = Arc::new(tokio::sync::Mutex::new(wait));
    let engine = engine(move |_, mut peer| {
        let wait = wait.clone();
        async move {
            peer.request().await.unwrap();
            peer.write(SSE_HEAD).await;
            while let Some(event) = wait.lock().await.recv().await {
                peer.chunk(event).await;
            }
            peer.write("0\r\n\r\n").await;
        }
    })
    .await;
    gateway.ready(engine, 1);
    let events = ["data: 1\n\n", "data: 2\n\n", ": ping\n\n", "data: [DONE]\n\n"];
    go.send(events[0]).await.unwrap();
    let mut reply = gateway.open(post(CHAT, ASK)).await;
    for next in 0..events.len() {
        let frame = soon(reply.frame()).await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(frame, events[next]);
        if let Some(event) = events.get(next + 1) {
            go.send(event).await.unwrap();
        }
    }
    drop(go);
    assert!(soon(reply.frame()).await.is_none());
    assert_eq!(
        gateway
            .metric(
                "edgeorch_time_to_first_token_seconds_count{model=\"chat\",route=\"/v1/chat/completions\"}"
            )
            .await,
        Some(1.0)
    );
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_engines_work() {
    for streaming in [true, false] {
        let gateway = Harness::start().await;
        let (told, closed) = oneshot::channel();
        let (reached, reach) = oneshot::channel();
        let once = Arc::new(Mutex::new(Some((told, reached))));
        let engine = engine(move |_, mut peer| {
            let (told, reached) = once.lock().unwrap().take().unwrap();
            async move {
                peer.request().await.unwrap();
                if streaming {
                    peer.write(SSE_HEAD).await;
                    peer.chunk("data: 1\n\n").await;
                }
                reached.send(()).unwrap();
                peer.closed().await;
                told.send(()).unwrap();
            }
        })
        .await;
        gateway.ready(engine, 1);
        let stream = TcpStream::connect(gateway.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let client = tokio::spawn(connection);
        let asked = tokio::spawn(async move { sender.send_request(post(CHAT, ASK)).await });
        soon(reach).await.unwrap();
        if streaming {
            let mut reply = soon(asked).await.unwrap().unwrap();
            soon(reply.frame()).await.unwrap().unwrap();
        }
        assert_eq!(gateway.traffic.in_flight("chat", 1), 1);
        client.abort();
        soon(closed).await.unwrap();
        soon(gateway.traffic.drained("chat", 1)).await;
        let left = "edgeorch_requests_total{code=\"499\",model=\"chat\",route=\"/v1/chat/completions\"}";
        assert_eq!(gateway.metric(left).await, Some(1.0));
    }
}

#[tokio::test]
async fn a_connection_is_used_again_but_never_across_generations() {
    let gateway = Harness::start().await;
    let connections = Arc::new(Mutex::new(0));
    let engine = engine({
        let connections = connections.clone();
        move |number, mut peer| {
            *connections.lock().unwrap() = number + 1;
            async move {
                while peer.request().await.is_some() {
                    peer.json(200, "{}").await;
                }
            }
        }
    })
    .await;
    gateway.ready(engine, 1);
    for _ in 0..5 {
        assert_eq!(gateway.post(CHAT, ASK).await.status, 200);
    }
    assert_eq!(*connections.lock().unwrap(), 1);
    gateway.ready(engine, 2);
    assert_eq!(gateway.post(CHAT, ASK).await.status, 200);
    assert_eq!(*connections.lock().unwrap(), 2);
}

#[tokio::test]
async fn without_a_name_the_only_model_answers() {
    let gateway = Harness::start().await;
    gateway.ready(healthy("{}").await, 1);
    assert_eq!(gateway.post(CHAT, "{}").await.status, 200);
    gateway.publisher.publish(table(&["chat", "code"]));
    assert_eq!(gateway.post(CHAT, "{}").await.refusal(), (400, "model_required".to_owned()));
    gateway.publisher.set("code", Availability::Failed { cause: "no memory".to_owned() });
}
