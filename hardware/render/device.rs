//! Rows about GPUs and NPUs.

use edgeorch_engines::contract::Host;
use edgeorch_engines::contract::host::{
    Accelerator, AcceleratorKind, LaneRate, MemoryKind, Slice, Target, Throttle,
};

use super::bar;
use super::page::{LABEL, Page, glue, parts};

pub fn rows(host: &Host, page: &mut Page) {
    let of = |kind| host.accelerators.iter().filter(move |device| device.kind == kind);
    if of(AcceleratorKind::Gpu).next().is_none() {
        let in_doubt = host.unknown.iter().any(|unknown| unknown.field == "accelerators");
        page.row("GPU", if in_doubt { "unknown" } else { "none found" });
    }
    for (kind, label) in [(AcceleratorKind::Gpu, "GPU"), (AcceleratorKind::Npu, "NPU")] {
        let many = of(kind).count() > FEW;
        let mut told = String::new();
        for (i, device) in of(kind).enumerate() {
            page.row(&format!("{label} {i}"), &summary(device));
            if let (Some(total), Some(free), false) = (device.memory.total, device.memory.free, many)
                && let Some(bar) = bar::device(total, free, page.width - LABEL)
            {
                page.row("", &bar);
            }
            // Devices of one kind say the same of themselves: once is enough.
            let more = details(device);
            if !more.is_empty() && more != told {
                page.row("", &more);
            }
            told = more;
            for slice in &device.slices {
                page.row("", &format!("slice {}", self::slice(slice)));
            }
        }
    }
}

/// More devices get a line each, or they would fill the screen.
const FEW: usize = 2;

/// Name, memory, and what differs between devices of one kind.
fn summary(device: &Accelerator) -> String {
    let name = device.name.clone().or_else(|| device.nominal.as_ref().map(|nominal| nominal.device.clone()));
    let fallback = || match &device.pci {
        Some(pci) => format!("{:?} device {}:{}", device.vendor, pci.vendor_id, pci.device_id),
        None => "unknown model".to_owned(),
    };
    parts([
        Some(name.unwrap_or_else(fallback)),
        memory(device),
        device.temperature_celsius.map(|celsius| format!("{celsius:.0} °C")),
        device.throttling.as_ref().filter(|reasons| !reasons.is_empty()).map(|reasons| throttling(reasons)),
        device.pci.as_ref().map(|pci| format!("at {}", pci.address)),
    ])
}

fn memory(device: &Accelerator) -> Option<String> {
    let kind = match device.memory.kind {
        Some(MemoryKind::Dedicated) => " (its own)",
        Some(MemoryKind::Unified) => " (shared with the system)",
        Some(MemoryKind::CarveOut) => " (carved out of the system's)",
        // What streams from main memory has no size to show.
        Some(MemoryKind::OnChip) => return None,
        None => "",
    };
    Some(match (device.memory.free, device.memory.total) {
        (Some(free), Some(total)) => format!("{free} free of {total}{kind}"),
        (None, Some(total)) => format!("{total}{kind}"),
        (free, None) if device.memory.kind == Some(MemoryKind::Unified) => match free {
            Some(free) => format!("{free} free of the system's memory"),
            None => "works in the system's memory".to_owned(),
        },
        _ => format!("memory{kind} of unknown size"),
    })
}

fn details(device: &Accelerator) -> String {
    let target = device.target.as_ref().map(|target| match target {
        Target::ComputeCapability(version) => format!("compute {version}"),
        Target::Gfx(name) | Target::Named(name) => name.clone(),
    });
    let apis =
        device.apis.iter().filter_map(|api| serde_json::to_value(api).ok()?.as_str().map(str::to_owned));
    let apis: Vec<String> = apis.collect();
    let driver = device.driver.as_ref().map(|driver| match &driver.version {
        Some(version) => format!("driver {} {version}", driver.name),
        None => format!("driver {}", driver.name),
    });
    let bandwidth = device.nominal.as_ref().and_then(|nominal| nominal.bandwidth_gbs);
    parts([
        (!apis.is_empty()).then(|| apis.join(" ")),
        target,
        driver,
        device.runtime.clone(),
        device.link.as_ref().and_then(|link| link.now.map(|now| lanes(now, link.best))),
        device.power.limit_watts.map(|watts| format!("limit {watts:.0} W")),
        bandwidth.map(|rate| format!("{rate:.0} GB/s by table")),
    ])
}

fn lanes(now: LaneRate, best: Option<LaneRate>) -> String {
    let text = |rate: LaneRate| format!("PCIe {} ×{}", rate.generation, rate.width);
    match best {
        Some(best) if best != now => glue(&format!("{} of {}", text(now), text(best))),
        _ => text(now),
    }
}

fn throttling(reasons: &[Throttle]) -> String {
    let names = reasons.iter().map(|reason| match reason {
        Throttle::PowerCap => "its power limit",
        Throttle::Thermal => "heat",
        Throttle::Hardware => "the hardware's brake",
        Throttle::PowerBrake => "the power supply",
        Throttle::Sync => "another GPU",
        Throttle::ClockSetting => "a clock setting",
        Throttle::Reliability => "low voltage",
    });
    format!("slowed by {}", names.collect::<Vec<_>>().join(" and "))
}

fn slice(slice: &Slice) -> String {
    let memory = match (slice.memory_free, slice.memory_total) {
        (Some(free), Some(total)) => Some(format!("{free} free of {total}")),
        (None, total) => total.map(|total| total.to_string()),
        (free, None) => free.map(|free| format!("{free} free")),
    };
    parts([slice.profile.clone().or_else(|| slice.uuid.clone()), memory])
}
