//! The daemon's end of the control socket. It reads published snapshots and passes one order on; it decides nothing.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::Status;
use crate::launch::Logs;
use crate::supervise::Instance;

/// What the socket gives access to.
pub struct Desk {
    pub status: watch::Receiver<Arc<Status>>,
    pub instances: BTreeMap<String, Instance>,
    pub stops: mpsc::Sender<()>,
}

type Body = BoxBody<Bytes, Infallible>;

/// Opens the socket, for its user only. One left by a killed daemon is replaced: the home's lock says that it is dead.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves until it is dropped, and with it every connection.
pub async fn serve(listener: UnixListener, desk: Desk) {
    let desk = Arc::new(desk);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(stream, desk.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "control connection can't be accepted");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: UnixStream, desk: Arc<Desk>) {
    let service = service_fn(move |request| {
        let desk = desk.clone();
        async move { Ok::<_, Infallible>(desk.answer(request).await) }
    });
    // A client that leaves is no fault.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let query = request.uri().query().unwrap_or("").to_owned();
        let path = request.uri().path();
        match (request.method(), path.strip_prefix("/logs/")) {
            (&Method::GET, Some(model)) => self.logs(model, &query),
            (&Method::GET, None) if path == "/status" => self.status(value(&query, "after")).await,
            (&Method::POST, None) if path == "/stop" => {
                // A full channel holds the same order already.
                let _ = self.stops.try_send(());
                plain(StatusCode::ACCEPTED, "")
            }
            _ => plain(StatusCode::NOT_FOUND, "known: GET /status, GET /logs/MODEL, POST /stop\n"),
        }
    }

    async fn status(&self, after: Option<u64>) -> Response<Body> {
        let mut status = self.status.clone();
        // The sender goes when the daemon ends: then the last word is all there is.
        let newest = match status.wait_for(|status| after.is_none_or(|after| status.revision > after)).await {
            Ok(newest) => newest.clone(),
            Err(_) => return plain(StatusCode::GONE, ""),
        };
        let mut newest = Status::clone(&newest);
        for model in &mut newest.models {
            let memory = self.instances.get(&model.id).and_then(|instance| instance.memory());
            model.resident = memory;
        }
        match serde_json::to_vec(&newest) {
            Ok(json) => respond(StatusCode::OK, "application/json", Full::from(json).boxed()),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }

    fn logs(&self, model: &str, query: &str) -> Response<Body> {
        let Some(instance) = self.instances.get(model) else { return plain(StatusCode::NOT_FOUND, "") };
        let lines =
            value(query, "lines").map_or(usize::MAX, |lines| usize::try_from(lines).unwrap_or(usize::MAX));
        let body = if value(query, "follow") == Some(1) {
            follow(&instance.logs, lines)
        } else {
            last(&instance.logs, lines)
        };
        respond(StatusCode::OK, "text/plain; charset=utf-8", body)
    }
}

fn last(logs: &Logs, lines: usize) -> Body {
    Full::from(recent(logs, lines)).boxed()
}

fn recent(logs: &Logs, lines: usize) -> String {
    let recent = logs.recent();
    recent.iter().skip(recent.len().saturating_sub(lines)).map(|line| format!("{line}\n")).collect()
}

/// The last lines and then those to come. The follower is enlisted first, so that no line falls between.
fn follow(logs: &Logs, lines: usize) -> Body {
    let live = logs.follow();
    let first = Some(recent(logs, lines));
    let stream = futures_util::stream::unfold((first, live), |(mut first, mut live)| async move {
        let text = match first.take() {
            Some(text) => text,
            None => match live.recv().await {
                Ok(line) => format!("{line}\n"),
                Err(RecvError::Lagged(missed)) => {
                    format!("… {missed} lines were too fast to be shown here\n")
                }
                Err(RecvError::Closed) => return None,
            },
        };
        Some((Ok(Frame::data(Bytes::from(text))), (first, live)))
    });
    BodyExt::boxed(StreamBody::new(stream))
}

fn value(query: &str, name: &str) -> Option<u64> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    respond(status, "text/plain; charset=utf-8", Full::from(text.to_owned()).boxed())
}

fn respond(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
