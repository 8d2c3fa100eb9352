//! What machines ask about the gateway itself: is it alive, is it ready, what has it counted. None of it counts as use
//! of a model.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::body::Body;
use super::errors::Refusal;
use super::models::answer;
use super::routes::{Availability, Routes};
use crate::telemetry::metrics::Metrics;

/// The process answers: that is all it says.
pub(super) fn health() -> Response<Body> {
    answer(&json!({"status": "ok"}))
}

/// 200 when every model is ready, else 503; which are not, and why.
pub(super) fn ready(routes: &Routes) -> Response<Body> {
    let table = routes.snapshot();
    let mut is_ready = true;
    let mut models = Map::new();
    for (id, route) in table.iter() {
        let state = match &route.state {
            Availability::Ready(_) => json!({"state": "ready"}),
            Availability::Waiting { why } => json!({"state": "waiting", "why": why}),
            Availability::Failed { cause } => json!({"state": "failed", "cause": cause}),
        };
        is_ready &= matches!(route.state, Availability::Ready(_));
        models.insert(id.clone(), state);
    }
    let mut response = answer(&json!({"ready": is_ready, "models": Value::Object(models)}));
    if !is_ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

pub(super) fn metrics(metrics: &Metrics) -> Result<Response<Body>, Refusal> {
    let text = metrics.render().map_err(|error| {
        tracing::error!(%error, "metrics can't be written");
        Refusal::Metrics
    })?;
    let mut response = Response::new(Body::whole(Bytes::from(text)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(Metrics::CONTENT_TYPE));
    Ok(response)
}
