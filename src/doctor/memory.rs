//! Memory that is short, locked away, or swapped to something slow.

use edgeorch_engines::Host;
use edgeorch_engines::contract::host::{StorageKind, SwapKind};

use super::{Finding, Need, Severity};

pub fn check(host: &Host, need: Option<Need>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(need.and_then(|need| plan(host, need)));
    findings.extend(swap(host));
    findings.extend(reserved(host));
    findings
}

fn plan(host: &Host, need: Need) -> Option<Finding> {
    let memory = &host.memory;
    let (usable, ceiling) = (memory.usable(), memory.ceiling());
    if need.memory <= usable {
        return None;
    }
    let wanted = need.memory;
    let finding = |id, what, remedy: &str| Some(Finding::new(Severity::Problem, id, what, remedy));
    match &memory.limit {
        Some(limit) if limit.bytes < wanted => finding(
            "limit-below-plan",
            format!("the profile's models need {wanted}, and {} allows {}", limit.source, limit.bytes),
            "Raise the limit of the container or service, or choose a smaller model, quantization or context_size.",
        ),
        _ if ceiling < wanted => finding(
            "memory-below-plan",
            format!("the profile's models need {wanted}, and this machine has {ceiling}"),
            "Choose a smaller model, quantization or context_size; `edgeorch plan` shows what would fit.",
        ),
        _ => finding(
            "memory-taken",
            format!("the profile's models need {wanted}, and {usable} of {ceiling} can be had now"),
            "Close other programs, or stop what edgeorch runs already.",
        ),
    }
}

fn swap(host: &Host) -> Vec<Finding> {
    let slow = host.memory.swap.iter().filter(|swap| {
        swap.kind != SwapKind::Zram && matches!(swap.storage, Some(StorageKind::Sd | StorageKind::Emmc))
    });
    let finding = |swap: &edgeorch_engines::contract::host::Swap| {
        Finding::new(
            Severity::Warning,
            "swap-on-card",
            format!("swap lies on {}, a card or chip that is slow to write and wears out", swap.device),
            "Turn it off (`sudo swapoff -a`, and remove it from /etc/fstab), or use zram.",
        )
    };
    slow.map(finding).collect()
}

/// A tenth of the memory is enough to change which model fits.
fn reserved(host: &Host) -> Option<Finding> {
    let pages = host.memory.huge_pages.as_ref()?;
    let total = host.memory.total?;
    let bytes = edgeorch_engines::Bytes(pages.size.0.saturating_mul(pages.free));
    (bytes.0 > total.0 / 10).then(|| {
        Finding::new(
            Severity::Warning,
            "huge-pages-reserved",
            format!("{bytes} of {total} are reserved as huge pages that engines don't use"),
            "If nothing else needs them: `sudo sysctl vm.nr_hugepages=0`.",
        )
    })
}
