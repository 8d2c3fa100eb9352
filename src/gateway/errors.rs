//! Every refusal that the gateway itself utters, in OpenAI's shape. The codes are a contract: `docs/api.md` lists them.
//! What an engine refuses is forwarded in the engine's own words.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::body::Body;
use super::endpoint;

/// Why a request is not answered by an engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the request body is no JSON object (byte {offset})")]
    InvalidJson { offset: usize },
    #[error("name a model in the request body: known are {}", list(.known))]
    ModelRequired { known: Vec<String> },
    #[error("present a known API key as `Authorization: Bearer KEY`")]
    InvalidKey,
    #[error("requests for host `{host}` are refused on a loopback address: ask for localhost or 127.0.0.1")]
    ForeignHost { host: String },
    #[error("web pages of `{origin}` may not use this gateway")]
    ForeignOrigin { origin: String },
    #[error("the model `{model}` does not exist: known are {}", list(.known))]
    ModelNotFound { model: String, known: Vec<String> },
    #[error("nothing answers at `{path}`: known are {}", endpoint::PATHS.join(", "))]
    UnknownPath { path: String },
    #[error("`{method}` is not possible here: use {allow}")]
    MethodNotAllowed { method: String, allow: &'static str },
    #[error("the request body paused for more than {} s or broke off", .after.as_secs())]
    BodyTimeout { after: Duration },
    #[error("the request body is larger than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the content-encoding `{encoding}` is not understood: send the body as it is")]
    Encoding { encoding: String },
    #[error("too many requests wait for the model `{model}` ({limit}): try again later")]
    QueueFull { model: String, limit: usize, retry: Duration },
    #[error(
        "the bodies of the requests in flight fill the {limit} bytes set aside for them: try again later"
    )]
    Overloaded { limit: usize },
    #[error(
        "the engine of the model `{model}` died {attempts} times while it worked on this request: {cause}"
    )]
    UpstreamDied { model: String, attempts: u32, cause: String },
    #[error("the model `{model}` was not ready within {} s: {why}", .waited.as_secs())]
    NotReady { model: String, why: String, waited: Duration, retry: Duration },
    #[error("the model `{model}` can't be served: {cause}")]
    ModelFailed { model: String, cause: String },
    #[error("the engine of the model `{model}` died within its answer: {cause}")]
    StreamBroken { model: String, cause: String },
    #[error("edgeorch is shutting down")]
    ShuttingDown,
    #[error("the metrics could not be written")]
    Metrics,
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none (no model is configured)".to_owned(),
        names => names.join(", "),
    }
}

/// An error and its causes in one line: hyper names the layer, the cause beneath says what happened.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// After this long a refused client may ask again, where nothing better is known.
const RETRY: Duration = Duration::from_secs(10);

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        self.row().0
    }

    /// Status, `code` and `type`, as one table.
    fn row(&self) -> (StatusCode, &'static str, &'static str) {
        const INVALID: &str = "invalid_request_error";
        const UNAVAILABLE: &str = "unavailable_error";
        match self {
            Refusal::InvalidJson { .. } => (StatusCode::BAD_REQUEST, "invalid_json", INVALID),
            Refusal::ModelRequired { .. } => (StatusCode::BAD_REQUEST, "model_required", INVALID),
            Refusal::InvalidKey => (StatusCode::UNAUTHORIZED, "invalid_api_key", "authentication_error"),
            Refusal::ForeignHost { .. } => (StatusCode::FORBIDDEN, "foreign_host", "permission_error"),
            Refusal::ForeignOrigin { .. } => (StatusCode::FORBIDDEN, "foreign_origin", "permission_error"),
            Refusal::ModelNotFound { .. } => (StatusCode::NOT_FOUND, "model_not_found", INVALID),
            Refusal::UnknownPath { .. } => (StatusCode::NOT_FOUND, "unknown_path", INVALID),
            Refusal::MethodNotAllowed { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", INVALID)
            }
            Refusal::BodyTimeout { .. } => (StatusCode::REQUEST_TIMEOUT, "body_timeout", INVALID),
            Refusal::BodyTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", INVALID),
            Refusal::Encoding { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", INVALID),
            Refusal::QueueFull { .. } => (StatusCode::TOO_MANY_REQUESTS, "queue_full", "rate_limit_error"),
            Refusal::Overloaded { .. } => (StatusCode::SERVICE_UNAVAILABLE, "overloaded", UNAVAILABLE),
            Refusal::UpstreamDied { .. } => (StatusCode::BAD_GATEWAY, "upstream_died", "server_error"),
            Refusal::StreamBroken { .. } => (StatusCode::BAD_GATEWAY, "stream_broken", "server_error"),
            Refusal::NotReady { .. } => (StatusCode::SERVICE_UNAVAILABLE, "model_not_ready", UNAVAILABLE),
            Refusal::ModelFailed { .. } => (StatusCode::SERVICE_UNAVAILABLE, "model_failed", UNAVAILABLE),
            Refusal::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down", UNAVAILABLE),
            Refusal::Metrics => (StatusCode::INTERNAL_SERVER_ERROR, "metrics_failed", "server_error"),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Refusal::QueueFull { retry, .. } | Refusal::NotReady { retry, .. } => Some(*retry),
            _ => (self.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY),
        }
    }

    /// `{"error": …}`, also the data of an error event within a stream.
    pub(super) fn json(&self) -> Value {
        let (_, code, kind) = self.row();
        json!({"error": {"message": self.to_string(), "type": kind, "code": code, "param": null}})
    }

    pub(super) fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::whole(Bytes::from(self.json().to_string())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(after) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        match self {
            Refusal::MethodNotAllowed { allow, .. } => {
                headers.insert(ALLOW, HeaderValue::from_static(allow));
            }
            Refusal::InvalidKey => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}
