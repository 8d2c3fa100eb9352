//! What the gateway counts. Labels come from closed sets: `model` is a configured id or `unknown`, `route` a documented
//! path or `unknown`, so that no client can fill the registry.

use std::sync::Arc;
use std::time::Instant;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};

use crate::telemetry::metrics::{Metrics, MetricsError};

pub(super) const UNKNOWN: &str = "unknown";

/// Seconds; from a refusal to an answer of several minutes on a small board.
const BUCKETS: [f64; 16] =
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

#[derive(Debug)]
pub(super) struct Meters {
    requests: IntCounterVec,
    duration: HistogramVec,
    first_token: HistogramVec,
    pub(super) queue_depth: IntGaugeVec,
    pub(super) retries: IntCounterVec,
    pub(super) broken_streams: IntCounterVec,
}

impl Meters {
    pub(super) fn register(metrics: &Metrics) -> Result<Meters, MetricsError> {
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, MetricsError> {
            metrics.register(IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let seconds = |name: &str, help: &str| -> Result<HistogramVec, MetricsError> {
            let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
            metrics.register(HistogramVec::new(options, &["model", "route"])?)
        };
        Ok(Meters {
            requests: counter(
                "edgeorch_requests_total",
                "Requests that ended, by the status that the client got; 499 when it left first.",
                &["model", "route", "code"],
            )?,
            duration: seconds(
                "edgeorch_request_duration_seconds",
                "From a request's headers to the last byte of its answer.",
            )?,
            first_token: seconds(
                "edgeorch_time_to_first_token_seconds",
                "From a request's headers to the first data event of its stream.",
            )?,
            queue_depth: metrics.register(IntGaugeVec::new(
                Opts::new("edgeorch_queue_depth", "Requests that wait until their model is ready."),
                &["model"],
            )?)?,
            retries: counter(
                "edgeorch_retries_total",
                "Requests given to an engine again: it died before its answer was complete, or said that it was not ready.",
                &["model", "reason"],
            )?,
            broken_streams: counter(
                "edgeorch_broken_streams_total",
                "Streams that ended with an error event because the engine died.",
                &["model"],
            )?,
        })
    }
}

/// Measures one request; counts it when dropped, with 499 unless a code was set.
#[derive(Debug)]
pub(super) struct Measure {
    meters: Arc<Meters>,
    started: Instant,
    route: &'static str,
    model: String,
    code: u16,
}

impl Measure {
    /// The code that web servers use for a client that closed its connection before the answer.
    const CLIENT_LEFT: u16 = 499;

    pub(super) fn new(meters: Arc<Meters>, route: &'static str) -> Measure {
        Measure {
            meters,
            started: Instant::now(),
            route,
            model: UNKNOWN.to_owned(),
            code: Measure::CLIENT_LEFT,
        }
    }

    /// `model` must be a configured id.
    pub(super) fn model(&mut self, model: &str) {
        model.clone_into(&mut self.model);
    }

    pub(super) fn code(&mut self, code: u16) {
        self.code = code;
    }

    pub(super) fn first_token(&self) {
        let family = &self.meters.first_token;
        family
            .with_label_values(&[self.model.as_str(), self.route])
            .observe(self.started.elapsed().as_secs_f64());
    }

    pub(super) fn broken(&self) {
        self.meters.broken_streams.with_label_values(&[self.model.as_str()]).inc();
    }
}

impl Drop for Measure {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed().as_secs_f64();
        self.meters.duration.with_label_values(&[self.model.as_str(), self.route]).observe(elapsed);
        let code = self.code.to_string();
        self.meters.requests.with_label_values(&[self.model.as_str(), self.route, &code]).inc();
    }
}
