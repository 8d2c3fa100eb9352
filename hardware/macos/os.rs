//! The release of macOS, from `sw_vers`, and its kernel.

use edgeorch_engines::contract::{Os, OsFamily};

use super::sysctl::Sysctl;
use crate::findings::{Findings, printable};
use crate::root::{Command, RunError};

pub const SW_VERS: Command = Command::new("sw_vers", "sw_vers", &[]);

pub fn probe(sysctl: &Sysctl, versions: Result<String, RunError>, findings: &mut Findings) -> Os {
    let told = versions.as_deref().unwrap_or_default();
    let (name, version) = (value(told, "ProductName"), value(told, "ProductVersion"));
    findings.known("os.family", "the platform that was audited");
    // Old releases print `Mac OS X`.
    findings.known("os.name", if name.is_some() { "sw_vers" } else { "the platform that was audited" });
    findings.none("os.libc", "macOS: its programs all use libSystem, which is a part of it");
    Os {
        name: Some(name.unwrap_or_else(|| "macOS".to_owned())),
        version: match version {
            Some(version) => {
                findings.known("os.version", "sw_vers");
                Some(version)
            }
            None => findings.learn(
                "os.version",
                "sysctl kern.osproductversion",
                sysctl.text("kern.osproductversion"),
            ),
        },
        family: OsFamily::Macos,
        kernel: findings.learn("os.kernel", "sysctl kern.osrelease", sysctl.text("kern.osrelease")),
        libc: None,
    }
}

/// `ProductVersion:`, tabs, `15.5`.
fn value(text: &str, key: &str) -> Option<String> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    printable(pairs.find(|(name, _)| name.trim() == key)?.1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_told_by_sw_vers_and_else_by_the_kernel() {
        let sysctl = Sysctl::parse(Ok("kern.osproductversion: 15.5\nkern.osrelease: 24.5.0\n".into()));
        let mut findings = Findings::default();
        let text = "ProductName:\t\tmacOS\nProductVersion:\t\t26.1\nBuildVersion:\t\t25B78\n";
        let os = probe(&sysctl, Ok(text.into()), &mut findings);
        assert_eq!((os.version.as_deref(), os.kernel.as_deref()), (Some("26.1"), Some("24.5.0")));
        let os = probe(&sysctl, Ok("ProductVersion:\u{1b}[2J\n".into()), &mut findings);
        assert_eq!((os.name.as_deref(), os.version.as_deref()), (Some("macOS"), Some("15.5")));
    }

    #[test]
    fn a_machine_without_either_has_no_version() {
        let mut findings = Findings::default();
        let missing = RunError::NotFound { program: "sw_vers".into() };
        assert_eq!(probe(&Sysctl::default(), Err(missing), &mut findings).version, None);
        assert_eq!(findings.unknown_fields(), ["os.version", "os.kernel"]);
    }
}
