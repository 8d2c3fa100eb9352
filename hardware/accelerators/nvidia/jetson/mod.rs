//! NVIDIA's boards: the GPU is part of the chip and shares its memory. Most have no `nvidia-smi`, or one that tells little.
//!
//! Which chip it is stands in the device tree. What follows from that is data: `socs.yaml`. Clocks and temperature are in
//! sysfs, the driver's release in a file of Jetson Linux.

mod release;
mod sysfs;

use std::sync::LazyLock;

use serde::Deserialize;

use super::report::{Gpu, Mig, Said};
use super::{Teller, kernel};
use crate::Root;
use release::Release;

/// A test proves that the file is well-formed.
static SOCS: LazyLock<Vec<Soc>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("socs.yaml")).unwrap_or_default());

/// Where Jetson Linux has the CUDA library of the driver.
const LIBCUDA: [&str; 4] = [
    "usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1",
    "usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1.1",
    "usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1",
    "usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1.1",
];

const COMPATIBLE: &str = "proc/device-tree/compatible";

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Soc {
    compatible: String,
    gpu: Vec<String>,
    pub pci: Option<String>,
    name: String,
    capability: String,
    pub driver: String,
    divisible: bool,
}

/// The chip, and who tells what of its GPU.
#[derive(Debug)]
pub struct Board {
    pub soc: &'static Soc,
    pub tellers: Vec<Teller>,
}

pub fn ask(root: &Root) -> Option<Board> {
    let soc = soc(&root.read(COMPATIBLE).ok()?)?;
    let mut tellers = vec![driver(root)];
    tellers.extend(sysfs::clocks(root, &soc.gpu));
    tellers.extend(sysfs::temperature(root));
    tellers.push(table(soc));
    Some(Board { soc, tellers })
}

fn soc(compatible: &str) -> Option<&'static Soc> {
    SOCS.iter().find(|soc| compatible.split('\0').any(|name| name == soc.compatible))
}

fn table(soc: &Soc) -> Teller {
    let gpu = Gpu {
        name: Said::Value(soc.name.clone()),
        target: Said::Value(soc.capability.clone()),
        mig: if soc.divisible { Said::Nothing } else { Said::Value(Mig::Impossible) },
        ..Gpu::default()
    };
    Teller::new(format!("/{COMPATIBLE} ({}) and edgeorch's table of NVIDIA's chips", soc.compatible), gpu)
}

/// The release stands for the driver: all its parts come with it.
fn driver(root: &Root) -> Teller {
    let release = root.read(release::FILE).ok().and_then(|text| Release::parse(&text));
    let library = LIBCUDA.into_iter().find(|file| root.exists(file));
    let cuda = match (library, release.as_ref().and_then(Release::cuda)) {
        (Some(_), Some(cuda)) => Said::Value(cuda.to_owned()),
        (Some(_), None) => Said::Nothing,
        (None, _) => Said::Refused("the driver's CUDA library is not where Jetson Linux has it".to_owned()),
    };
    let version = release.map_or(Said::Nothing, |release| Said::Value(release.to_string()));
    let gpu = Gpu {
        driver: version.or(kernel::driver(root)),
        cuda: library.map_or(Said::Nothing, |_| Said::Value(true)),
        runtime: cuda,
        ..Gpu::default()
    };
    Teller::new(format!("/{} and the driver's libraries", release::FILE), gpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_well_formed() {
        assert_eq!(SOCS.len(), 5, "socs.yaml was not read");
        for soc in SOCS.iter() {
            assert!(soc.compatible.starts_with("nvidia,tegra"), "{soc:?}");
            assert!(soc.pci.is_some() || !soc.gpu.is_empty(), "{soc:?}");
            assert!(soc.gpu.iter().all(|name| name.starts_with("nvidia,")), "{soc:?}");
        }
    }

    #[test]
    fn a_chip_is_known_by_its_exact_name() {
        let orin = "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0";
        assert_eq!(soc(orin).unwrap().capability, "8.7");
        assert_eq!(soc("nvidia,tegra2345\0"), None);
        assert_eq!(soc("raspberrypi,5-model-b\0brcm,bcm2712\0"), None);
        assert_eq!(soc(""), None);
    }
}
