//! Who may ask. Keys are kept as SHA-256 digests and all of them are compared in constant time: neither a log nor the
//! time of an answer tells one.

use std::fmt;

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use sha2::{Digest, Sha256};

/// A key that clients present as bearer token.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    digest: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    #[error("use an empty API key: set it to a secret, for example the output of `openssl rand -hex 32`")]
    Empty,
    #[error("use an API key with spaces or control characters: clients can't send it in a header")]
    Unprintable,
}

impl ApiKey {
    /// Takes the secret as clients will send it.
    pub fn new(secret: &str) -> Result<ApiKey, ApiKeyError> {
        match secret {
            "" => Err(ApiKeyError::Empty),
            _ if !secret.bytes().all(|byte| byte.is_ascii_graphic()) => Err(ApiKeyError::Unprintable),
            _ => Ok(ApiKey { digest: Sha256::digest(secret).into() }),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// Whether the request carries one of `keys`. No keys means that everyone may ask.
pub(super) fn is_allowed(keys: &[ApiKey], headers: &HeaderMap) -> bool {
    if keys.is_empty() {
        return true;
    }
    let Some(token) = bearer(headers) else { return false };
    let digest: [u8; 32] = Sha256::digest(token).into();
    // Every key is looked at to its end, whatever the ones before it said.
    keys.iter().fold(false, |found, key| found | same(&key.digest, &digest))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn with(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(value))])
    }

    #[test]
    fn any_of_the_keys_opens_and_nothing_else_does() {
        let keys = [ApiKey::new("first").unwrap(), ApiKey::new("second").unwrap()];
        for good in ["Bearer first", "bearer second", "BEARER  second "] {
            assert!(is_allowed(&keys, &with(good)), "{good}");
        }
        for bad in ["Bearer third", "Bearer ", "Basic first", "first", "Bearerfirst", "Bearer firs"] {
            assert!(!is_allowed(&keys, &with(bad)), "{bad}");
        }
        assert!(!is_allowed(&keys, &HeaderMap::new()));
        assert!(is_allowed(&[], &HeaderMap::new()));
    }

    #[test]
    fn a_key_that_no_client_can_send_is_refused_and_a_good_one_is_never_shown() {
        assert_eq!(ApiKey::new(""), Err(ApiKeyError::Empty));
        assert_eq!(ApiKey::new("a b\n"), Err(ApiKeyError::Unprintable));
        assert!(!format!("{:?}", ApiKey::new("hunter2").unwrap()).contains("hunter2"));
    }
}
