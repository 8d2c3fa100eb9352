//! Where the two drivers keep the same facts: xe, and i915 in a newer and an older way.
//!
//! Sources: Linux, `Documentation/gpu/xe/xe_gt_freq.rst` and `i915/gt/intel_gt_sysfs_pm.c`.

use super::throttle;
use crate::Root;
use crate::accelerators::pci::Function;
use crate::accelerators::sysfs::{self, Told, Untold};

/// The first tile's first unit renders and computes; the others are further tiles and the media unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    Xe {
        unit: String,
    },
    I915 {
        unit: String,
    },
    /// Linux before 5.19.
    I915Card {
        card: String,
    },
}

/// As many tiles as the largest GPU has.
const MOST_TILES: u32 = 8;

impl Layout {
    pub fn of(root: &Root, function: &Function) -> Option<Layout> {
        let unit = function.file("tile0/gt0/freq0");
        if root.exists(&unit) {
            return Some(Layout::Xe { unit });
        }
        let card = card(root, function)?;
        let unit = format!("{card}/gt/gt0");
        match root.exists(&unit) {
            true => Some(Layout::I915 { unit }),
            false => root.exists(&format!("{card}/gt_RP0_freq_mhz")).then_some(Layout::I915Card { card }),
        }
    }

    /// 0 while the GPU sleeps.
    pub fn clock(&self, root: &Root) -> Result<Told<u32>, Untold> {
        let path = match self {
            Layout::Xe { unit } => format!("{unit}/act_freq"),
            Layout::I915 { unit } => format!("{unit}/rps_act_freq_mhz"),
            Layout::I915Card { card } => format!("{card}/gt_act_freq_mhz"),
        };
        sysfs::megahertz(root, &path, 1)
    }

    pub fn best_clock(&self, root: &Root) -> Result<Told<u32>, Untold> {
        let path = match self {
            Layout::Xe { unit } => format!("{unit}/rp0_freq"),
            Layout::I915 { unit } => format!("{unit}/rps_RP0_freq_mhz"),
            Layout::I915Card { card } => format!("{card}/gt_RP0_freq_mhz"),
        };
        sysfs::megahertz(root, &path, 1)
    }

    pub fn throttling(&self, root: &Root) -> throttle::Reasons {
        match self {
            Layout::Xe { unit } => throttle::read(root, &format!("{unit}/throttle"), ""),
            Layout::I915 { unit } => throttle::read(root, unit, "throttle_"),
            Layout::I915Card { .. } => throttle::Reasons::Untold,
        }
    }
}

/// The size of the card's own memory, from drivers that show it: xe by tile in some versions, Intel's own i915 for all.
/// It is what is soldered on; the driver keeps a little of it.
pub fn own_memory(root: &Root, function: &Function) -> Option<Told<u64>> {
    let tile = |n| sysfs::number(root, &function.file(&format!("tile{n}/physical_vram_size_bytes"))).ok();
    let first = tile(0);
    let sum = (1..MOST_TILES)
        .map_while(tile)
        .fold(first, |sum, tile| sum.map(|sum| sum.map(|bytes: u64| bytes.saturating_add(tile.value))));
    sum.or_else(|| sysfs::number(root, &format!("{}/lmem_total_bytes", card(root, function)?)).ok())
        .filter(|told| told.value > 0)
}

/// `…/drm/card1`: the number is the kernel's, in the order of drivers.
fn card(root: &Root, function: &Function) -> Option<String> {
    let folder = function.file("drm");
    let names = root.list(&folder).ok()?;
    let is_card = |name: &&String| name.strip_prefix("card").is_some_and(|n| n.parse::<u32>().is_ok());
    names.iter().find(is_card).map(|name| format!("{folder}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accelerators::pci::{self, fixture};
    use crate::root::{Node, Tree};

    fn clocks(files: &[(&str, &str)]) -> (Option<u32>, Option<u32>, Option<u64>) {
        let mut tree = Tree::default();
        fixture::function(&mut tree, "0000:03:00.0", "0x030000", ("0x8086", "0xe20b"));
        for (name, text) in files {
            tree.put(&pci::file("0000:03:00.0", name), Node::File((*text).into()));
        }
        let root = Root::of(tree);
        let function = &pci::functions(&root)[0];
        let layout = Layout::of(&root, function);
        let clock = layout.as_ref().and_then(|layout| layout.clock(&root).ok());
        let best = layout.as_ref().and_then(|layout| layout.best_clock(&root).ok());
        (
            clock.map(|told| told.value),
            best.map(|told| told.value),
            own_memory(&root, function).map(|told| told.value),
        )
    }

    #[test]
    fn each_driver_is_read_in_its_own_way() {
        let xe = [
            ("tile0/gt0/freq0/act_freq", "0\n"),
            ("tile0/gt0/freq0/rp0_freq", "2850\n"),
            ("tile0/physical_vram_size_bytes", "8589934592\n"),
            ("tile1/physical_vram_size_bytes", "8589934592\n"),
        ];
        assert_eq!(clocks(&xe), (Some(0), Some(2850), Some(16 << 30)));
        let i915 = [
            ("drm/card1/gt/gt0/rps_act_freq_mhz", "600\n"),
            ("drm/card1/gt/gt0/rps_RP0_freq_mhz", "2400\n"),
            ("drm/renderD128/dev", "226:128\n"),
        ];
        assert_eq!(clocks(&i915), (Some(600), Some(2400), None));
        let older = [("drm/card0/gt_act_freq_mhz", "350\n"), ("drm/card0/gt_RP0_freq_mhz", "1150\n")];
        assert_eq!(clocks(&older), (Some(350), Some(1150), None));
        assert_eq!(clocks(&[]), (None, None, None));
        assert_eq!(clocks(&[("drm/cardX/gt_RP0_freq_mhz", "1\n")]), (None, None, None));
    }
}
