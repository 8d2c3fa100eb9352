//! The one registry of the process. Families are defined beside the code that they count and registered here;
//! `docs/metrics.md` is the contract of their names and labels.

use prometheus::core::Collector;
use prometheus::{IntGauge, Opts, Registry, TextEncoder};

/// Owns the registry. Shared as `Arc<Metrics>`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

/// Why a family could not be registered or the text not be written.
#[derive(Debug, thiserror::Error)]
#[error("define or write metrics")]
pub struct MetricsError(#[from] prometheus::Error);

impl Metrics {
    /// The `Content-Type` of [`Metrics::render`].
    pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

    /// A registry that holds `edgeorch_build_info` and nothing else yet.
    pub fn new() -> Result<Metrics, MetricsError> {
        let metrics = Metrics { registry: Registry::new() };
        let build = Opts::new("edgeorch_build_info", "Always 1; the labels say what runs.")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        metrics.register(IntGauge::with_opts(build)?)?.set(1);
        Ok(metrics)
    }

    /// Adds a family. A second one of the same name is an error: two places would count into one number.
    pub fn register<C: Collector + Clone + 'static>(&self, family: C) -> Result<C, MetricsError> {
        self.registry.register(Box::new(family.clone()))?;
        Ok(family)
    }

    /// All families in Prometheus' text format.
    pub fn render(&self) -> Result<String, MetricsError> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_the_version_that_runs() {
        let text = Metrics::new().unwrap().render().unwrap();
        let line = format!("edgeorch_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&line), "{text}");
    }

    #[test]
    fn a_name_can_be_taken_only_once() {
        let metrics = Metrics::new().unwrap();
        let family = || IntGauge::new("edgeorch_example", "An example.").unwrap();
        metrics.register(family()).unwrap();
        assert!(metrics.register(family()).is_err());
    }
}
