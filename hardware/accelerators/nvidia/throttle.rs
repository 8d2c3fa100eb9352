//! Why a GPU runs below its full clock: one table for the bits of NVML and the words of `nvidia-smi`.

use edgeorch_engines::contract::host::Throttle;

/// The bit (nvml.h, `nvmlClocksEventReason…`), the end of the name of the element, and what it means. That nothing runs
/// (bit 0, `gpu_idle`) slows nothing. Where the hardware slows down for heat or a power brake, its general bit is set too.
pub const REASONS: [(u64, &str, Throttle); 8] = [
    (0x002, "applications_clocks_setting", Throttle::ClockSetting),
    (0x004, "sw_power_cap", Throttle::PowerCap),
    (0x008, "hw_slowdown", Throttle::Hardware),
    (0x010, "sync_boost", Throttle::Sync),
    (0x020, "sw_thermal_slowdown", Throttle::Thermal),
    (0x040, "hw_thermal_slowdown", Throttle::Thermal),
    (0x080, "hw_power_brake_slowdown", Throttle::PowerBrake),
    (0x100, "display_clocks_setting", Throttle::ClockSetting),
];

pub fn of_bits(bits: u64) -> Vec<Throttle> {
    sorted(REASONS.iter().filter(|(bit, ..)| bits & bit != 0).map(|(.., reason)| *reason))
}

/// In order, each once.
pub fn sorted(reasons: impl Iterator<Item = Throttle>) -> Vec<Throttle> {
    std::collections::BTreeSet::from_iter(reasons).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idleness_is_no_throttling() {
        assert_eq!(of_bits(0x1), []);
        assert_eq!(of_bits(0x4), [Throttle::PowerCap]);
        assert_eq!(of_bits(0x68), [Throttle::Thermal, Throttle::Hardware]);
        assert_eq!(of_bits(u64::MAX).len(), 6);
    }
}
