//! GPUs and NPUs that can't be used, or not fully.

use edgeorch_engines::contract::host::{Accelerator, AcceleratorKind, MachineKind, MemoryKind};
use edgeorch_engines::{Bytes, Host, Unknown};

use super::{Finding, Need, Severity};

/// Drivers of Linux that show a picture and compute nothing that an engine could use, or keep the device for a guest.
const NO_COMPUTE: [&str; 6] = ["nouveau", "vfio-pci", "radeon", "efifb", "simple-framebuffer", "pci-stub"];

pub fn check(host: &Host, _: Option<Need>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (i, device) in host.accelerators.iter().enumerate() {
        let name = name(i, device);
        findings.extend(driver(host, device, &name).or_else(|| silent(host, i, device, &name)));
        findings.extend(full_slices(device, &name));
        findings.extend(lanes(device, &name));
        findings.extend(carve_out(host, device, &name));
        findings.extend(crowded(device, &name));
    }
    findings.extend(silent_driver(host));
    findings
}

fn name(i: usize, device: &Accelerator) -> String {
    let known = device.name.clone().or_else(|| device.nominal.as_ref().map(|nominal| nominal.device.clone()));
    let by_id = || {
        let id = device.pci.as_ref().map(|pci| format!(" {}:{}", pci.vendor_id, pci.device_id));
        format!("{:?} device{}", device.vendor, id.unwrap_or_default())
    };
    let at = device.pci.as_ref().map(|pci| format!(" at {}", pci.address));
    format!("accelerator {i}, {}{}", known.unwrap_or_else(by_id), at.unwrap_or_default())
}

fn driver(host: &Host, device: &Accelerator, name: &str) -> Option<Finding> {
    // Where programs can compute on it, a driver without a name of its own is part of the system.
    if !device.apis.is_empty() {
        return None;
    }
    let kept = device.driver.as_ref().filter(|driver| NO_COMPUTE.contains(&driver.name.as_str()));
    let (what, severity) = match (kept, device.kind) {
        (Some(driver), _) => {
            (format!("{name}: its driver {} does not compute", driver.name), Severity::Problem)
        }
        (None, _) if device.driver.is_some() => return None,
        (None, AcceleratorKind::Gpu) => (format!("{name}: there is no driver for it"), Severity::Problem),
        // Few engines use NPUs: one without a driver keeps nobody from working.
        (None, AcceleratorKind::Npu) => (format!("{name}: there is no driver for it"), Severity::Hint),
    };
    let remedy = match host.machine.kind {
        Some(MachineKind::Container) => {
            "Start the container with the device: `--gpus all` for NVIDIA, `--device /dev/dri --device /dev/kfd` for AMD, \
             or a CDI device."
        }
        _ => "Install its maker's driver and restart; `edgeorch audit` then shows it.",
    };
    let id = if device.kind == AcceleratorKind::Gpu { "gpu-without-driver" } else { "npu-without-driver" };
    Some(Finding::new(severity, id, what, remedy))
}

/// It has a driver, and programs can't compute on it: the audit knows why.
fn silent(host: &Host, i: usize, device: &Accelerator, name: &str) -> Option<Finding> {
    if device.kind != AcceleratorKind::Gpu || !device.apis.is_empty() {
        return None;
    }
    let reason = |field: String| host.unknown.iter().find(|unknown| unknown.field == field);
    let whole = reason(format!("accelerators[{i}]"));
    let unknown = whole.or_else(|| reason(format!("accelerators[{i}].apis")))?;
    let (severity, id) = match whole {
        Some(_) => (Severity::Problem, "driver-does-not-answer"),
        // A card that lies idle is a loss; a GPU of the chip is often there for the screen.
        None if device.memory.kind == Some(MemoryKind::Dedicated) => {
            (Severity::Warning, "gpu-without-library")
        }
        None => (Severity::Hint, "gpu-without-library"),
    };
    let what = format!("{name}: {}", unknown.reason);
    Some(Finding::new(
        severity,
        id,
        what,
        remedy(unknown, "Install the library by which programs compute on it."),
    ))
}

/// The audit's remedy as a sentence of its own, or another.
fn remedy(unknown: &Unknown, otherwise: &str) -> String {
    let Some(text) = &unknown.remedy else { return otherwise.to_owned() };
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// A driver whose library is there and does not start: what it drives is missing from the list.
fn silent_driver(host: &Host) -> Vec<Finding> {
    let reasons = host.unknown.iter().filter(|unknown| unknown.field == "accelerators");
    let finding = |unknown: &Unknown| {
        Finding::new(
            Severity::Problem,
            "driver-does-not-answer",
            unknown.reason.clone(),
            remedy(unknown, "Restart the machine; if that does not help, install the driver again."),
        )
    };
    reasons.map(finding).collect()
}

/// Programs see the slices alone.
fn full_slices(device: &Accelerator, name: &str) -> Option<Finding> {
    let are_full =
        device.slices.iter().all(|slice| slice.memory_free.is_some_and(|free| free < Bytes::mib(512)));
    (!device.slices.is_empty() && are_full).then(|| {
        Finding::new(
            Severity::Warning,
            "slices-full",
            format!("{name}: none of its {} slices has memory left", device.slices.len()),
            "Stop what runs on one of them; `nvidia-smi` lists it.",
        )
    })
}

/// Width only: the generation falls while a device idles, its lanes do not.
fn lanes(device: &Accelerator, name: &str) -> Option<Finding> {
    // What works in main memory has a link that is none but in name.
    let link = device.link.as_ref().filter(|_| device.memory.kind == Some(MemoryKind::Dedicated))?;
    let (now, best) = (link.now?, link.best?);
    // Eight lanes are what most boards give to a second card, and hardly matter once a model is loaded.
    let severity = if now.width >= 8 { Severity::Hint } else { Severity::Warning };
    (now.width < best.width).then(|| {
        Finding::new(
            severity,
            "link-narrow",
            format!("{name}: it is connected by {} PCIe lanes of {}", now.width, best.width),
            "Loading and splitting models is slower for it: try the slot nearest to the processor, and look for one that \
             shares its lanes.",
        )
    })
}

/// Below this a carve-out holds no model, and some engines look at nothing else.
const SMALL_CARVE_OUT: Bytes = Bytes::gib(4);

fn carve_out(host: &Host, device: &Accelerator, name: &str) -> Option<Finding> {
    let total = device.memory.total.filter(|_| device.memory.kind == Some(MemoryKind::CarveOut))?;
    let own = device.memory.parts.iter().find(|part| part.name == "vram" || part.name == "carve-out")?.total;
    let ram = host.memory.total?;
    // With a large share reachable on demand the carve-out hardly matters.
    let reaches_enough = total.0 >= ram.0 / 2;
    (own < SMALL_CARVE_OUT && !reaches_enough).then(|| {
        Finding::new(
            Severity::Warning,
            "carve-out-small",
            format!("{name}: it may use {total} of {ram}, and only {own} are set aside for it"),
            "Raise the UMA frame buffer in the firmware's setup, or the limit of shared memory (kernel parameter \
             ttm.pages_limit).",
        )
    })
}

fn crowded(device: &Accelerator, name: &str) -> Option<Finding> {
    let (free, total) = (device.memory.free?, device.memory.total?);
    (device.memory.kind == Some(MemoryKind::Dedicated) && free.0 < total.0 / 5).then(|| {
        Finding::new(
            Severity::Hint,
            "gpu-memory-taken",
            format!("{name}: other programs have taken all but {free} of {total}"),
            "Close what uses it: the driver's own tool lists the processes.",
        )
    })
}
