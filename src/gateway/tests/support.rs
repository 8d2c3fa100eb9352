//! A gateway under test, engines whose every byte is scripted, and a plain client.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edgeorch_engines::contract::Task;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::gateway::*;
use crate::telemetry::metrics::Metrics;

pub const CHAT: &str = "/v1/chat/completions";
pub const ASK: &str = r#"{"model":"chat","messages":[]}"#;
pub const SSE_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Long enough for a busy machine, short enough that a hang fails the test.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("this should have happened by now")
}

/// A running gateway with the model `chat`, waiting.
pub struct Harness {
    pub address: SocketAddr,
    pub publisher: Publisher,
    pub signals: mpsc::Receiver<Signal>,
    pub traffic: Traffic,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

pub fn route(id: &str) -> Route {
    Route {
        model: ModelCard { id: id.to_owned(), created: 1_700_000_000, context_size: 4096, task: Task::Chat },
        state: Availability::Waiting { why: "it is being loaded".to_owned() },
    }
}

pub fn table(ids: &[&str]) -> BTreeMap<String, Route> {
    ids.iter().map(|id| ((*id).to_owned(), route(id))).collect()
}

pub fn ready(address: SocketAddr, generation: u64) -> Availability {
    Availability::Ready(Target { address, key: format!("key-{generation}"), generation })
}

impl Harness {
    pub async fn start() -> Harness {
        Harness::with(Limits::default(), &[]).await
    }

    pub async fn with(limits: Limits, keys: &[&str]) -> Harness {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (publisher, routes) = Routes::channel();
        publisher.publish(table(&["chat"]));
        let (sender, signals) = mpsc::channel(64);
        let keys = keys.iter().map(|key| ApiKey::new(key).unwrap()).collect();
        let metrics = Arc::new(Metrics::new().unwrap());
        let gateway = Gateway::new(routes, keys, metrics).unwrap().limits(limits).signals(sender);
        let traffic = gateway.traffic();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, gateway, async {
            stopped.await.ok();
        }));
        Harness { address, publisher, signals, traffic, stop, served }
    }

    pub fn ready(&self, engine: SocketAddr, generation: u64) {
        assert!(self.publisher.set("chat", ready(engine, generation)));
    }

    /// Begins the shutdown; the handle ends with the gateway.
    pub fn stop(self) -> (JoinHandle<std::io::Result<()>>, Publisher) {
        self.stop.send(()).unwrap();
        (self.served, self.publisher)
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header("host", "localhost").body(Full::default()).unwrap();
        Answer::read(self.open(request).await).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        Answer::read(self.open(post(path, body)).await).await
    }

    /// Sends a request on a connection of its own; the answer's body is not yet read.
    pub async fn open(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        open(self.address, request).await
    }

    /// The value of a metric, by the text before it.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").await.text();
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }
}

pub fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(path).header("host", "127.0.0.1").body(Full::new(body.into())).unwrap()
}

pub async fn open(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    soon(sender.send_request(request)).await.unwrap()
}

pub struct Answer {
    pub status: u16,
    pub headers: hyper::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub async fn read(response: Response<Incoming>) -> Answer {
        let (head, body) = response.into_parts();
        let body = soon(body.collect()).await.unwrap().to_bytes();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// Status and the error's code.
    pub fn refusal(&self) -> (u16, String) {
        let json = self.json();
        let error = &json["error"];
        assert!(error["message"].is_string() && error["type"].is_string() && error["param"].is_null());
        (self.status, error["code"].as_str().unwrap().to_owned())
    }
}

/// An engine: `behave` gets each connection with its number, from 0.
pub async fn engine<F, T>(behave: F) -> SocketAddr
where
    F: Fn(usize, Peer) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(behave(number, Peer { stream }));
        }
    });
    address
}

/// An address that refuses connections, as after an engine was killed.
pub async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// An engine that answers everything with `body`.
pub async fn healthy(body: &'static str) -> SocketAddr {
    engine(move |_, mut peer| async move {
        while peer.request().await.is_some() {
            peer.json(200, body).await;
        }
    })
    .await
}

/// The engine's end of a connection.
pub struct Peer {
    pub stream: TcpStream,
}

impl Peer {
    /// The next request: its head and its body, which must have a length. `None` when the gateway closed.
    pub async fn request(&mut self) -> Option<(String, Vec<u8>)> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if self.stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = bytes.split_off(end);
        while body.len() < length.unwrap_or(0) {
            self.stream.read_buf(&mut body).await.ok()?;
        }
        Some((head, body))
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    pub async fn json(&mut self, status: u16, body: &str) {
        let length = body.len();
        self.write(format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await;
    }

    /// One chunk of a chunked body.
    pub async fn chunk(&mut self, data: &str) {
        self.write(format!("{:x}\r\n{data}\r\n", data.len())).await;
    }

    /// Until the gateway closes the connection.
    pub async fn closed(&mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.ok();
    }
}
