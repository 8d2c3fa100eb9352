//! What the gateway costs: `cargo bench --bench gateway`.
//!
//! An engine that answers at once, the gateway and the clients run on threads of their own in this process and talk
//! over loopback. Direct and through the gateway take turns in rounds, so that what else the machine does hits both;
//! printed is the median of the rounds. Clients keep their connections.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use edgeorch::gateway::{Availability, Gateway, ModelCard, Route, Routes, Target, serve};
use edgeorch::telemetry::metrics::Metrics;
use edgeorch_engines::contract::Task;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(1500);
const EVENTS: usize = 150;
const EVENT_PAUSE: Duration = Duration::from_millis(4);

/// All stamps count from here.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    LazyLock::force(&EPOCH);
    let engine = on_thread(1, |listener| async move { engine(listener).await })?;
    let gateway = on_thread(2, move |listener| async move { gateway(listener, engine).await })?;
    let client = Builder::new_current_thread().enable_all().build()?;

    client.block_on(requests(engine, 4, ROUND))?;
    client.block_on(requests(gateway, 4, ROUND))?;

    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(Round {
            direct: client.block_on(requests(engine, 4, ROUND))?,
            through: client.block_on(requests(gateway, 4, ROUND))?,
            crowd: client.block_on(requests(gateway, 64, ROUND))?,
            direct_events: client.block_on(streams(engine, 4))?,
            through_events: client.block_on(streams(gateway, 4))?,
        });
    }
    report(&rounds);
    Ok(())
}

/// Latencies in nanoseconds.
struct Round {
    direct: Vec<u64>,
    through: Vec<u64>,
    crowd: Vec<u64>,
    direct_events: Vec<u64>,
    through_events: Vec<u64>,
}

fn report(rounds: &[Round]) {
    let percentile = |part: fn(&Round) -> &Vec<u64>, share: f64| {
        median(rounds.iter().map(|round| millis(quantile(part(round), share))).collect())
    };
    let rate = |part: fn(&Round) -> &Vec<u64>| {
        median(rounds.iter().map(|round| part(round).len() as f64 / ROUND.as_secs_f64()).collect())
    };
    let added = |share: f64| percentile(|r| &r.through, share) - percentile(|r| &r.direct, share);
    println!("median of {ROUNDS} rounds; engine, gateway and clients on {} cores", cores());
    println!(
        "  4 connections, direct      p50 {:.3} ms  p99 {:.3} ms  {:6.0} requests/s",
        percentile(|r| &r.direct, 0.5),
        percentile(|r| &r.direct, 0.99),
        rate(|r| &r.direct)
    );
    println!(
        "  4 connections, gateway     p50 {:.3} ms  p99 {:.3} ms  {:6.0} requests/s",
        percentile(|r| &r.through, 0.5),
        percentile(|r| &r.through, 0.99),
        rate(|r| &r.through)
    );
    println!(
        "  added by the gateway       p50 {:.3} ms  p99 {:.3} ms  (target p50 0.250 ms)",
        added(0.5),
        added(0.99)
    );
    println!("  64 connections, gateway    {:.0} requests/s  (target 8000)", rate(|r| &r.crowd));
    println!(
        "  event to client, direct    p50 {:.3} ms  p99 {:.3} ms",
        percentile(|r| &r.direct_events, 0.5),
        percentile(|r| &r.direct_events, 0.99)
    );
    println!(
        "  event to client, gateway   p50 {:.3} ms  p99 {:.3} ms  (target p99 0.500 ms)",
        percentile(|r| &r.through_events, 0.5),
        percentile(|r| &r.through_events, 0.99)
    );
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

fn quantile(values: &[u64], share: f64) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values[((values.len() - 1) as f64 * share) as usize]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Runs a server on a runtime of its own and returns its address.
fn on_thread<F, T>(workers: usize, server: F) -> Result<SocketAddr, Failure>
where
    F: FnOnce(TcpListener) -> T + Send + 'static,
    T: Future<Output = Result<(), Failure>>,
{
    let socket = std::net::TcpListener::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    thread::spawn(move || -> Result<(), Failure> {
        let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
        runtime.block_on(async { server(TcpListener::from_std(socket)?).await })
    });
    Ok(address)
}

async fn gateway(listener: TcpListener, engine: SocketAddr) -> Result<(), Failure> {
    let (publisher, routes) = Routes::channel();
    let model = ModelCard { id: "chat".to_owned(), created: 0, context_size: 4096, task: Task::Chat };
    let target = Target { address: engine, key: "key".to_owned(), generation: 1 };
    let route = Route { model, state: Availability::Ready(target) };
    publisher.publish(BTreeMap::from([("chat".to_owned(), route)]));
    let gateway = Gateway::new(routes, Vec::new(), Arc::new(Metrics::new()?))?;
    Ok(serve(listener, gateway, std::future::pending()).await?)
}

async fn engine(listener: TcpListener) -> Result<(), Failure> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer)),
        );
    }
}

/// Some 300 bytes of JSON, or, if the body asks for a stream, events that say when they were made.
async fn answer(request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    if !body.ends_with(b"\"stream\":true}") {
        let mut response = Response::new(Full::new(Bytes::from_static(JSON.as_bytes())).boxed());
        response
            .headers_mut()
            .insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
        return Ok(response);
    }
    let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(EVENT_PAUSE);
        for _ in 0..EVENTS {
            tick.tick().await;
            let event = format!("data: {:020}\n\n", EPOCH.elapsed().as_nanos());
            if sender.send(event.into()).await.is_err() {
                return;
            }
        }
    });
    let frames = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|event| event.map(|event| Ok::<_, Infallible>(Frame::data(event))))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed());
    response
        .headers_mut()
        .insert("content-type", hyper::header::HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

const JSON: &str = concat!(
    r#"{"id":"chatcmpl-0123456789abcdef","object":"chat.completion","created":1700000000,"model":"chat","#,
    r#""choices":[{"index":0,"message":{"role":"assistant","content":"The quick brown fox jumps over the lazy dog, "#,
    r#"again and again."},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":16,"total_tokens":28}}"#,
);

/// `connections` clients ask one after another for as long as a round lasts.
async fn requests(address: SocketAddr, connections: usize, round: Duration) -> Result<Vec<u64>, Failure> {
    let end = Instant::now() + round;
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(async move {
            let mut client = Client::connect(address).await?;
            let mut latencies = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                client.ask(r#"{"model":"chat","messages":[{"role":"user","content":"hi"}]}"#).await?;
                latencies.push(start.elapsed().as_nanos() as u64);
            }
            Ok::<_, Failure>(latencies)
        });
    }
    gather(clients).await
}

/// How long each event of `connections` streams was under way.
async fn streams(address: SocketAddr, connections: usize) -> Result<Vec<u64>, Failure> {
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(async move { Client::connect(address).await?.listen().await });
    }
    gather(clients).await
}

async fn gather(mut clients: JoinSet<Result<Vec<u64>, Failure>>) -> Result<Vec<u64>, Failure> {
    let mut all = Vec::new();
    while let Some(latencies) = clients.join_next().await {
        all.extend(latencies??);
    }
    Ok(all)
}

/// A client that does as little as it can, so that it takes little of the machine from what is measured.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> Result<Client, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, buffer: Vec::with_capacity(4096) })
    }

    async fn send(&mut self, body: &str) -> io::Result<()> {
        let length = body.len();
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.buffer.clear();
        self.stream.write_all(request.as_bytes()).await
    }

    async fn ask(&mut self, body: &str) -> Result<(), Failure> {
        self.send(body).await?;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the connection ended within an answer".into());
            }
            if self.buffer.ends_with(JSON.as_bytes()) {
                let is_ok = self.buffer.starts_with(b"HTTP/1.1 200 ");
                return if is_ok { Ok(()) } else { Err("the answer is an error".into()) };
            }
        }
    }

    async fn listen(&mut self) -> Result<Vec<u64>, Failure> {
        self.send(r#"{"model":"chat","stream":true}"#).await?;
        let mut delays = Vec::new();
        while delays.len() < EVENTS {
            let from = self.buffer.len();
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the connection ended within a stream".into());
            }
            let now = EPOCH.elapsed().as_nanos() as u64;
            // Events are written whole and far apart, so they are read whole.
            for event in String::from_utf8_lossy(&self.buffer[from..]).split("data: ").skip(1) {
                let made: u64 = event.get(..20).ok_or("an event was cut")?.parse()?;
                delays.push(now.saturating_sub(made));
            }
        }
        Ok(delays)
    }
}
