//! What is answered where: the paths, their methods and their names in metrics.

use std::borrow::Cow;

use hyper::Method;
use percent_encoding::percent_decode_str;

use super::errors::Refusal;

/// Every path that is answered, as the documentation writes them.
pub(super) const PATHS: [&str; 8] = [
    "/v1/models",
    "/v1/models/{id}",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/healthz",
    "/readyz",
    "/metrics",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint<'a> {
    Models,
    Model(Cow<'a, str>),
    /// Forwarded to an engine; the name is the path.
    Inference(&'static str),
    Health,
    Ready,
    Metrics,
}

impl<'a> Endpoint<'a> {
    pub(super) fn of(path: &'a str) -> Option<Endpoint<'a>> {
        Some(match path {
            "/v1/models" => Endpoint::Models,
            "/v1/chat/completions" => Endpoint::Inference("/v1/chat/completions"),
            "/v1/completions" => Endpoint::Inference("/v1/completions"),
            "/v1/embeddings" => Endpoint::Inference("/v1/embeddings"),
            "/healthz" => Endpoint::Health,
            "/readyz" => Endpoint::Ready,
            "/metrics" => Endpoint::Metrics,
            // Ids may hold slashes, written as they are or escaped: ORG/REPO is a name in this field.
            _ => Endpoint::Model(
                percent_decode_str(path.strip_prefix("/v1/models/")?)
                    .decode_utf8()
                    .ok()
                    .filter(|id| !id.is_empty())?,
            ),
        })
    }

    /// The label `route` in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Endpoint::Models => "/v1/models",
            Endpoint::Model(_) => "/v1/models/{id}",
            Endpoint::Inference(path) => path,
            Endpoint::Health => "/healthz",
            Endpoint::Ready => "/readyz",
            Endpoint::Metrics => "/metrics",
        }
    }

    pub(super) fn check(&self, method: &Method) -> Result<(), Refusal> {
        let (fits, allow) = match self {
            Endpoint::Inference(_) => (method == Method::POST, "POST"),
            _ => (method == Method::GET || method == Method::HEAD, "GET, HEAD"),
        };
        if fits { Ok(()) } else { Err(Refusal::MethodNotAllowed { method: method.to_string(), allow }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_path_is_answered() {
        for path in PATHS {
            assert_eq!(Endpoint::of(path).unwrap().name(), path);
        }
        for path in ["/", "/v1", "/v1/models/", "/v1/chat/completions/", "/V1/models", "/healthz2"] {
            assert_eq!(Endpoint::of(path), None, "{path}");
        }
    }

    #[test]
    fn an_id_may_hold_slashes() {
        for path in ["/v1/models/org/model:q4", "/v1/models/org%2Fmodel%3Aq4"] {
            assert_eq!(Endpoint::of(path), Some(Endpoint::Model("org/model:q4".into())));
        }
    }
}
