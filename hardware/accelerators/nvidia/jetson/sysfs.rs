//! Clocks and temperature of a GPU that is part of the chip.

use super::super::Teller;
use super::super::report::{Gpu, Said};
use crate::Root;

const DEVFREQ: &str = "sys/class/devfreq";
const THERMAL: &str = "sys/class/thermal";

/// The zone's name in newer and in older releases.
const ZONES: [&str; 2] = ["gpu-thermal", "GPU-therm"];

/// A machine has a few of either.
const MAX_ENTRIES: usize = 64;

/// Of the device that the device tree calls one of `names`.
pub fn clocks(root: &Root, names: &[String]) -> Option<Teller> {
    let is_gpu = |folder: &String| {
        let compatible = root.read(&format!("{folder}/device/of_node/compatible")).unwrap_or_default();
        compatible.split('\0').any(|name| names.iter().any(|gpu| gpu == name))
    };
    let folder = entries(root, DEVFREQ).find(is_gpu)?;
    let hertz = |name: &str| root.read(&format!("{folder}/{name}")).unwrap_or_default();
    // The limit that is set may be lower than what the hardware offers.
    let best = hertz("available_frequencies").split_whitespace().filter_map(megahertz).max();
    let gpu = Gpu {
        core_mhz: said(megahertz(&hertz("cur_freq"))),
        core_max_mhz: said(best.or(megahertz(&hertz("max_freq")))),
        ..Gpu::default()
    };
    Some(Teller::new(format!("/{folder}"), gpu))
}

pub fn temperature(root: &Root) -> Option<Teller> {
    let named =
        |folder: &String| root.read(&format!("{folder}/type")).is_ok_and(|name| ZONES.contains(&name.trim()));
    let folder = entries(root, THERMAL).find(named)?;
    // The sensor of a GPU that sleeps gives no answer.
    let millidegrees: i32 = root.read(&format!("{folder}/temp")).ok()?.trim().parse().ok()?;
    let gpu = Gpu { temperature: Said::Value(f64::from(millidegrees) / 1000.0), ..Gpu::default() };
    Some(Teller::new(format!("/{folder}/temp"), gpu))
}

fn entries(root: &Root, folder: &'static str) -> impl Iterator<Item = String> {
    let names = root.list(folder).unwrap_or_default();
    names.into_iter().take(MAX_ENTRIES).map(move |name| format!("{folder}/{name}"))
}

fn megahertz(hertz: &str) -> Option<u32> {
    hertz.trim().parse::<u64>().ok().and_then(|hertz| u32::try_from(hertz / 1_000_000).ok())
}

fn said(value: Option<u32>) -> Said<u32> {
    value.map_or(Said::Nothing, Said::Value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Node, Tree};

    fn root(files: &[(&str, &str)]) -> Root {
        Root::of(
            files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), Node::File((*text).into())))
                .collect::<Tree>(),
        )
    }

    #[test]
    fn the_gpu_s_clocks_are_found_by_its_device_tree_name() {
        let root = root(&[
            ("sys/class/devfreq/13e00000.nvenc/device/of_node/compatible", "nvidia,tegra234-nvenc\0"),
            ("sys/class/devfreq/13e00000.nvenc/cur_freq", "1\n"),
            ("sys/class/devfreq/17000000.gpu/device/of_node/compatible", "nvidia,ga10b\0"),
            ("sys/class/devfreq/17000000.gpu/cur_freq", "306000000\n"),
            ("sys/class/devfreq/17000000.gpu/max_freq", "612000000\n"),
            ("sys/class/devfreq/17000000.gpu/available_frequencies", "306000000 x 1020000000\n"),
        ]);
        let teller = clocks(&root, &["nvidia,ga10b".to_owned()]).unwrap();
        assert_eq!(teller.source, "/sys/class/devfreq/17000000.gpu");
        assert_eq!((teller.gpu.core_mhz, teller.gpu.core_max_mhz), (Said::Value(306), Said::Value(1020)));
        assert!(clocks(&root, &["nvidia,gv11b".to_owned()]).is_none());
    }

    #[test]
    fn a_sensor_without_a_number_tells_nothing() {
        let zone = |text: &str| {
            root(&[
                ("sys/class/thermal/thermal_zone1/type", "gpu-thermal\n"),
                ("sys/class/thermal/thermal_zone1/temp", text),
            ])
        };
        let told = temperature(&zone("48531\n")).unwrap();
        assert_eq!(told.gpu.temperature, Said::Value(48.531));
        assert!(temperature(&zone("\n")).is_none());
        assert_eq!(megahertz("99999999999999999999"), None);
        assert_eq!(megahertz("18446744073709551615"), None);
    }
}
