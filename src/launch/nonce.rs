//! The mark of one launch: in the child's environment, in the name of its record and of its cgroup.
//! It is no secret (the key in the LaunchSpec is); it must only never be given twice.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 128 random bits as 32 lowercase hex digits, so it is safe as part of a path by construction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Nonce(String);

impl Nonce {
    /// Fails only where the kernel has no randomness to give.
    pub fn random() -> std::io::Result<Nonce> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Nonce(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no nonce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no launch nonce (32 lowercase hex digits)")]
pub struct BadNonce(String);

impl FromStr for Nonce {
    type Err = BadNonce;

    fn from_str(text: &str) -> Result<Nonce, BadNonce> {
        let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if text.len() == 32 && text.chars().all(is_hex) {
            Ok(Nonce(text.to_owned()))
        } else {
            Err(BadNonce(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Nonce {
    type Error = BadNonce;

    fn try_from(text: String) -> Result<Nonce, BadNonce> {
        text.parse()
    }
}

impl From<Nonce> for String {
    fn from(nonce: Nonce) -> String {
        nonce.0
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_nonce_reads_back_and_differs_from_the_next() {
        let nonce = Nonce::random().unwrap();
        assert_eq!(nonce.as_str().parse(), Ok(nonce.clone()));
        assert_ne!(nonce, Nonce::random().unwrap());
    }

    #[test]
    fn a_nonce_that_would_escape_its_folder_is_refused() {
        for bad in ["", "../../../../../../../../etc/cron", "0123", "ABCDEF0123456789ABCDEF0123456789"] {
            assert!(bad.parse::<Nonce>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Nonce>("\"../x\"").is_err());
    }
}
