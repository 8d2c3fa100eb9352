use std::time::Instant;

use super::*;
use crate::{Node, Tree};

fn machine(nodes: &[(&str, Node)]) -> Root {
    let mut tree: Tree = nodes.iter().map(|(path, node)| ((*path).to_owned(), node.clone())).collect();
    let environment = r#"{"path": ["/usr/local/bin", "/usr/bin"], "home": "/home/u"}"#;
    tree.put(".edgeorch/answers/environment.json", Node::File(environment.into()));
    Root::of(tree)
}

fn file(text: &str) -> Node {
    Node::File(text.as_bytes().to_vec())
}

fn probed(root: &Root) -> (Software, Findings) {
    let mut findings = Findings::default();
    let software = probe(root, "/home/u/.local/share/edgeorch/models", &mut findings);
    (software, findings)
}

#[test]
fn nothing_installed_is_a_fact() {
    let (software, findings) = probed(&machine(&[]));
    assert_eq!(software, Software::default());
    assert_eq!(findings.unknown_fields(), Vec::<&str>::new());
    assert_eq!(findings.source("software.python"), Some("the search path: no python3"));
}

#[test]
fn two_llama_servers_each_say_their_own_version() {
    let (software, _) = probed(&machine(&[
        ("usr/local/bin/llama-server", Node::Unread),
        ("usr/bin/llama-server", Node::Unread),
        (".edgeorch/commands/llama-server-version", file("version: 6032 (2f4a5b6c)\n")),
        (
            ".edgeorch/commands/llama-server-version-2",
            file("version: 0.6.0-dev (build 30, commit d5cae8b)\n"),
        ),
    ]));
    let told: Vec<_> = software
        .engines
        .iter()
        .map(|found| (found.path.as_str(), found.version.as_deref(), found.build.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("/usr/local/bin/llama-server", Some("6032"), None),
            ("/usr/bin/llama-server", Some("0.6.0-dev"), Some("30"))
        ]
    );
}

#[test]
fn an_engine_that_hangs_or_crashes_is_found_without_a_version() {
    let (software, findings) = probed(&machine(&[
        ("usr/bin/ollama", Node::Unread),
        (
            ".edgeorch/commands/ollama-version.failed",
            file(r#"{"timed_out": {"program": "/usr/bin/ollama"}}"#),
        ),
    ]));
    assert_eq!((software.engines.len(), software.engines[0].version.as_deref()), (1, None));
    let fields = ["software.engines[0].version", "software.engines[0].build", "software.engines[0].backends"];
    assert_eq!(findings.unknown_fields(), fields);
}

#[test]
fn docker_that_refuses_this_user_is_not_reachable_and_says_why() {
    let (software, findings) = probed(&machine(&[
        ("usr/bin/docker", Node::Unread),
        (".edgeorch/commands/docker-version", file("Docker version 28.5.1, build e180ab8\n")),
        (
            ".edgeorch/commands/docker-info.json.failed",
            file(
                "docker ended with exit status: 1: permission denied while trying to connect to the Docker daemon socket",
            ),
        ),
    ]));
    let docker = &software.containers[0];
    assert_eq!((docker.version.as_deref(), docker.reachable), (Some("28.5.1"), Some(false)));
    assert!(findings.source("software.containers[0].reachable").unwrap().contains("permission denied"));
    assert_eq!(findings.unknown_fields(), ["software.containers[0].gpu_access"]);
}

#[test]
fn podman_s_stand_in_for_docker_is_podman_alone() {
    let (software, findings) = probed(&machine(&[
        ("usr/bin/docker", Node::Unread),
        ("usr/bin/podman", Node::Unread),
        ("etc/cdi/nvidia.yaml", file("kind: nvidia.com/gpu\ndevices:\n- name: all\n")),
        (".edgeorch/commands/docker-version", file("podman version 5.4.2\n")),
        (".edgeorch/commands/podman-version", file("podman version 5.4.2\n")),
    ]));
    assert_eq!(software.containers.len(), 1);
    let podman = &software.containers[0];
    assert_eq!((podman.name.as_str(), podman.reachable), ("podman", None));
    assert_eq!(podman.gpu_access, ["cdi nvidia.com/gpu"]);
    assert_eq!(findings.source("software.containers[0].reachable"), Some("it has no daemon"));
}

#[test]
fn without_the_environment_only_libraries_are_found() {
    let tree: Tree = [("usr/lib64/libcuda.so.1".to_owned(), Node::Unread)].into_iter().collect();
    let (software, findings) = probed(&Root::of(tree));
    assert_eq!(software.libraries.len(), 1);
    assert_eq!(findings.unknown_fields(), ["software"]);
}

#[test]
fn this_machine_s_software_is_found_in_a_moment() {
    let start = Instant::now();
    let (software, _) = probed(&Root::live());
    eprintln!("{:?}\n{software:#?}", start.elapsed());
}
