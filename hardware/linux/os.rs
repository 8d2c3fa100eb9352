//! The operating system: its release file, its kernel, its C library.

use edgeorch_engines::contract::{Architecture, Os};

use super::libc;
use crate::findings::{Findings, printable};
use crate::root::{ReadError, Root, shown};
use edgeorch_engines::chain;

const KERNEL: &str = "proc/sys/kernel/osrelease";
/// The second is the vendor's own copy, see os-release(5).
const RELEASE: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

pub fn probe(root: &Root, architecture: Architecture, findings: &mut Findings) -> Os {
    let (name, version) = match release(root) {
        Ok((path, text)) => (name(&path, &text, findings), version(&path, &text, findings)),
        Err(error) => {
            findings.unknown("os.name", chain(&error));
            findings.unknown("os.version", chain(&error));
            (None, None)
        }
    };
    findings.known("os.family", "the platform whose interfaces the audit asks");
    let kernel = findings.take("os.kernel", root.read(KERNEL));
    let kernel = kernel.and_then(|text| findings.learn("os.kernel", shown(KERNEL), printable(&text)));
    Os { name, version, family: root.platform(), kernel, libc: libc(root, architecture, findings) }
}

/// A capture has the answer: a library of two megabytes is no text to keep.
fn libc(root: &Root, architecture: Architecture, findings: &mut Findings) -> Option<String> {
    let told = root.derived("libc", |root| libc::probe(root, architecture).map_err(|error| chain(&error)));
    match told {
        Ok((name, source)) => {
            findings.known("os.libc", source);
            Some(name)
        }
        Err(reason) => {
            findings.unknown("os.libc", reason);
            None
        }
    }
}

/// The release file, and which it is. What is said when there is none is about the first place.
fn release(root: &Root) -> Result<(String, String), ReadError> {
    let read = |path: &str| root.read(path).map(|text| (shown(path), text));
    read(RELEASE[0]).or_else(|error| match error.is_missing() {
        true => read(RELEASE[1]).map_err(|_| error),
        false => Err(error),
    })
}

fn name(path: &str, release: &str, findings: &mut Findings) -> Option<String> {
    let Some((key, name)) = ["PRETTY_NAME", "NAME"].iter().find_map(|key| Some((key, value(release, key)?)))
    else {
        findings.unknown("os.name", "os-release has no PRETTY_NAME and no NAME");
        return None;
    };
    findings.learn("os.name", format_args!("{key} in {path}"), printable(&name))
}

fn version(path: &str, release: &str, findings: &mut Findings) -> Option<String> {
    match value(release, "VERSION_ID") {
        Some(version) => {
            findings.learn("os.version", format_args!("VERSION_ID in {path}"), printable(&version))
        }
        // A file that is not what it should be tells nothing by what it lacks.
        None if value(release, "ID").is_none() => {
            findings.unknown("os.version", "os-release has no VERSION_ID and no ID");
            None
        }
        None => {
            findings.none("os.version", format_args!("{path} has no VERSION_ID: a rolling release"));
            None
        }
    }
}

/// The value of a shell assignment; the format allows quotes and backslashes, and nothing else of the shell.
fn value(release: &str, key: &str) -> Option<String> {
    let raw = release.lines().rev().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    let quoted = ['"', '\''].iter().find_map(|quote| raw.strip_prefix(*quote)?.strip_suffix(*quote));
    let mut text = String::new();
    let mut characters = quoted.unwrap_or(raw).chars();
    while let Some(c) = characters.next() {
        text.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> (Option<String>, Option<String>, Vec<String>) {
        let mut findings = Findings::default();
        let (name, version) = (name("f", text, &mut findings), version("f", text, &mut findings));
        (name, version, findings.unknown_fields().into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn the_pretty_name_is_unquoted_and_the_last_one_wins() {
        let text = "NAME=Debian\nPRETTY_NAME='old'\nPRETTY_NAME=\"Debian \\\"12\\\"\"\nVERSION_ID=\"12\"\n";
        assert_eq!(names(text), (Some("Debian \"12\"".into()), Some("12".into()), vec![]));
        assert_eq!(names("NAME=Alpine\nPRETTY_NAME=\"\"\n").0.as_deref(), Some("Alpine"));
        assert_eq!(names("PRETTY_NAMES=x\n").0, None);
    }

    #[test]
    fn a_rolling_release_has_no_version_and_a_broken_file_tells_nothing() {
        assert_eq!(names("NAME=\"Arch Linux\"\nID=arch\n"), (Some("Arch Linux".into()), None, vec![]));
        assert_eq!(names("\u{1b}").2, ["os.name", "os.version"]);
    }

    #[test]
    fn the_vendors_copy_is_read_where_etc_has_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("usr/lib")).unwrap();
        std::fs::write(folder.path().join("usr/lib/os-release"), "NAME=Arch\nID=arch\n").unwrap();
        let mut findings = Findings::default();
        let os = probe(&Root::at(folder.path()), Architecture::X86_64, &mut findings);
        assert_eq!(os.name.as_deref(), Some("Arch"));
        assert_eq!(findings.source("os.name"), Some("NAME in /usr/lib/os-release"));
        assert_eq!(findings.unknown_fields(), ["os.kernel", "os.libc"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "((PRETTY_)?NAME=['\"\\\\]?[^\n]{0,9}\n)*|.*") {
            names(&text);
        }
    }
}
