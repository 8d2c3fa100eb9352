//! Name and version of Windows.

use edgeorch_engines::contract::host::{Os, OsFamily};

use super::powershell::Answer;
use crate::findings::{Findings, printable};
use crate::root::{Command, Root};

const VER: Command = Command::new("ver", "cmd", &["/D", "/C", "ver"]);

pub fn probe(answer: &Answer, findings: &mut Findings) -> Os {
    let mut os = bare(findings);
    let row = match answer.row("os") {
        Ok(row) => row,
        Err(error) => {
            for field in ["os.name", "os.version", "os.kernel"] {
                findings.unknown(field, &error);
            }
            return os;
        }
    };
    let name = findings.take("os.name", row.text("Caption"));
    os.name =
        name.and_then(|name| findings.learn("os.name", "Win32_OperatingSystem.Caption", printable(name)));
    let version = findings.take("os.version", row.text("Version"));
    os.version = version
        .and_then(|text| findings.learn("os.version", "Win32_OperatingSystem.Version", printable(text)));
    os.kernel = kernel(answer, os.version.as_deref(), findings);
    os
}

/// The command interpreter knows the version too.
pub fn without_powershell(root: &Root, why: &str, findings: &mut Findings) -> Os {
    let mut os = bare(findings);
    findings.unknown("os.name", why);
    let full = root.run(&VER).ok().as_deref().and_then(version);
    match full {
        Some(full) => {
            os.version = Some(full.rsplit_once('.').map_or(full.clone(), |(version, _)| version.to_owned()));
            os.kernel = Some(full);
            for field in ["os.version", "os.kernel"] {
                findings.known(field, "ver");
            }
        }
        None => {
            for field in ["os.version", "os.kernel"] {
                findings.unknown(field, why);
            }
        }
    }
    os
}

fn bare(findings: &mut Findings) -> Os {
    findings.known("os.family", "the system that was asked");
    findings.none("os.libc", "programs for Windows bring their C library with them");
    Os { name: None, version: None, family: OsFamily::Windows, kernel: None, libc: None }
}

/// `10.0.26100.2314`: the version with the number of the monthly update.
fn kernel(answer: &Answer, version: Option<&str>, findings: &mut Findings) -> Option<String> {
    let update = answer.row("release").ok().and_then(|release| release.small("UBR").ok());
    match (version, update) {
        (Some(version), Some(update)) => {
            findings.known("os.kernel", "Win32_OperatingSystem.Version and registry (UBR)");
            Some(format!("{version}.{update}"))
        }
        _ => {
            findings.unknown("os.kernel", "Windows does not tell the number of its update");
            None
        }
    }
}

/// Out of `Microsoft Windows [Version 10.0.26100.2314]`, whose words are in the user's language.
fn version(banner: &str) -> Option<String> {
    let inside = banner.split_once('[')?.1.split_once(']')?.0;
    let number = inside.split_whitespace().last()?;
    let parts: Vec<&str> = number.split('.').collect();
    let numeric =
        |part: &&str| !part.is_empty() && part.len() < 10 && part.bytes().all(|b| b.is_ascii_digit());
    (parts.len() == 4 && parts.iter().all(numeric)).then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_banner_is_read_in_any_language() {
        for text in [
            "\r\nMicrosoft Windows [Version 10.0.22631.4460]\r\n",
            "Microsoft Windows [版本 10.0.22631.4460]",
        ] {
            assert_eq!(version(text).as_deref(), Some("10.0.22631.4460"));
        }
        for text in ["", "[", "[]", "Windows [Version 10.0]", "[Version a.b.c.d]", "[10.0..1]"] {
            assert_eq!(version(text), None, "{text}");
        }
    }

    #[test]
    fn without_the_update_there_is_no_kernel_but_a_version() {
        let mut findings = Findings::default();
        let answer =
            r#"{"os": {"Caption": "Microsoft Windows 11 Pro", "Version": "10.0.26100"}, "release": null}"#;
        let os = probe(&Answer::parse(answer).unwrap(), &mut findings);
        assert_eq!((os.version.as_deref(), os.kernel), (Some("10.0.26100"), None));
        assert_eq!(findings.unknown_fields(), ["os.kernel"]);
    }

    proptest! {
        #[test]
        fn any_banner_is_read_without_a_panic(text in ".*\\[.*\\].*|.*") {
            version(&text);
        }
    }
}
