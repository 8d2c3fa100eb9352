//! Metrics of instances, beside the code that they count. Names and labels by docs/metrics.md.

use std::collections::BTreeMap;

use edgeorch_engines::Cause;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};

use super::Snapshot;
use super::lifecycle::State;
use crate::telemetry::metrics::{Metrics, MetricsError};

/// The families, with the engine of each instance.
#[derive(Debug)]
pub struct Meters {
    state: IntGaugeVec,
    restarts: IntCounterVec,
    engines: BTreeMap<String, String>,
    /// What has been counted of each instance's restarts.
    counted: BTreeMap<String, u32>,
}

impl Meters {
    /// `engines` maps instances to their engines. All series exist from the start, with zeros.
    pub fn register(metrics: &Metrics, engines: BTreeMap<String, String>) -> Result<Meters, MetricsError> {
        let state = Opts::new("edgeorch_instance_state", "1 for the state that the instance is in, else 0.");
        let state = metrics.register(IntGaugeVec::new(state, &["instance", "model", "engine", "state"])?)?;
        let restarts = Opts::new(
            "edgeorch_instance_restarts_total",
            "Failures after which the instance was started again or given up.",
        );
        let restarts =
            metrics.register(IntCounterVec::new(restarts, &["instance", "model", "engine", "cause"])?)?;
        let meters = Meters { state, restarts, counted: BTreeMap::new(), engines };
        for (name, engine) in &meters.engines {
            for cause in Cause::ALL {
                meters.restarts.with_label_values(&[name, name, engine, cause.name()]);
            }
            meters.enter(name, engine, State::Absent.name());
        }
        Ok(meters)
    }

    pub fn record(&mut self, snapshot: &Snapshot) {
        let Some(engine) = self.engines.get(&snapshot.name) else { return };
        self.enter(&snapshot.name, engine, &snapshot.state);
        let counted = self.counted.entry(snapshot.name.clone()).or_default();
        if let Some(cause) = snapshot.cause
            && snapshot.restarts > *counted
        {
            let labels = [&snapshot.name, &snapshot.name, engine, cause.name()];
            self.restarts.with_label_values(&labels).inc_by(u64::from(snapshot.restarts - *counted));
            *counted = snapshot.restarts;
        }
    }

    fn enter(&self, name: &str, engine: &str, entered: &str) {
        for state in State::NAMES {
            self.state.with_label_values(&[name, name, engine, state]).set(i64::from(state == entered));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_state_is_true_and_restarts_are_counted_by_cause() {
        let metrics = Metrics::new().unwrap();
        let mut meters =
            Meters::register(&metrics, BTreeMap::from([("chat".into(), "llama.cpp".into())])).unwrap();
        let mut snapshot = Snapshot::new("chat");
        snapshot.state = "backoff".into();
        snapshot.restarts = 2;
        snapshot.cause = Some(Cause::Crash);
        meters.record(&snapshot);
        meters.record(&snapshot);
        let text = metrics.render().unwrap();
        let on: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("edgeorch_instance_state{") && line.ends_with(" 1"))
            .collect();
        assert_eq!(on.len(), 1, "{on:?}");
        assert!(on[0].contains(r#"state="backoff""#));
        assert!(text.lines().any(|line| line.contains(r#"cause="crash""#) && line.ends_with(" 2")), "{text}");
    }
}
