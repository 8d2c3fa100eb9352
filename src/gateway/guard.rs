//! Keeps web pages away from a gateway on loopback. A page that the user merely visits can send requests to
//! 127.0.0.1, directly (its `Origin` tells) or through a name of its own that resolves there (its `Host` tells: DNS
//! rebinding). Both are refused before anything else is looked at.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Uri};

use super::errors::Refusal;

/// Looks at a request's `Host` and `Origin`. A gateway that listens beyond loopback demands a key instead.
pub(super) fn check(listen: SocketAddr, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    if !listen.ip().is_loopback() {
        return Ok(());
    }
    // HTTP/1.0 programs may send no Host; browsers always do.
    for host in uri.host().map(str::to_owned).into_iter().chain(hosts(headers)) {
        if !is_local(&host) {
            return Err(Refusal::ForeignHost { host });
        }
    }
    for origin in headers.get_all(ORIGIN) {
        let origin = String::from_utf8_lossy(origin.as_bytes());
        let host = origin.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
        if !host.is_some_and(|host| is_local(&host)) {
            return Err(Refusal::ForeignOrigin { origin: origin.into_owned() });
        }
    }
    Ok(())
}

/// The hosts of all `Host` headers without their ports; what can't be read is given as it stands, and so refused.
fn hosts(headers: &HeaderMap) -> impl Iterator<Item = String> {
    headers.get_all(HOST).iter().map(|value| match Authority::try_from(value.as_bytes()) {
        Ok(authority) if !authority.as_str().contains('@') => authority.host().to_owned(),
        _ => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    })
}

fn is_local(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderName, HeaderValue};

    fn verdict(listen: &str, name: HeaderName, value: &'static str) -> Result<(), Refusal> {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        check(listen.parse().unwrap(), &Uri::from_static("/v1/models"), &headers)
    }

    #[test]
    fn names_of_this_machine_pass_and_others_are_refused() {
        for host in ["localhost", "LOCALHOST:9292", "127.0.0.1:9292", "127.1.2.3", "[::1]:9292", "localhost."]
        {
            assert_eq!(verdict("127.0.0.1:9292", HOST, host), Ok(()), "{host}");
        }
        for host in [
            "evil.example:9292",
            "localhost.evil.example",
            "192.168.1.4",
            "a@127.0.0.1",
            "",
            "127.0.0.1.nip.io",
        ] {
            assert!(verdict("127.0.0.1:9292", HOST, host).is_err(), "{host}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:8080"] {
            assert_eq!(verdict("[::1]:9292", ORIGIN, origin), Ok(()), "{origin}");
        }
        for origin in ["https://evil.example", "null", "file://", "http://localhost.evil.example"] {
            assert!(verdict("[::1]:9292", ORIGIN, origin).is_err(), "{origin}");
        }
    }

    #[test]
    fn the_name_in_an_absolute_request_line_counts_too() {
        let uri = Uri::from_static("http://evil.example/v1/models");
        assert!(check("127.0.0.1:1".parse().unwrap(), &uri, &HeaderMap::new()).is_err());
    }

    #[test]
    fn beyond_loopback_the_key_decides() {
        assert_eq!(verdict("10.0.0.2:9292", HOST, "box.plant.example"), Ok(()));
    }
}
