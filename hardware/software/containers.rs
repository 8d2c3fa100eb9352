//! Container engines on the search path, whether they answer, and how a container gets at a GPU through them.

use edgeorch_engines::contract::OsFamily;
use edgeorch_engines::contract::host::ContainerEngine;

use super::ask::{Asked, ask};
use super::found::{Found, is_plain};
use super::search::{Search, is_file};
use super::{cdi, docker};
use crate::findings::Findings;
use crate::{Command, Root};
use edgeorch_engines::chain;

/// With it on the daemon's search path `docker run --gpus` works, runtime or not.
const HOOK: &str = "/usr/bin/nvidia-container-runtime-hook";

pub struct Begun {
    docker: Option<Docker>,
    podman: Option<(String, Asked)>,
    nerdctl: Option<(String, Asked)>,
    family: OsFamily,
}

struct Docker {
    path: String,
    version: Asked,
    info: Asked,
}

pub fn begin(root: &Root, search: &Search) -> Begun {
    let first = |name: &str| search.programs(root, name).into_iter().next();
    let version = |name: &str| {
        let path = first(name)?;
        let command = Command::found(format!("{name}-version"), path.clone(), &["--version"]);
        Some((path, ask(root, command)))
    };
    let docker = version("docker").map(|(path, version)| {
        let info =
            Command::found("docker-info.json".to_owned(), path.clone(), &["info", "--format", "{{json .}}"]);
        Docker { path, version, info: ask(root, info) }
    });
    Begun { docker, podman: version("podman"), nerdctl: version("nerdctl"), family: search.family }
}

impl Begun {
    pub fn finish(self, root: &Root) -> Vec<Found<ContainerEngine>> {
        let docker = self.docker.and_then(|docker| docker.finish(root));
        let podman = self.podman.map(|(path, asked)| podman(root, path, asked, self.family));
        let nerdctl = self.nerdctl.map(|(path, asked)| nerdctl(root, path, asked));
        [docker, podman, nerdctl].into_iter().flatten().collect()
    }
}

impl Docker {
    /// `None` for Podman's stand-in of this name.
    fn finish(self, root: &Root) -> Option<Found<ContainerEngine>> {
        let mut findings = Findings::default();
        let version = self.version.answer();
        if version.as_ref().is_ok_and(|printed| printed.trim_start().starts_with("podman")) {
            return None;
        }
        let mut engine = begun("docker", self.path, version.map_err(|error| chain(&error)), &mut findings);
        let info = self.info.answer().map_err(|error| chain(&error));
        match info.and_then(|printed| docker::parse(&printed).map_err(|error| error.to_string())) {
            Ok(info) => {
                engine.reachable = Some(true);
                engine.gpu_access = info.gpu_access(root);
                if is_file(root, HOOK) {
                    engine.gpu_access.push("nvidia hook".to_owned());
                }
                findings.known("reachable", "docker info");
                findings.known("gpu_access", format_args!("docker info, and {HOOK}"));
            }
            Err(reason) => {
                engine.reachable = Some(false);
                findings.known("reachable", &reason);
                let remedy = if reason.contains("ermission denied") {
                    "add the user to the group docker, or run the audit as root"
                } else {
                    "start Docker, then audit again"
                };
                findings.unknown_but("gpu_access", "its daemon did not answer", remedy);
            }
        }
        Some(Found { thing: engine, findings })
    }
}

/// Podman reads specifications by itself, since version 4.1.
fn podman(root: &Root, path: String, asked: Asked, family: OsFamily) -> Found<ContainerEngine> {
    let mut findings = Findings::default();
    let mut engine = begun("podman", path, asked.answer().map_err(|error| chain(&error)), &mut findings);
    if [OsFamily::Linux, OsFamily::Android].contains(&family) {
        findings.none("reachable", "it has no daemon");
    } else {
        findings.unknown("reachable", "its virtual machine was not asked");
    }
    match engine.version.as_deref().map(|version| at_least(version, (4, 1))) {
        Some(true) => {
            engine.gpu_access = cdi_access(root);
            findings.known("gpu_access", "/etc/cdi and /var/run/cdi");
        }
        Some(false) => findings.known("gpu_access", "versions before 4.1 hand in no devices by CDI"),
        None => findings.unknown("gpu_access", "it depends on the version"),
    }
    Found { thing: engine, findings }
}

fn nerdctl(root: &Root, path: String, asked: Asked) -> Found<ContainerEngine> {
    let mut findings = Findings::default();
    let mut engine = begun("nerdctl", path, asked.answer().map_err(|error| chain(&error)), &mut findings);
    findings.unknown("reachable", "containerd was not asked");
    engine.gpu_access = cdi_access(root);
    findings.known("gpu_access", "/etc/cdi and /var/run/cdi");
    Found { thing: engine, findings }
}

fn cdi_access(root: &Root) -> Vec<String> {
    cdi::kinds(root, cdi::FOLDERS).into_iter().map(|kind| format!("cdi {kind}")).collect()
}

fn begun(
    name: &str,
    path: String,
    printed: Result<String, String>,
    findings: &mut Findings,
) -> ContainerEngine {
    findings.known("", "the search path");
    let read = printed
        .and_then(|printed| version(&printed).ok_or("no version is to be read in its answer".to_owned()));
    match &read {
        Ok(_) => findings.known("version", format_args!("{name} --version")),
        Err(reason) => findings.unknown("version", reason),
    }
    let name = name.to_owned();
    ContainerEngine { name, path, version: read.ok(), reachable: None, gpu_access: Vec::new() }
}

/// `Docker version 28.5.1, build e180ab8`, `podman version 5.4.2`, `nerdctl version 2.1.2`.
fn version(printed: &str) -> Option<String> {
    let (_, after) = printed.split_once(" version ")?;
    let version = after.split([' ', ',', '\n', '\r']).next()?;
    (version.starts_with(|c: char| c.is_ascii_digit()) && is_plain(version)).then(|| version.to_owned())
}

fn at_least(version: &str, least: (u32, u32)) -> bool {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_s_version_is_read() {
        assert_eq!(version("Docker version 28.5.1, build e180ab8\n").as_deref(), Some("28.5.1"));
        assert_eq!(version("podman version 5.4.2\n").as_deref(), Some("5.4.2"));
        assert_eq!(version("nerdctl version 2.1.2"), Some("2.1.2".into()));
        for other in ["", "Docker version", "Docker version unknown, build x", "docker: command not found"] {
            assert_eq!(version(other), None, "{other}");
        }
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(at_least("4.10.0", (4, 1)) && at_least("5.0.0-rc1", (4, 1)) && at_least("4.1", (4, 1)));
        assert!(!at_least("4.0.3", (4, 1)) && !at_least("3.4.4", (4, 1)) && !at_least("", (4, 1)));
    }
}
