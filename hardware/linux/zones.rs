//! Where the thermal zones lie.

use super::class;
use crate::Root;

/// More than a machine has; a hostile tree may have any number.
const MOST_ZONES: usize = 128;

/// `sys/class/thermal/thermal_zone0` and on, by their numbers.
pub fn folders(root: &Root) -> Vec<String> {
    let names = class::entries(root, "thermal").unwrap_or_default();
    let number = |name: &String| name.strip_prefix("thermal_zone")?.parse::<u32>().ok();
    let mut numbers: Vec<u32> = names.iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers.truncate(MOST_ZONES);
    numbers.into_iter().map(|number| format!("sys/class/thermal/thermal_zone{number}")).collect()
}

/// `cpu-thermal`, `x86_pkg_temp`.
pub fn kind(root: &Root, zone: &str) -> Option<String> {
    class::word(root, &format!("{zone}/type"))
}
