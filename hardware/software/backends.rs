//! Compute backends that an engine was built with: by the libraries beside it, by what it says when it starts, or by the
//! package that it came in.

use super::table;
use crate::Root;
use crate::findings::Findings;

/// Backends, each with what tells of it.
pub type Told = Vec<(String, &'static str)>;

/// Of an engine whose program lies at this path: the libraries in the folders where it looks for them.
pub fn beside_program(root: &Root, table: &table::Backends, program: &str) -> Told {
    let real = root.real_path(program).unwrap_or_else(|_| program.to_owned());
    let Some((folder, _)) = real.rsplit_once('/') else { return Vec::new() };
    let mut found = Vec::new();
    for below in &table.folders {
        let names =
            below_folder(folder, below).and_then(|folder| root.list(&folder).ok()).unwrap_or_default();
        found.extend(
            names.iter().filter_map(|name| Some((of_library(table, name)?, "the libraries beside it"))),
        );
    }
    found
}

/// `/opt/x/bin` and `../lib` → `/opt/x/lib`. Not left to the file system: a capture's paths hold no `..`.
fn below_folder(folder: &str, below: &str) -> Option<String> {
    let mut path: Vec<&str> = folder.split('/').collect();
    for part in below.split('/') {
        match part {
            "." => {}
            // The empty first part is the root's.
            ".." if path.len() > 1 => {
                path.pop();
            }
            ".." => return None,
            part => path.push(part),
        }
    }
    Some(path.join("/"))
}

/// `libggml-cpu-haswell.so.0.9.4` → `CPU`: the name up to a dash or a dot that ends it.
fn of_library(table: &table::Backends, file: &str) -> Option<String> {
    let is_library = file.contains(".so") || file.ends_with(".dylib") || file.ends_with(".dll");
    let name = file.strip_prefix("lib").unwrap_or(file);
    let ends = |rest: &str| rest.starts_with(['.', '-']);
    let found = table.libraries.iter().find(|(part, _)| name.strip_prefix(part.as_str()).is_some_and(ends));
    found.filter(|_| is_library).map(|(_, backend)| backend.clone())
}

pub fn said(table: &table::Backends, output: &str) -> Told {
    let names = |table::Pattern(pattern): &table::Pattern| -> Told {
        let found = pattern.captures_iter(output).filter_map(|found| found.name("backend"));
        found.map(|name| (name.as_str().to_owned(), "what it says at its start")).collect()
    };
    table.said.iter().flat_map(names).collect()
}

/// Of a Python distribution: its version's local part, and what is installed beside it.
pub fn of_distribution(table: &table::Backends, version: &str, beside: &[String]) -> Told {
    let local = version.split_once('+').map_or("", |(_, local)| local);
    let by_version = table.local.iter().filter(|(start, _)| local.starts_with(start.as_str()));
    let by_neighbour = table.beside.iter().filter(|(name, _)| beside.contains(name));
    let by_version = by_version.map(|(_, backend)| (backend.clone(), "the package's version"));
    let by_neighbour = by_neighbour.map(|(_, backend)| (backend.clone(), "the packages beside it"));
    by_version.chain(by_neighbour).collect()
}

/// All that were found, each once, with where they come from.
pub fn gather(table: &table::Backends, found: Told, findings: &mut Findings) -> Vec<String> {
    let always = table.always.iter().map(|backend| (backend.clone(), "every build of this engine has them"));
    let (mut backends, mut sources): (Vec<String>, Vec<&str>) = found.into_iter().chain(always).unzip();
    sources.sort();
    sources.dedup();
    backends.sort();
    backends.dedup();
    if backends.is_empty() {
        findings.unknown("backends", "neither its libraries nor its version name them");
    } else {
        findings.known("backends", sources.join("; "));
    }
    backends
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::table::ENGINES;
    use super::*;
    use crate::{Node, Tree};

    fn names(told: Told) -> Vec<String> {
        told.into_iter().map(|(name, _)| name).collect()
    }

    fn table(engine: &str) -> &'static table::Backends {
        &ENGINES.iter().find(|found| found.engine == engine).unwrap().backends
    }

    #[test]
    fn a_library_tells_its_backend_by_its_whole_name() {
        let of = |file: &str| of_library(table("llama.cpp"), file);
        assert_eq!(of("libggml-cpu-haswell.so").as_deref(), Some("CPU"));
        assert_eq!(of("libggml-cuda.so.0.9.4").as_deref(), Some("CUDA"));
        assert_eq!(of("ggml-hip.dll").as_deref(), Some("ROCm"));
        assert_eq!(of("libggml-metal.dylib").as_deref(), Some("Metal"));
        for other in
            ["libggml.so", "libggml-base.so", "libggml-cudart.so", "libggml-cuda.txt", "ggml-cuda", ""]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn libraries_lie_in_the_program_s_own_folders() {
        let mut tree = Tree::default();
        tree.put("usr/local/bin/ollama", Node::Unread);
        tree.put("usr/local/lib/ollama/libggml-cpu-zen4.so", Node::Unread);
        tree.put("usr/local/lib/ollama/cuda_v13/libggml-cuda.so", Node::Unread);
        tree.put("usr/bin/ollama", Node::Link("/usr/local/bin/ollama".into()));
        let found = beside_program(&Root::of(tree), table("ollama"), "/usr/bin/ollama");
        assert_eq!(names(found), ["CPU", "CUDA"]);
        assert_eq!(below_folder("/bin", "../lib"), Some("/lib".into()));
        assert_eq!(below_folder("", "../lib"), None);
    }

    #[test]
    fn what_llama_cpp_says_at_its_start_names_its_backends() {
        let output = "load_backend: loaded Vulkan backend from /opt/l/libggml-vulkan.so\n\
            load_backend: loaded CPU backend from /opt/l/libggml-cpu-haswell.so\nversion: 6032 (ab)\n";
        assert_eq!(names(said(table("llama.cpp"), output)), ["Vulkan", "CPU"]);
        let failed = "load_backend: failed to find ggml_backend_init in /opt/l/libggml-cpu.so\n";
        assert_eq!(names(said(table("llama.cpp"), failed)), Vec::<String>::new());
        let amd = "ggml_cuda_init: found 2 ROCm devices (Total VRAM: 48 GiB):\n";
        assert_eq!(names(said(table("llama.cpp"), amd)), ["ROCm"]);
    }

    #[test]
    fn packages_tell_by_their_version_or_their_neighbours() {
        let none: [String; 0] = [];
        assert_eq!(names(of_distribution(table("vllm"), "0.32.0+cpu", &[])), ["CPU"]);
        assert_eq!(names(of_distribution(table("vllm"), "0.32.0+cu129", &[])), ["CUDA"]);
        assert_eq!(names(of_distribution(table("vllm"), "0.32.0", &[])), none);
        assert_eq!(names(of_distribution(table("mlx-lm"), "0.32.2", &["mlx-metal".into()])), ["Metal"]);
    }

    proptest! {
        #[test]
        fn any_name_is_read_without_a_panic(name in ".*") {
            of_library(table("llama.cpp"), &name);
            of_distribution(table("vllm"), &name, &[]);
        }
    }
}
