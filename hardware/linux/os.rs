//! The operating system: its release file, its kernel, its C library.

use edgeorch_engines::contract::{Architecture, Os};

use super::libc;
use crate::findings::{Findings, printable};
use crate::root::{ReadError, Root};

pub fn probe(root: &Root, architecture: Architecture, findings: &mut Findings) -> Os {
    let name = release(root).map(|text| name(&text));
    let name = findings.take("os.name", name).and_then(|name| {
        if name.is_none() {
            findings.unknown("os.name", "os-release has no PRETTY_NAME and no NAME");
        }
        findings.take("os.name", printable(&name?))
    });
    let kernel = findings.take("os.kernel", root.read("proc/sys/kernel/osrelease"));
    Os {
        name,
        version: None,
        family: root.platform(),
        kernel: kernel.and_then(|text| findings.take("os.kernel", printable(&text))),
        libc: findings.take("os.libc", libc::probe(root, architecture)),
    }
}

/// The second place is the vendor's own copy, see os-release(5).
fn release(root: &Root) -> Result<String, ReadError> {
    match root.read("etc/os-release") {
        Err(error) if error.is_missing() => root.read("usr/lib/os-release").map_err(|_| error),
        other => other,
    }
}

fn name(release: &str) -> Option<String> {
    value(release, "PRETTY_NAME").or_else(|| value(release, "NAME"))
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

    #[test]
    fn the_pretty_name_is_unquoted_and_the_last_one_wins() {
        let text = "NAME=Debian\nPRETTY_NAME='old'\nPRETTY_NAME=\"Debian \\\"12\\\"\"\n";
        assert_eq!(name(text).as_deref(), Some("Debian \"12\""));
        assert_eq!(name("NAME=Alpine\nPRETTY_NAME=\"\"\n").as_deref(), Some("Alpine"));
        assert_eq!(name("PRETTY_NAMES=x\n"), None);
    }

    #[test]
    fn the_vendors_copy_is_read_where_etc_has_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("usr/lib")).unwrap();
        std::fs::write(folder.path().join("usr/lib/os-release"), "NAME=Arch\n").unwrap();
        let mut findings = Findings::default();
        let os = probe(&Root::at(folder.path()), Architecture::X86_64, &mut findings);
        assert_eq!(os.name.as_deref(), Some("Arch"));
        assert_eq!(findings.unknown_fields(), ["os.kernel", "os.libc"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "((PRETTY_)?NAME=['\"\\\\]?[^\n]{0,9}\n)*|.*") {
            name(&text);
        }
    }
}
