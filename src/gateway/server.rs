//! One request: who asks, for what, and who answers.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response};
use tokio::sync::{Semaphore, mpsc};

use super::auth::{self, ApiKey};
use super::body::Body;
use super::endpoint::Endpoint;
use super::errors::Refusal;
use super::guard;
use super::headers;
use super::inbound;
use super::limits::Limits;
use super::meters::{Measure, Meters, UNKNOWN};
use super::models;
use super::proxy::{self, Asked, Payload};
use super::routes::{Routes, Signal};
use super::scan::{self, Named};
use super::status;
use super::stream::Stream;
use super::traffic::Traffic;
use super::upstream::Pool;
use super::waiting::Queue;
use crate::telemetry::metrics::{Metrics, MetricsError};

/// A gateway that is set up and can be served.
#[derive(Debug)]
pub struct Gateway {
    routes: Routes,
    keys: Vec<ApiKey>,
    metrics: Arc<Metrics>,
    meters: Arc<Meters>,
    limits: Limits,
    traffic: Traffic,
    signals: Option<mpsc::Sender<Signal>>,
}

impl Gateway {
    /// Without keys, everyone who can connect may ask.
    pub fn new(routes: Routes, keys: Vec<ApiKey>, metrics: Arc<Metrics>) -> Result<Gateway, MetricsError> {
        let meters = Arc::new(Meters::register(&metrics)?);
        let (limits, traffic) = (Limits::default(), Traffic::default());
        Ok(Gateway { routes, keys, metrics, meters, limits, traffic, signals: None })
    }

    pub fn limits(mut self, limits: Limits) -> Gateway {
        self.limits = limits;
        self
    }

    /// Where to tell of engines that seem dead. A full channel drops a signal: the ones in it say the same.
    pub fn signals(mut self, signals: mpsc::Sender<Signal>) -> Gateway {
        self.signals = Some(signals);
        self
    }

    /// Counts the requests in flight, for whoever drains a model.
    pub fn traffic(&self) -> Traffic {
        self.traffic.clone()
    }

    pub(super) fn open(self, listen: SocketAddr) -> State {
        let Gateway { routes, keys, metrics, meters, limits, traffic, signals } = self;
        State {
            listen,
            pool: Arc::new(Pool::new(limits.connect)),
            queue: Arc::new(Queue::new(limits.waiting, meters.clone())),
            bodies: Arc::new(Semaphore::new(limits.bodies_bytes)),
            routes,
            keys,
            metrics,
            meters,
            limits,
            traffic,
            signals,
        }
    }
}

/// What all requests share.
#[derive(Debug)]
pub(super) struct State {
    listen: SocketAddr,
    pub(super) routes: Routes,
    keys: Vec<ApiKey>,
    metrics: Arc<Metrics>,
    pub(super) meters: Arc<Meters>,
    pub(super) limits: Limits,
    pub(super) traffic: Traffic,
    signals: Option<mpsc::Sender<Signal>>,
    pub(super) pool: Arc<Pool>,
    pub(super) queue: Arc<Queue>,
    bodies: Arc<Semaphore>,
}

impl State {
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let route = Endpoint::of(request.uri().path()).map_or(UNKNOWN, |endpoint| endpoint.name());
        let mut measure = Measure::new(self.meters.clone(), route);
        let answer = self.dispatch(request, &mut measure).await;
        let response = answer.unwrap_or_else(|refusal| refusal.response().map(BodyOf::Ours));
        let status = response.status().as_u16();
        response.map(|body| match body {
            BodyOf::Engine(Payload::Open(open)) => {
                Body::Stream(Box::new(Stream::new(*open, status, self.pool.clone(), measure)))
            }
            BodyOf::Engine(Payload::Whole(bytes)) => {
                measure.code(status);
                Body::whole(bytes)
            }
            BodyOf::Ours(body) => {
                measure.code(status);
                body
            }
        })
    }

    async fn dispatch(
        &self,
        request: Request<Incoming>,
        measure: &mut Measure,
    ) -> Result<Response<BodyOf>, Refusal> {
        guard::check(self.listen, request.uri(), request.headers())?;
        let endpoint = Endpoint::of(request.uri().path());
        // Health is open so that a supervisor of ours needs no secret; it says nothing but that we live.
        if endpoint != Some(Endpoint::Health) && !auth::is_allowed(&self.keys, request.headers()) {
            return Err(Refusal::InvalidKey);
        }
        let endpoint =
            endpoint.ok_or_else(|| Refusal::UnknownPath { path: request.uri().path().to_owned() })?;
        endpoint.check(request.method())?;
        let ours = match endpoint {
            Endpoint::Models => models::list(&self.routes),
            Endpoint::Model(id) => models::one(&self.routes, &id)?,
            Endpoint::Health => status::health(),
            Endpoint::Ready => status::ready(&self.routes),
            Endpoint::Metrics => status::metrics(&self.metrics)?,
            Endpoint::Inference(path) => {
                return Ok(self.infer(request, path, measure).await?.map(BodyOf::Engine));
            }
        };
        Ok(ours.map(BodyOf::Ours))
    }

    async fn infer(
        &self,
        request: Request<Incoming>,
        path: &'static str,
        measure: &mut Measure,
    ) -> Result<Response<Payload>, Refusal> {
        let (mut head, body) = request.into_parts();
        inbound::check_encoding(&head.headers)?;
        let body = inbound::collect(body, &self.limits, &self.bodies).await?;
        let model = self.model_of(&body.bytes)?;
        measure.model(&model);
        headers::inbound(&mut head.headers);
        let asked = Asked {
            model,
            // An absolute request line names a host; an engine gets the path alone.
            path: head.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static(path)),
            headers: head.headers,
            body: body.bytes.clone(),
        };
        proxy::forward(self, &asked).await
    }

    /// The configured model that a body asks for.
    fn model_of(&self, body: &[u8]) -> Result<String, Refusal> {
        let named = scan::model(body).map_err(|error| Refusal::InvalidJson { offset: error.offset })?;
        let table = self.routes.snapshot();
        match named {
            Named::Model(model) if table.contains_key(&model) => Ok(model),
            Named::Model(model) => Err(self.model_not_found(&model)),
            // With one model there is nothing to choose.
            Named::Nothing if table.len() == 1 => Ok(table.keys().next().cloned().unwrap_or_default()),
            Named::Nothing | Named::NoText => {
                Err(Refusal::ModelRequired { known: table.keys().cloned().collect() })
            }
        }
    }

    pub(super) fn model_not_found(&self, model: &str) -> Refusal {
        let known = self.routes.snapshot().keys().cloned().collect();
        Refusal::ModelNotFound { model: model.to_owned(), known }
    }

    pub(super) fn signal_death(&self, model: &str, generation: u64) {
        if let Some(signals) = &self.signals {
            signals.try_send(Signal::UpstreamDied { model: model.to_owned(), generation }).ok();
        }
    }
}

/// Whose words the answer is made of.
#[derive(Debug)]
enum BodyOf {
    Ours(Body),
    Engine(Payload),
}
