//! Libraries through which engines reach accelerators. What to look for where is data: `libraries.yaml`.
//!
//! A library's name is a link to the file that it really is, whose name ends with the version: `libcuda.so.1` →
//! `libcuda.so.580.95.05`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::OsFamily;
use edgeorch_engines::contract::host::Library;
use serde::Deserialize;

use crate::Root;
use crate::findings::Findings;

const FIELD: &str = "software.libraries";
/// Manifests of Vulkan drivers looked at.
const MOST: usize = 32;
/// Where Vulkan's loader looks for the drivers that do the work.
const VULKAN_DRIVERS: [&str; 3] =
    ["/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d", "/run/opengl-driver/share/vulkan/icd.d"];

/// A test proves that the file is well-formed.
static TABLE: LazyLock<BTreeMap<String, Wanted>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("libraries.yaml")).unwrap_or_default());

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    names: Vec<String>,
    folders: Vec<String>,
}

pub fn probe(root: &Root, findings: &mut Findings) -> Vec<Library> {
    findings.known(FIELD, "the usual folders of libraries, and Vulkan's manifests of drivers");
    let family = match root.platform() {
        OsFamily::Android => OsFamily::Linux,
        family => family,
    };
    let Some(wanted) = TABLE.get(family.name()) else { return Vec::new() };
    let found = |name: &String| {
        let path =
            wanted.folders.iter().map(|folder| format!("{folder}/{name}")).find(|path| root.exists(path))?;
        let real = root.real_path(&path).unwrap_or_else(|_| path.clone());
        Some(Library { name: name.clone(), version: version(&real), path })
    };
    let mut libraries: Vec<Library> = wanted.names.iter().filter_map(found).collect();
    if family == OsFamily::Linux {
        libraries.extend(vulkan_drivers(root, &wanted.folders));
    }
    for (i, library) in libraries.iter().enumerate().filter(|(_, library)| library.version.is_none()) {
        findings.none(
            format!("{FIELD}[{i}].version"),
            format_args!("the file name of {} tells none", library.name),
        );
    }
    libraries
}

/// `libvulkan.so.1.3.275` → `1.3.275`. A single number is that of the interface and not of the library, and so is a name
/// without any.
fn version(real: &str) -> Option<String> {
    let (_, version) = real.rsplit('/').next()?.split_once(".so.")?;
    let numbers: Vec<&str> = version.split('.').collect();
    let numeric = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    (numbers.len() > 1 && numbers.iter().all(numeric)).then(|| version.to_owned())
}

/// `{"ICD": {"api_version": "1.4.305", "library_path": "libGLX_nvidia.so.0"}}`
#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(rename = "ICD")]
    driver: Driver,
}

#[derive(Debug, Deserialize)]
struct Driver {
    library_path: String,
}

/// Drivers whose library is there; without one Vulkan's loader has nothing to load.
fn vulkan_drivers(root: &Root, folders: &[String]) -> Vec<Library> {
    let mut drivers: Vec<Library> = Vec::new();
    for manifests in VULKAN_DRIVERS {
        let names = root.list(manifests).unwrap_or_default();
        for name in names.iter().filter(|name| name.ends_with(".json")).take(MOST) {
            let text = root.read(&format!("{manifests}/{name}")).unwrap_or_default();
            let Ok(manifest) = serde_json::from_str::<Manifest>(&text) else { continue };
            let Some(library) = driver(root, folders, manifests, &manifest.driver.library_path) else {
                continue;
            };
            if drivers.iter().all(|driver| driver.path != library.path) {
                drivers.push(library);
            }
        }
    }
    drivers
}

/// A bare name is looked for as the loader does; other paths are relative to the manifest.
fn driver(root: &Root, folders: &[String], manifests: &str, library: &str) -> Option<Library> {
    let path = if library.starts_with('/') {
        Some(library.to_owned())
    } else if library.contains('/') {
        Some(format!("{manifests}/{library}"))
    } else {
        folders.iter().map(|folder| format!("{folder}/{library}")).find(|path| root.exists(path))
    };
    let path = path.filter(|path| root.exists(path))?;
    let real = root.real_path(&path).unwrap_or_else(|_| path.clone());
    let name = library.rsplit('/').next()?.to_owned();
    Some(Library { name, version: version(&real), path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Tree};

    #[test]
    fn the_table_is_well_formed() {
        for family in ["linux", "macos", "windows"] {
            let wanted = TABLE.get(family).unwrap();
            assert!(!wanted.names.is_empty() && !wanted.folders.is_empty(), "{family}");
        }
        assert_eq!(TABLE.len(), 3);
    }

    #[test]
    fn the_version_is_that_of_the_real_file() {
        assert_eq!(version("/usr/lib/libcuda.so.580.95.05").as_deref(), Some("580.95.05"));
        assert_eq!(version("/usr/lib/libvulkan.so.1.3.275").as_deref(), Some("1.3.275"));
        for other in
            ["/usr/lib/libcuda.so.1", "libQnnHtp.so", "libx.so.1.", "libx.so.1.2-rc", "nvcuda.dll", ""]
        {
            assert_eq!(version(other), None, "{other}");
        }
    }

    #[test]
    fn a_vulkan_driver_counts_only_with_its_library() {
        let manifest = |path: &str| {
            let text = format!(r#"{{"ICD": {{"api_version": "1.4.305", "library_path": "{path}"}}}}"#);
            Node::File(text.into_bytes())
        };
        let mut tree = Tree::default();
        tree.put("usr/share/vulkan/icd.d/nvidia_icd.json", manifest("libGLX_nvidia.so.0"));
        tree.put("usr/share/vulkan/icd.d/radeon_icd.x86_64.json", manifest("/usr/lib/libvulkan_radeon.so"));
        tree.put("usr/share/vulkan/icd.d/gone.json", manifest("/usr/lib/libvulkan_gone.so"));
        tree.put("usr/share/vulkan/icd.d/broken.json", Node::File(b"{".into()));
        tree.put("usr/lib64/libGLX_nvidia.so.0", Node::Link("libGLX_nvidia.so.580.95.05".into()));
        tree.put("usr/lib64/libGLX_nvidia.so.580.95.05", Node::Unread);
        tree.put("usr/lib/libvulkan_radeon.so", Node::Unread);
        let mut findings = Findings::default();
        let found = probe(&Root::of(tree), &mut findings);
        let found: Vec<_> =
            found.iter().map(|found| (found.name.as_str(), found.version.as_deref())).collect();
        assert_eq!(found, [("libGLX_nvidia.so.0", Some("580.95.05")), ("libvulkan_radeon.so", None)]);
        assert!(findings.source("software.libraries[1].version").is_some());
    }
}
