//! Which headers cross the gateway. Hop-by-hop ones belong to one connection (RFC 9110, 7.6.1) and stay there.

use hyper::HeaderMap;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, InvalidHeaderValue,
    ORIGIN, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::routes::Target;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The client's headers as an engine may see them, but for those that name the engine: [`address`] sets these.
pub(super) fn inbound(headers: &mut HeaderMap) {
    drop_hop_by_hop(headers);
    // The length is set anew from the collected body; the origin was judged here and would wake the engine's CORS.
    for name in [AUTHORIZATION, CONTENT_LENGTH, EXPECT, HOST, ORIGIN] {
        headers.remove(name);
    }
}

/// Names the engine and shows it the key of its launch.
pub(super) fn address(headers: &mut HeaderMap, target: &Target) -> Result<(), InvalidHeaderValue> {
    let mut key = HeaderValue::try_from(format!("Bearer {}", target.key))?;
    key.set_sensitive(true);
    headers.insert(AUTHORIZATION, key);
    headers.insert(HOST, HeaderValue::try_from(target.address.to_string())?);
    Ok(())
}

/// The engine's headers as the client may see them. The length is dropped: the body that is sent says its own.
pub(super) fn outbound(headers: &mut HeaderMap) {
    drop_hop_by_hop(headers);
    headers.remove(CONTENT_LENGTH);
    // Engines open themselves to every web page by default; who may read answers is decided here, and no page may.
    let cors: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in cors {
        headers.remove(name);
    }
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| HeaderName::try_from(name.trim()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn what_belongs_to_one_connection_stays_on_it() {
        let mut headers = map(&[
            ("connection", "close, x-session"),
            ("x-session", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("content-type", "application/json"),
            ("authorization", "Bearer of-the-client"),
            ("origin", "http://localhost"),
        ]);
        inbound(&mut headers);
        assert_eq!(headers, map(&[("content-type", "application/json")]));
    }

    #[test]
    fn the_engine_gets_the_key_of_its_launch_and_no_log_does() {
        let mut headers = HeaderMap::new();
        let target =
            Target { address: "127.0.0.1:4100".parse().unwrap(), key: "nonce".into(), generation: 1 };
        address(&mut headers, &target).unwrap();
        assert_eq!(headers[AUTHORIZATION], "Bearer nonce");
        assert_eq!(headers[HOST], "127.0.0.1:4100");
        assert!(!format!("{headers:?}{target:?}").contains("nonce"));
    }

    #[test]
    fn an_engines_open_cors_is_closed() {
        let mut headers = map(&[("access-control-allow-origin", "*"), ("content-type", "application/json")]);
        outbound(&mut headers);
        assert_eq!(headers, map(&[("content-type", "application/json")]));
    }
}
