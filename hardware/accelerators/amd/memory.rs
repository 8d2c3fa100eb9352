//! How much memory programs can have on a GPU.
//!
//! The driver tells of two pools: VRAM, which is the card's own memory or what the firmware set aside of main memory
//! (the carve-out); and GTT, main memory that the driver may map for the GPU on demand. A card's GTT is no place for a
//! model: it is read through the slot. In an APU both lie in the same chips and are equally fast; Vulkan takes from both,
//! and ROCm (since Linux 6.10) from the larger one.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{DeviceMemory, MemoryKind, MemoryPart};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    pub total: Bytes,
    pub used: Option<Bytes>,
}

impl Pool {
    fn free(&self) -> Option<Bytes> {
        Some(self.total.saturating_sub(self.used?))
    }

    fn part(&self, name: &str) -> MemoryPart {
        MemoryPart { name: name.to_owned(), total: self.total, used: self.used }
    }
}

/// `available` is what main memory can still give.
pub fn sum(
    kind: Option<MemoryKind>,
    vram: Option<Pool>,
    gtt: Option<Pool>,
    available: Option<Bytes>,
) -> DeviceMemory {
    let pools = [("vram", vram), ("gtt", gtt)];
    let parts = || pools.iter().filter_map(|(name, pool)| Some(pool.as_ref()?.part(name))).collect();
    match kind {
        Some(MemoryKind::Dedicated) => DeviceMemory {
            kind,
            total: vram.map(|pool| pool.total),
            free: vram.and_then(|pool| pool.free()),
            parts: Vec::new(),
        },
        Some(MemoryKind::CarveOut) => DeviceMemory {
            kind,
            total: vram.zip(gtt).map(|(vram, gtt)| Bytes(vram.total.0.saturating_add(gtt.total.0))),
            // The carve-out is out of the system's reach; the rest the system must still have to give.
            free: (|| {
                let on_demand = gtt?.free()?.min(available?);
                Some(Bytes(vram?.free()?.0.saturating_add(on_demand.0)))
            })(),
            parts: parts(),
        },
        // One memory under two names: a sum would count it twice.
        Some(_) => DeviceMemory { kind, parts: parts(), ..DeviceMemory::default() },
        // Of a GPU that may be either, its VRAM is what it surely has.
        None => DeviceMemory {
            kind,
            total: vram.map(|pool| pool.total),
            free: vram.and_then(|pool| pool.free()),
            parts: parts(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn pool(total: u64, used: u64) -> Option<Pool> {
        Some(Pool { total: Bytes(total * GIB), used: Some(Bytes(used * GIB)) })
    }

    #[test]
    fn a_card_has_its_own_memory_and_no_more() {
        let memory = sum(Some(MemoryKind::Dedicated), pool(24, 2), pool(16, 0), Some(Bytes(64 * GIB)));
        assert_eq!((memory.total, memory.free), (Some(Bytes(24 * GIB)), Some(Bytes(22 * GIB))));
        assert!(memory.parts.is_empty());
    }

    #[test]
    fn an_apu_has_both_pools_as_far_as_the_system_can_give() {
        let carve_out = Some(MemoryKind::CarveOut);
        let roomy = sum(carve_out, pool(1, 0), pool(62, 2), Some(Bytes(100 * GIB)));
        assert_eq!((roomy.total, roomy.free), (Some(Bytes(63 * GIB)), Some(Bytes(61 * GIB))));
        assert_eq!(roomy.parts.len(), 2);
        let tight = sum(carve_out, pool(1, 0), pool(62, 2), Some(Bytes(10 * GIB)));
        assert_eq!(tight.free, Some(Bytes(11 * GIB)));
        assert_eq!(sum(carve_out, pool(1, 0), pool(62, 2), None).free, None);
        assert_eq!(sum(carve_out, pool(1, 0), None, None).total, None);
    }

    #[test]
    fn nonsense_adds_up_to_no_panic() {
        let most = Some(Pool { total: Bytes(u64::MAX), used: Some(Bytes(0)) });
        assert_eq!(
            sum(Some(MemoryKind::CarveOut), most, most, Some(Bytes(u64::MAX))).total,
            Some(Bytes(u64::MAX))
        );
        let over = Some(Pool { total: Bytes(1), used: Some(Bytes(2)) });
        assert_eq!(sum(None, over, None, None).free, Some(Bytes::ZERO));
        assert_eq!(sum(Some(MemoryKind::Unified), most, most, None).total, None);
    }
}
