//! Main memory and swap.

use edgeorch_engines::contract::host::{Swap, SwapKind};
use edgeorch_engines::contract::{Bytes, Memory};

use super::sysctl::{Sysctl, SysctlError};
use super::vm_stat::{VmStat, VmStatError};
use crate::findings::Findings;
use crate::root::RunError;

pub fn probe(sysctl: &Sysctl, pages: &Result<String, RunError>, findings: &mut Findings) -> Memory {
    findings.none("memory.limit", "macOS: it limits no groups of processes");
    findings.none("memory.huge_pages", "macOS: it reserves none");
    let total = findings.learn("memory.total", "sysctl hw.memsize", sysctl.bytes("hw.memsize"));
    Memory {
        total,
        available: available(total, pages, findings),
        swap: swap(sysctl, findings),
        ..Memory::default()
    }
}

fn available(
    total: Option<Bytes>,
    pages: &Result<String, RunError>,
    findings: &mut Findings,
) -> Option<Bytes> {
    const FIELD: &str = "memory.available";
    let (bytes, source) = findings.take(FIELD, read(pages))?.available();
    findings.known(FIELD, source);
    Some(total.map_or(bytes, |total| bytes.min(total)))
}

fn read(pages: &Result<String, RunError>) -> Result<VmStat, PagesError> {
    let text = pages.as_ref().map_err(|error| PagesError::Run(error.clone()))?;
    Ok(VmStat::parse(text)?)
}

/// macOS makes swap files when it needs them, so that it may have none.
fn swap(sysctl: &Sysctl, findings: &mut Findings) -> Vec<Swap> {
    const FIELD: &str = "memory.swap";
    let Some(text) = findings.take(FIELD, sysctl.raw("vm.swapusage").map_err(SwapError::from)) else {
        return Vec::new();
    };
    let sizes = amount(text, "total").zip(amount(text, "used"));
    let Some((size, used)) = findings.learn(FIELD, "sysctl vm.swapusage", sizes.ok_or(SwapError::Malformed))
    else {
        return Vec::new();
    };
    if size == Bytes::ZERO {
        return Vec::new();
    }
    findings.known("memory.swap[0].device", "dynamic_pager(8): where macOS keeps its swap files");
    findings.unknown(
        "memory.swap[0].storage",
        "macOS keeps them on the start-up volume, which was not looked at",
    );
    let device = "/System/Volumes/VM/swapfile".to_owned();
    vec![Swap { device, kind: SwapKind::File, size, used: used.min(size), storage: None }]
}

/// `total = 2048.00M  used = 606.00M  free = 1442.00M  (encrypted)`.
fn amount(text: &str, name: &str) -> Option<Bytes> {
    let mut words = text.split_whitespace().skip_while(|word| *word != name);
    let value = words.nth(2).filter(|value| value.is_ascii())?;
    let (number, unit) = value.split_at(value.len().checked_sub(1)?);
    let factor = match unit {
        "K" => Bytes::KIB,
        "M" => Bytes::MIB,
        "G" => Bytes::GIB,
        "T" => Bytes::GIB << 10,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    let bytes = number * factor as f64;
    (bytes >= 0.0 && bytes < (1u64 << 60) as f64).then_some(Bytes(bytes as u64))
}

#[derive(Debug, thiserror::Error)]
enum PagesError {
    #[error(transparent)]
    Run(RunError),
    #[error(transparent)]
    Parse(#[from] VmStatError),
}

#[derive(Debug, thiserror::Error)]
enum SwapError {
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    #[error("vm.swapusage tells no total and used sizes")]
    Malformed,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(sysctl: &str) -> (Memory, Findings) {
        let mut findings = Findings::default();
        let pages = Err(RunError::TimedOut { program: "vm_stat".into() });
        (probe(&Sysctl::parse(Ok(sysctl.to_owned())), &pages, &mut findings), findings)
    }

    #[test]
    fn swap_is_told_in_the_units_that_it_is_printed_in() {
        let (memory, _) =
            told("vm.swapusage: total = 2048.00M  used = 606.50M  free = 1441.50M  (encrypted)\n");
        assert_eq!(memory.swap[0].size, Bytes(2 << 30));
        assert_eq!(memory.swap[0].used, Bytes(606 * Bytes::MIB + Bytes::MIB / 2));
    }

    #[test]
    fn no_swap_files_is_a_fact_and_no_numbers_is_none() {
        let (memory, findings) =
            told("vm.swapusage: total = 0.00M  used = 0.00M  free = 0.00M  (encrypted)\n");
        assert_eq!((memory.swap, findings.source("memory.swap")), (vec![], Some("sysctl vm.swapusage")));
        for broken in
            ["", "total = ", "total = xM used = 1M", "total = -1.0M used = 1M", "total = infM used = 1M"]
        {
            let (memory, findings) = told(&format!("vm.swapusage: {broken}\n"));
            assert_eq!(memory.swap, []);
            assert!(findings.unknown_fields().contains(&"memory.swap"), "{broken}");
        }
    }

    #[test]
    fn a_vm_stat_that_hangs_is_the_reason() {
        let (memory, findings) = told("hw.memsize: 8589934592\n");
        assert_eq!((memory.total, memory.available), (Some(Bytes(8 << 30)), None));
        assert!(findings.unknown_fields().contains(&"memory.available"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(total = [0-9.eKMGTé]{0,9} used = [0-9.M]{0,9})|.*") {
            let _ = (amount(&text, "total"), amount(&text, "used"));
        }
    }
}
