//! An HTTP server on loopback that serves one file, and errs as it is told to, request by request.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use edgeorch_engines::Source;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::header;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::digest_of;

/// How one request is answered. The last one in the script is used for all further ones.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// As a good server: ranges, `If-Range`, lengths.
    Serve,
    /// The connection breaks after so many bytes of the body.
    CutAfter(usize),
    /// Nothing more is sent after so many bytes, and the connection stays open.
    StallAfter(usize),
    /// Ranges are ignored: always everything.
    IgnoreRange,
    /// Everything, without saying how much it will be.
    Unsized,
    /// A range is answered with it and then everything once more.
    TooMuch,
    Status(u16),
    RedirectTo(String),
}

pub(super) struct Server {
    port: u16,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

struct State {
    content: Bytes,
    etag: String,
    script: VecDeque<Act>,
    /// The `Range` header of each request.
    ranges: Vec<Option<String>>,
}

impl Server {
    pub async fn start(content: &[u8], script: &[Act]) -> Server {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            content: Bytes::copy_from_slice(content),
            etag: "\"v1\"".to_owned(),
            script: script.iter().cloned().collect(),
            ranges: Vec::new(),
        }));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Server { port, state, accepting }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/models/a.gguf", self.port)
    }

    /// The served file, pinned to the digest of `content`.
    pub fn source(&self, content: &[u8]) -> Source {
        format!("{}#sha256={}", self.url(), digest_of(content)).parse().unwrap()
    }

    pub fn replace(&self, content: &[u8], etag: &str, script: &[Act]) {
        let mut state = self.state.lock().unwrap();
        state.content = Bytes::copy_from_slice(content);
        state.etag = etag.to_owned();
        state.script = script.iter().cloned().collect();
    }

    pub fn ranges(&self) -> Vec<Option<String>> {
        self.state.lock().unwrap().ranges.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let response = answer(&mut state.lock().unwrap(), &request);
                async move { Ok::<_, Infallible>(response) }
            });
            // A connection that is cut on purpose ends with an error here.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

type Body = StreamBody<BoxStream<'static, io::Result<Frame<Bytes>>>>;

fn answer(state: &mut State, request: &Request<Incoming>) -> Response<Body> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let range = header(header::RANGE);
    state.ranges.push(range.clone());
    let act = if state.script.len() > 1 { state.script.pop_front() } else { state.script.front().cloned() };
    let act = act.unwrap_or(Act::Serve);
    let current = header(header::IF_RANGE).is_none_or(|etag| etag == state.etag);
    let start = range
        .filter(|_| current && !matches!(act, Act::IgnoreRange))
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    let total = state.content.len();
    let response = Response::builder().header(header::ETAG, &state.etag);
    match act {
        Act::Status(status) => {
            return response.status(status).body(body(Bytes::new(), Ending::Whole)).unwrap();
        }
        Act::RedirectTo(url) => {
            let response = response.status(StatusCode::FOUND).header(header::LOCATION, url);
            return response.body(body(Bytes::new(), Ending::Whole)).unwrap();
        }
        Act::Unsized => return response.body(body(state.content.clone(), Ending::Whole)).unwrap(),
        _ => {}
    }
    let start = match start {
        Some(start) if start >= total => {
            let response = response
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(header::CONTENT_RANGE, format!("bytes */{total}"));
            return response.body(body(Bytes::new(), Ending::Whole)).unwrap();
        }
        start => start,
    };
    let response = match start {
        Some(start) => response
            .status(StatusCode::PARTIAL_CONTENT)
            .header(header::CONTENT_RANGE, format!("bytes {start}-{}/{total}", total - 1)),
        None => response,
    };
    let rest = state.content.slice(start.unwrap_or(0)..);
    if matches!(act, Act::TooMuch) && start.is_some() {
        let more = [rest, state.content.clone()].concat();
        return response.body(body(more.into(), Ending::Whole)).unwrap();
    }
    let response = response.header(header::CONTENT_LENGTH, rest.len());
    let (rest, ending) = match act {
        Act::CutAfter(bytes) => (rest.slice(..bytes.min(rest.len())), Ending::Cut),
        Act::StallAfter(bytes) => (rest.slice(..bytes.min(rest.len())), Ending::Stall),
        _ => (rest, Ending::Whole),
    };
    response.body(body(rest, ending)).unwrap()
}

enum Ending {
    Whole,
    Cut,
    Stall,
}

fn body(content: Bytes, ending: Ending) -> Body {
    let chunks: Vec<_> = (0..content.len())
        .step_by(8192)
        .map(|at| Ok(Frame::data(content.slice(at..(at + 8192).min(content.len())))))
        .collect();
    let chunks = stream::iter(chunks);
    StreamBody::new(match ending {
        Ending::Whole => chunks.boxed(),
        Ending::Cut => {
            // First a turn for what was sent already: an error at once would throw it away unsent.
            let broken = stream::once(async {
                tokio::task::yield_now().await;
                Err(io::ErrorKind::ConnectionReset.into())
            });
            chunks.chain(broken).boxed()
        }
        Ending::Stall => chunks.chain(stream::pending()).boxed(),
    })
}
