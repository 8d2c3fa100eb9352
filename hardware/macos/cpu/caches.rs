//! Caches: of each performance level on Apple's chips, of the whole CPU on Intel's.
//!
//! The system-level cache of Apple's chips is in neither: macOS does not tell of it.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Cache, CacheKind};

use crate::findings::Findings;
use crate::macos::sysctl::Sysctl;

const FIELD: &str = "cpu.caches";
const KINDS: [(u8, CacheKind, &str); 4] = [
    (1, CacheKind::Data, "l1dcachesize"),
    (1, CacheKind::Instruction, "l1icachesize"),
    (2, CacheKind::Unified, "l2cachesize"),
    (3, CacheKind::Unified, "l3cachesize"),
];

pub fn probe(sysctl: &Sysctl, findings: &mut Findings) -> Vec<Cache> {
    let mut caches = of_levels(sysctl);
    let mut source = "sysctl hw.perflevelN.l1dcachesize, …; the system-level cache is not told";
    if caches.is_empty() {
        caches = of_all(sysctl);
        source = "sysctl hw.l1dcachesize, …, hw.cacheconfig";
    }
    if caches.is_empty() {
        findings.unknown(FIELD, "sysctl hw tells no caches");
    } else {
        findings.known(FIELD, source);
    }
    caches
}

fn of_levels(sysctl: &Sysctl) -> Vec<Cache> {
    let levels = sysctl.count("hw.nperflevels").unwrap_or(0).min(8);
    let caches = (0..levels).flat_map(|level| {
        KINDS.iter().filter_map(move |(cache, kind, name)| {
            let value = |name: &str| sysctl.count(&format!("hw.perflevel{level}.{name}"));
            let size: Bytes = sysctl.bytes(&format!("hw.perflevel{level}.{name}")).ok()?;
            let cores = value("physicalcpu_max").or_else(|_| value("physicalcpu")).ok()?;
            // The first level is each core's own; the others say how many CPUs share one.
            let sharers = if *cache == 1 { 1 } else { value(&format!("cpusperl{cache}")).ok()? };
            Some(Cache { level: *cache, kind: *kind, size, instances: cores.div_ceil(sharers) })
        })
    });
    let mut caches: Vec<Cache> = caches.collect();
    caches.sort_by_key(|cache| cache.level);
    caches
}

/// `hw.cacheconfig: 16 2 2 16 0 …`: how many CPUs share the memory, and a cache of level 1, 2, 3.
fn of_all(sysctl: &Sysctl) -> Vec<Cache> {
    let config = sysctl.raw("hw.cacheconfig").unwrap_or_default();
    let sharers: Vec<u32> = config.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let Ok(cpus) = sysctl.count("hw.logicalcpu") else { return Vec::new() };
    let cache = |(level, kind, name): &(u8, CacheKind, &str)| {
        let size = sysctl.bytes(&format!("hw.{name}")).ok()?;
        let sharers = sharers.get(usize::from(*level)).copied().filter(|sharers| *sharers > 0)?;
        Some(Cache { level: *level, kind: *kind, size, instances: cpus.div_ceil(sharers) })
    };
    KINDS.iter().filter_map(cache).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(text: &str) -> Vec<(u8, CacheKind, u64, u32)> {
        let sysctl = Sysctl::parse(Ok(text.to_owned()));
        let caches = probe(&sysctl, &mut Findings::default());
        caches.iter().map(|cache| (cache.level, cache.kind, cache.size.0, cache.instances)).collect()
    }

    #[test]
    fn each_level_of_performance_has_its_own() {
        // An M3 Ultra's performance cores: 20 in clusters of five.
        let text = "hw.nperflevels: 1\nhw.perflevel0.physicalcpu: 20\nhw.perflevel0.l1dcachesize: 131072\n\
            hw.perflevel0.l1icachesize: 196608\nhw.perflevel0.l2cachesize: 16777216\nhw.perflevel0.cpusperl2: 5\n";
        let expected = [
            (1, CacheKind::Data, 131_072, 20),
            (1, CacheKind::Instruction, 196_608, 20),
            (2, CacheKind::Unified, 16_777_216, 4),
        ];
        assert_eq!(shapes(text), expected);
    }

    #[test]
    fn an_intel_cpu_shares_as_its_configuration_says() {
        let text = "hw.logicalcpu: 16\nhw.cacheconfig: 16 2 2 16 0 0 0 0 0 0\nhw.l1dcachesize: 32768\n\
            hw.l1icachesize: 32768\nhw.l2cachesize: 262144\nhw.l3cachesize: 16777216\n";
        let instances: Vec<_> = shapes(text).iter().map(|shape| (shape.0, shape.3)).collect();
        assert_eq!(instances, [(1, 8), (1, 8), (2, 8), (3, 1)]);
    }

    #[test]
    fn what_is_not_told_is_left_out() {
        assert_eq!(shapes("hw.logicalcpu: 4\nhw.l2cachesize: 4194304\n"), []);
        assert_eq!(
            shapes("hw.nperflevels: 1\nhw.perflevel0.physicalcpu: 4\nhw.perflevel0.l2cachesize: 1\n"),
            []
        );
    }
}
