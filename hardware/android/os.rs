//! Android's version and its kernel's.

use std::collections::BTreeMap;

use edgeorch_engines::contract::host::{Os, OsFamily};

use crate::findings::{Findings, printable};
use crate::root::{Command, Root, RunError};

const UNAME: Command = Command::new("uname-r", "uname", &["-r"]);

pub fn probe(
    root: &Root,
    properties: &Result<BTreeMap<String, String>, RunError>,
    findings: &mut Findings,
) -> Os {
    for field in ["os.name", "os.family"] {
        findings.known(field, "the system that was asked");
    }
    findings.known("os.libc", "Android has no other C library");
    let version = match properties.as_ref().map(|all| all.get("ro.build.version.release")) {
        Ok(Some(version)) => findings.learn("os.version", "ro.build.version.release", printable(version)),
        Ok(None) => {
            findings.unknown("os.version", "ro.build.version.release is not set");
            None
        }
        Err(error) => {
            findings.unknown("os.version", error);
            None
        }
    };
    Os {
        name: Some("Android".to_owned()),
        version,
        family: OsFamily::Android,
        kernel: kernel(root, findings),
        libc: Some("bionic".to_owned()),
    }
}

/// Newer Androids hide the file and let the call through.
fn kernel(root: &Root, findings: &mut Findings) -> Option<String> {
    let (text, source) = match root.read("proc/sys/kernel/osrelease") {
        Ok(text) => (text, "/proc/sys/kernel/osrelease"),
        Err(_) => (findings.take("os.kernel", root.run(&UNAME))?, "uname -r"),
    };
    findings.learn("os.kernel", source, printable(&text))
}
