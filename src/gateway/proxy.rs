//! One inference request, from its model's name to the answer of an engine that lives.
//!
//! ```text
//! seat: a ready route and a connection ─▶ exchange ─┬─▶ answer           whole, or an event stream's beginning
//!   ▲                                               ├─▶ not ready (503)  pause until the deadline ──────┐
//!   │                                               ├─▶ stale            the request never left ────────┤
//!   │                                               └─▶ broken           signal, `attempts` at most ────┤
//!   └───────────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! As long as nothing was sent to the client, a request can be given to an engine again. So an answer is collected
//! before it is sent, except for event streams, whose head is held back until the first bytes of the body.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use hyper::http::response::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};

use super::errors::{Refusal, chain};
use super::headers;
use super::inbound::Pieces;
use super::routes::{Availability, Target};
use super::server::State;
use super::stream::{Kind, Open};
use super::traffic::Lease;
use super::upstream::{Connection, SendError};
use super::waiting::Patience;

/// What is asked of an engine, repeatable.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) path: PathAndQuery,
    /// As the client sent them; see [`headers::inbound`].
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

#[derive(Debug)]
pub(super) enum Payload {
    Whole(Bytes),
    Open(Box<Open>),
}

/// A live connection to an engine, counted in its traffic.
#[derive(Debug)]
pub(super) struct Seat {
    target: Target,
    connection: Connection,
    lease: Lease,
}

enum Outcome {
    Answer(Response<Payload>),
    /// The engine answered that it can't answer now.
    NotReady(Response<Payload>),
    /// The engine never got the request.
    Stale,
    /// The engine ended before its answer did.
    Broken(String),
}

pub(super) async fn forward(state: &State, asked: &Asked) -> Result<Response<Payload>, Refusal> {
    let model = &asked.model;
    let mut patience = Patience::new(model, state.routes.clone(), state.queue.clone(), &state.limits);
    let mut attempts = 0;
    let mut fresh = false;
    loop {
        let seat = seat(state, &mut patience, model, fresh).await?;
        let generation = seat.lease.generation();
        match exchange(state, seat, asked).await {
            Outcome::Answer(answer) => return Ok(answer),
            Outcome::Stale => fresh = true,
            Outcome::NotReady(answer) => {
                state.meters.retries.with_label_values(&[model, "not_ready"]).inc();
                if patience.pause("its engine answers 503").await.is_err() {
                    return Ok(answer);
                }
            }
            Outcome::Broken(cause) => {
                attempts += 1;
                state.signal_death(model, generation);
                tracing::info!(model, generation, attempts, %cause, "engine broke off a request");
                if attempts >= state.limits.attempts {
                    return Err(Refusal::UpstreamDied { model: model.clone(), attempts, cause });
                }
                state.meters.retries.with_label_values(&[model, "died"]).inc();
                patience.renew();
                patience.pause(&cause).await?;
                fresh = true;
            }
        }
    }
}

/// Waits until the model has an engine that takes connections. `fresh` asks for a new connection, which proves that
/// the engine lives.
pub(super) async fn seat(
    state: &State,
    patience: &mut Patience,
    model: &str,
    fresh: bool,
) -> Result<Seat, Refusal> {
    loop {
        let table = patience.routes.seen();
        let target = match table.get(model).map(|route| &route.state) {
            None => return Err(state.model_not_found(model)),
            Some(Availability::Failed { cause }) => {
                return Err(Refusal::ModelFailed { model: model.to_owned(), cause: cause.clone() });
            }
            Some(Availability::Waiting { why }) => {
                patience.until_changed(why).await?;
                continue;
            }
            Some(Availability::Ready(target)) => target,
        };
        let lease = state.traffic.begin(model, target.generation);
        // The route may have been replaced before the lease was counted: see `traffic`.
        if !state.routes.leads_to(model, target.generation) {
            continue;
        }
        match connect(state, target, fresh).await {
            Ok(connection) => {
                patience.served();
                return Ok(Seat { target: target.clone(), connection, lease });
            }
            Err(error) => {
                drop(lease);
                state.signal_death(model, target.generation);
                patience.pause(&format!("its engine takes no connection: {error}")).await?;
            }
        }
    }
}

async fn connect(state: &State, target: &Target, fresh: bool) -> std::io::Result<Connection> {
    if !fresh && let Some(connection) = state.pool.take(target).await {
        return Ok(connection);
    }
    state.pool.connect(target).await
}

async fn exchange(state: &State, mut seat: Seat, asked: &Asked) -> Outcome {
    let request = match request(asked, &seat.target) {
        Ok(request) => request,
        Err(error) => return Outcome::Broken(format!("its key or address fits no header: {error}")),
    };
    let answer = match seat.connection.send(request).await {
        Ok(answer) => answer,
        Err(SendError::Stale) => return Outcome::Stale,
        Err(SendError::Died(error)) => return Outcome::Broken(chain(&error)),
    };
    let (mut head, body) = answer.into_parts();
    let is_framed = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| head.headers.contains_key(name));
    headers::outbound(&mut head.headers);
    let status = head.status;
    let payload = if media_type(&head) == Some("text/event-stream") {
        begin(seat, asked, body, is_framed).await
    } else {
        collect(state, seat, asked, body, &head, is_framed).await
    };
    match payload {
        Ok(payload) if status == StatusCode::SERVICE_UNAVAILABLE => {
            Outcome::NotReady(Response::from_parts(head, payload))
        }
        Ok(payload) => Outcome::Answer(Response::from_parts(head, payload)),
        Err(cause) => Outcome::Broken(cause),
    }
}

fn request(asked: &Asked, target: &Target) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let mut request = Request::new(Full::new(asked.body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from(asked.path.clone());
    *request.headers_mut() = asked.headers.clone();
    headers::address(request.headers_mut(), target)?;
    Ok(request)
}

fn media_type(head: &Parts) -> Option<&str> {
    let value = head.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

/// Waits for the first bytes of an event stream.
async fn begin(seat: Seat, asked: &Asked, mut rest: Incoming, is_framed: bool) -> Result<Payload, String> {
    let first = loop {
        match rest.frame().await {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if !data.is_empty() => break data,
                _ => {}
            },
            Some(Err(error)) => return Err(chain(&error)),
            None if is_framed => break Bytes::new(),
            None => return Err("the connection ended before the first event".to_owned()),
        }
    };
    Ok(open(seat, asked, first, rest, Kind::Events { is_framed }))
}

/// Reads an answer to its end, or to the limit of what is held in memory: the rest is then passed on.
async fn collect(
    state: &State,
    seat: Seat,
    asked: &Asked,
    mut rest: Incoming,
    head: &Parts,
    is_framed: bool,
) -> Result<Payload, String> {
    let mut pieces = Pieces::default();
    while let Some(frame) = rest.frame().await {
        if let Ok(data) = frame.map_err(|error| chain(&error))?.into_data() {
            pieces.push(data);
        }
        if pieces.len() > state.limits.answer_bytes {
            return Ok(open(seat, asked, pieces.join(), rest, Kind::Plain));
        }
    }
    let bytes = pieces.join();
    // Without a length, the end of the connection is the end of the answer, even when the engine was killed.
    if !is_framed && media_type(head) == Some("application/json") && !is_json(&bytes) {
        return Err("the connection ended in the middle of the answer".to_owned());
    }
    state.pool.put(seat.connection);
    Ok(Payload::Whole(bytes))
}

fn open(seat: Seat, asked: &Asked, first: Bytes, rest: Incoming, kind: Kind) -> Payload {
    let Seat { connection, lease, .. } = seat;
    Payload::Open(Box::new(Open { model: asked.model.clone(), first, rest, kind, connection, lease }))
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}
