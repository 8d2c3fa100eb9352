//! Bars of memory.

use edgeorch_engines::contract::{Bytes, Memory};

/// The widest bar, in cells: a wider one tells no more.
const WIDEST: usize = 50;

/// `[████░░░░····] 12% used`: what is in use, what a new process could take, and what a limit keeps from it. None where a
/// size is unknown.
pub fn memory(memory: &Memory, width: usize) -> Option<String> {
    bar(memory.total?, memory.available?, memory.usable(), width)
}

/// Of a device: what is free can be taken.
pub fn device(total: Bytes, free: Bytes, width: usize) -> Option<String> {
    bar(total, free, free, width)
}

fn bar(total: Bytes, available: Bytes, usable: Bytes, width: usize) -> Option<String> {
    if total == Bytes::ZERO {
        return None;
    }
    let share = |bytes: Bytes| bytes.0 as f64 / total.0 as f64;
    let used = total.saturating_sub(available);
    let caption = format!(" {:.0}% used", 100.0 * share(used));
    let cells = width.saturating_sub(caption.chars().count() + 2).min(WIDEST);
    let cells_of = |bytes: Bytes| ((share(bytes) * cells as f64).round() as usize).min(cells);
    let full = cells_of(used);
    // Without a limit the rest is a matter of rounding, and no third kind of memory.
    let free = if usable < available { cells_of(usable).min(cells - full) } else { cells - full };
    let barred = cells - full - free;
    Some(format!("[{}{}{}]{caption}", "█".repeat(full), "░".repeat(free), "·".repeat(barred)))
}
