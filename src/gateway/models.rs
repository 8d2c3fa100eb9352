//! `/v1/models`: what is configured, ready or not, as OpenAI lists models, with two fields of our own.

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

use super::body::Body;
use super::errors::Refusal;
use super::routes::{ModelCard, Routes};

pub(super) fn list(routes: &Routes) -> Response<Body> {
    let cards: Vec<Value> = routes.snapshot().values().map(|route| card(&route.model)).collect();
    answer(&json!({"object": "list", "data": cards}))
}

pub(super) fn one(routes: &Routes, id: &str) -> Result<Response<Body>, Refusal> {
    let table = routes.snapshot();
    match table.get(id) {
        Some(route) => Ok(answer(&card(&route.model))),
        None => Err(Refusal::ModelNotFound { model: id.to_owned(), known: table.keys().cloned().collect() }),
    }
}

fn card(model: &ModelCard) -> Value {
    json!({
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "edgeorch",
        "context_size": model.context_size,
        "task": model.task,
    })
}

pub(super) fn answer(value: &Value) -> Response<Body> {
    let mut response = Response::new(Body::whole(Bytes::from(value.to_string())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
