//! Whose GPUs Vulkan reaches on a Linux machine: its loader, and a driver whose manifest names a library of that vendor.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::host::{AcceleratorKind, Api, Vendor};
use serde::Deserialize;

use super::{Sighting, is_idle};
use crate::Root;

/// A test proves that the file is well-formed.
static DRIVERS: LazyLock<BTreeMap<String, Vendor>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("vulkan.yaml")).unwrap_or_default());

/// Where the loader looks for manifests. (Vulkan loader documentation, "Driver Discovery on Linux")
const MANIFESTS: [&str; 4] = [
    "etc/vulkan/icd.d",
    "usr/local/etc/vulkan/icd.d",
    "usr/local/share/vulkan/icd.d",
    "usr/share/vulkan/icd.d",
];
const LOADERS: [&str; 5] = [
    "usr/lib/x86_64-linux-gnu/libvulkan.so.1",
    "usr/lib/aarch64-linux-gnu/libvulkan.so.1",
    "usr/lib64/libvulkan.so.1",
    "usr/lib/libvulkan.so.1",
    "usr/local/lib/libvulkan.so.1",
];

/// A folder holds a manifest for each driver; more are somebody's mistake.
const MOST: usize = 64;

#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "ICD")]
    icd: Icd,
}

#[derive(Deserialize)]
struct Icd {
    library_path: String,
}

/// Adds Vulkan to the GPUs that it reaches. One that the kernel does not drive it reaches neither.
pub fn add(root: &Root, devices: &mut [Sighting]) {
    let Some(loader) = LOADERS.iter().find(|path| root.exists(path)) else { return };
    let drivers = drivers(root);
    for device in devices {
        let gpu = &mut device.accelerator;
        let Some(manifest) = drivers.get(&gpu.vendor) else { continue };
        let is_new = gpu.kind == AcceleratorKind::Gpu && !gpu.apis.contains(&Api::Vulkan);
        if is_new && gpu.driver.as_ref().is_some_and(|driver| !is_idle(driver)) {
            gpu.apis.push(Api::Vulkan);
            device.findings.also_known("apis", format_args!("vulkan: /{loader}, /{manifest}"));
        }
    }
}

/// The manifest that speaks for each vendor.
fn drivers(root: &Root) -> BTreeMap<Vendor, String> {
    let files = MANIFESTS.iter().flat_map(|folder| {
        let names = root.list(folder).unwrap_or_default();
        names.into_iter().take(MOST).map(move |name| format!("{folder}/{name}"))
    });
    let vendors = files.filter(|file| file.ends_with(".json")).filter_map(|file| {
        let library = library(&root.read(&file).ok()?)?;
        Some((*DRIVERS.get(library.rsplit('/').next()?)?, file))
    });
    // The first one stands, as for the loader.
    vendors.collect::<Vec<_>>().into_iter().rev().collect()
}

fn library(manifest: &str) -> Option<String> {
    serde_json::from_str::<Manifest>(manifest).ok().map(|manifest| manifest.icd.library_path)
}

#[cfg(test)]
mod tests {
    use edgeorch_engines::contract::host::{Accelerator, Driver};

    use super::*;
    use crate::findings::Findings;
    use crate::root::{Node, Tree};

    fn machine(manifest: &str) -> Root {
        let mut tree = Tree::default();
        tree.put("usr/lib/x86_64-linux-gnu/libvulkan.so.1", Node::Unread);
        tree.put("usr/share/vulkan/icd.d/radeon_icd.x86_64.json", Node::File(manifest.into()));
        tree.put(
            "usr/share/vulkan/icd.d/lvp.json",
            Node::File(br#"{"ICD": {"library_path": "libvulkan_lvp.so"}}"#.to_vec()),
        );
        Root::of(tree)
    }

    fn apis(root: &Root, vendor: Vendor, driver: Option<&str>) -> Vec<Api> {
        let mut accelerator = Accelerator::new(AcceleratorKind::Gpu, vendor);
        accelerator.driver = driver.map(|name| Driver { name: name.into(), version: None });
        let mut devices = [Sighting { accelerator, findings: Findings::default() }];
        add(root, &mut devices);
        devices[0].accelerator.apis.clone()
    }

    #[test]
    fn the_table_is_well_formed() {
        assert_eq!(DRIVERS.get("libvulkan_radeon.so"), Some(&Vendor::Amd));
    }

    #[test]
    fn vulkan_reaches_the_vendor_whose_driver_is_there() {
        let root = machine(r#"{"ICD": {"library_path": "/usr/lib/x86_64-linux-gnu/libvulkan_radeon.so"}}"#);
        assert_eq!(apis(&root, Vendor::Amd, Some("amdgpu")), [Api::Vulkan]);
        assert_eq!(apis(&root, Vendor::Amd, None), []);
        assert_eq!(apis(&root, Vendor::Amd, Some("vfio-pci")), []);
        assert_eq!(apis(&root, Vendor::Intel, Some("i915")), []);
    }

    #[test]
    fn manifests_that_are_none_reach_nobody() {
        for manifest in ["", "{}", r#"{"ICD": {}}"#, r#"{"ICD": {"library_path": 5}}"#, "\u{0}"] {
            assert_eq!(apis(&machine(manifest), Vendor::Amd, Some("amdgpu")), [], "{manifest}");
        }
    }
}
