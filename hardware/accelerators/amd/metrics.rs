//! `gpu_metrics`: a binary table that the GPU's management firmware fills.
//!
//! It begins with its size (two bytes), a format and a revision of it (one byte each; numbers are little-endian). Formats 2
//! and 3 are those of APUs. Format 1 of revision 3, which Radeon cards since RX 5000 have, ends with the reasons for which
//! the clocks are held back, as a set of bits that is the same for every chip (Linux, `kgd_pp_interface.h` and
//! `amdgpu_smu.h`).

use edgeorch_engines::contract::host::Throttle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics<'a> {
    format: u8,
    revision: u8,
    bytes: &'a [u8],
}

/// Where the set of reasons stands in format 1.3, and how long that table is.
const REASONS_AT: usize = 112;
const LENGTH: usize = 120;

/// Which bits mean what. PPT and its kin are limits of power, TDC and EDC of current.
const REASONS: [(std::ops::Range<u32>, Throttle); 5] = [
    (0..8, Throttle::PowerCap),
    (16..24, Throttle::Hardware),
    (32..46, Throttle::Thermal),
    (46..48, Throttle::Hardware),
    (57..58, Throttle::Reliability),
];

impl Metrics<'_> {
    pub fn parse(bytes: &[u8]) -> Option<Metrics<'_>> {
        let [low, high, format, revision, ..] = *bytes else { return None };
        let length = usize::from(u16::from_le_bytes([low, high]));
        (length >= 4 && length <= bytes.len()).then(|| Metrics { format, revision, bytes: &bytes[..length] })
    }

    /// Whether the table is one of those that only APUs have. Format 1 says nothing: the accelerator APUs have it too.
    pub fn is_of_apu(&self) -> bool {
        matches!(self.format, 2 | 3)
    }

    /// Why the clocks are held back; `None` in formats that don't tell, or tell it per chip.
    pub fn throttling(&self) -> Option<Vec<Throttle>> {
        if (self.format, self.revision) != (1, 3) || self.bytes.len() < LENGTH {
            return None;
        }
        let bits = u64::from_le_bytes(self.bytes[REASONS_AT..LENGTH].try_into().ok()?);
        // All ones is how the driver marks what the chip does not give.
        if bits == u64::MAX {
            return None;
        }
        let set = |range: &std::ops::Range<u32>| range.clone().any(|bit| bits >> bit & 1 == 1);
        let mut reasons: Vec<Throttle> =
            REASONS.iter().filter(|(range, _)| set(range)).map(|(_, reason)| *reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        Some(reasons)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(format: u8, revision: u8, bits: u64) -> Vec<u8> {
        let mut bytes = vec![0; LENGTH];
        bytes[..4].copy_from_slice(&[LENGTH as u8, 0, format, revision]);
        bytes[REASONS_AT..].copy_from_slice(&bits.to_le_bytes());
        bytes
    }

    fn reasons(bits: u64) -> Option<Vec<Throttle>> {
        Metrics::parse(&table(1, 3, bits)).unwrap().throttling()
    }

    #[test]
    fn reasons_are_read_from_their_bits() {
        assert_eq!(reasons(0), Some(vec![]));
        assert_eq!(reasons(1), Some(vec![Throttle::PowerCap]));
        let all = Some(vec![Throttle::PowerCap, Throttle::Thermal, Throttle::Hardware]);
        assert_eq!(reasons(1 | 1 << 16 | 1 << 36 | 1 << 47), all);
        assert_eq!(reasons(u64::MAX), None);
    }

    #[test]
    fn other_formats_tell_whether_it_is_an_apu() {
        let apu = table(3, 0, 1);
        let metrics = Metrics::parse(&apu).unwrap();
        assert!(metrics.is_of_apu());
        assert_eq!(metrics.throttling(), None);
        assert!(!Metrics::parse(&table(1, 3, 0)).unwrap().is_of_apu());
    }

    #[test]
    fn a_table_that_is_cut_off_is_no_table() {
        assert_eq!(Metrics::parse(&table(1, 3, 0)[..119]), None);
        assert_eq!(Metrics::parse(&[]), None);
        assert_eq!(Metrics::parse(&[0, 0, 2, 2]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(metrics) = Metrics::parse(&bytes) {
                metrics.throttling();
            }
        }
    }
}
