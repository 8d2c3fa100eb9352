//! One GPU, put together from all that tells of it.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{
    Accelerator, AcceleratorKind, Api, Clocks, Driver, MemoryKind, Target, Vendor,
};

use super::family;
use super::layout::{self, Layout};
use super::level_zero::LevelZero;
use super::throttle::Reasons;
use crate::Root;
use crate::accelerators::hwmon::Hwmon;
use crate::accelerators::pci::Function;
use crate::accelerators::sysfs::{Told, Untold, learn};
use crate::accelerators::{Sighting, pci_ids, slot, unready};
use crate::findings::{Findings, printable};

const ASK_VULKAN: &str = "run vulkaninfo: the largest memory heap is what programs can have";
const ASK_LEVEL_ZERO: &str = "Level Zero alone tells it, to programs that use the GPU";

pub fn sighting(root: &Root, function: &Function, level_zero: &LevelZero) -> Sighting {
    let mut gpu = Accelerator::new(AcceleratorKind::Gpu, Vendor::Intel);
    let mut findings = Findings::default();
    identity(root, function, &mut gpu, &mut findings);
    let driver = function.driver.as_deref();
    let Some(driver @ ("i915" | "xe")) = driver else {
        gpu.driver = unready(driver, "xe or i915", &mut findings);
        return Sighting { accelerator: gpu, findings };
    };
    gpu.driver = Some(driver_of(root, driver, &mut findings));
    for field in ["cores", "index", "uuid"] {
        findings.unknown(field, ASK_LEVEL_ZERO);
    }
    memory(root, function, &mut gpu, &mut findings);
    interfaces(level_zero, &mut gpu, &mut findings);
    let integrated = gpu.memory.kind == Some(MemoryKind::Unified);
    link(root, function, integrated, &mut gpu, &mut findings);
    sensors(root, function, integrated, &mut gpu, &mut findings);
    let layout = Layout::of(root, function);
    gpu.clocks = Some(clocks(root, layout.as_ref(), integrated, &mut findings));
    throttling(root, layout.as_ref(), &mut gpu, &mut findings);
    findings.none("slices", format_args!("{driver}: undivided"));
    Sighting { accelerator: gpu, findings }
}

fn identity(root: &Root, function: &Function, gpu: &mut Accelerator, findings: &mut Findings) {
    findings.known("", "/sys/bus/pci/devices");
    gpu.pci = Some(function.identity());
    for (name, missing) in
        [("subsystem", function.subsystem.is_none()), ("revision", function.revision.is_none())]
    {
        if missing {
            findings.unknown(format!("pci.{name}"), "the bus does not tell it");
        }
    }
    match pci_ids::name(root, function.vendor, function.device) {
        Some(told) => {
            findings.known("name", told.source);
            gpu.name = Some(told.value);
        }
        None => {
            let reason = "Intel's drivers give no name, and this machine has no list that holds it (pci.ids)";
            findings.unknown_but("name", reason, "install the list: package hwdata or pci.ids");
        }
    }
    match family::of(function) {
        Some(family) => {
            findings.known("target", "the PCI device id");
            gpu.target = Some(Target::Named(family.target.clone()));
        }
        None => findings.unknown("target", "edgeorch does not know this device id's architecture"),
    }
}

fn driver_of(root: &Root, name: &str, findings: &mut Findings) -> Driver {
    let path = format!("sys/module/{name}/version");
    let version = root.read(&path).ok().and_then(|text| printable(&text).ok());
    match version {
        Some(_) => findings.known("driver.version", format_args!("/{path}")),
        None => {
            findings.none("driver.version", format_args!("{name} comes with the kernel and has its version"))
        }
    }
    Driver { name: name.to_owned(), version }
}

fn memory(root: &Root, function: &Function, gpu: &mut Accelerator, findings: &mut Findings) {
    let kind = family::memory_kind(function);
    gpu.memory.kind = kind.as_ref().map(|told| told.value);
    match kind {
        Some(told) => findings.known("memory.kind", told.source),
        None => findings.unknown("memory.kind", "edgeorch does not know this device id"),
    }
    findings.none("memory.parts", "one memory");
    if gpu.memory.kind == Some(MemoryKind::Unified) {
        let reason =
            "it works in main memory, and its driver shows in no file how much of it programs can have";
        for field in ["memory.total", "memory.free"] {
            findings.unknown_but(field, reason, ASK_VULKAN);
        }
        return;
    }
    match layout::own_memory(root, function) {
        Some(told) => {
            findings.known("memory.total", format_args!("{} (the driver keeps a little of it)", told.source));
            gpu.memory.total = Some(Bytes(told.value));
        }
        None => findings.unknown_but("memory.total", "its driver shows it in no file", ASK_VULKAN),
    }
    findings.unknown_but("memory.free", "its driver shows it in no file that a user may read", ASK_VULKAN);
}

fn interfaces(level_zero: &LevelZero, gpu: &mut Accelerator, findings: &mut Findings) {
    let missing = match level_zero {
        LevelZero::Ready { driver, version } => {
            findings.known("apis", driver);
            gpu.apis.push(Api::LevelZero);
            gpu.runtime = version.as_ref().map(|version| format!("Level Zero GPU driver {version}"));
            match version {
                Some(_) => findings.known("runtime", format_args!("the name of the file of {driver}")),
                None => findings.unknown("runtime", "the library's file does not name its version"),
            }
            return;
        }
        LevelZero::NoLoader => (
            "Level Zero's loader (libze_loader.so.1) was not found",
            "install level-zero, or libze1 on Debian and Ubuntu",
        ),
        LevelZero::Missing => (
            "Level Zero's driver for GPUs (libze_intel_gpu.so.1) was not found",
            "install intel-level-zero-gpu or libze-intel-gpu1 (intel-compute-runtime elsewhere), and level-zero",
        ),
    };
    for field in ["apis", "runtime"] {
        findings.unknown_but(field, missing.0, missing.1);
    }
}

fn link(root: &Root, function: &Function, integrated: bool, gpu: &mut Accelerator, findings: &mut Findings) {
    const FIELD: &str = "link";
    if integrated {
        return findings.none(FIELD, "part of the processor: there is no slot between them");
    }
    match slot::link(root, function) {
        Some(told) => {
            for (name, rate) in [("now", told.value.now), ("best", told.value.best)] {
                if rate.is_none() {
                    findings.unknown(format!("link.{name}"), "the bus does not tell it");
                }
            }
            findings.known(FIELD, told.source);
            gpu.link = Some(told.value);
        }
        None => findings.unknown(FIELD, "the bus tells of no PCI Express link"),
    }
}

fn sensors(
    root: &Root,
    function: &Function,
    integrated: bool,
    gpu: &mut Accelerator,
    findings: &mut Findings,
) {
    let hwmon = Hwmon::of(root, function);
    if integrated && hwmon.is_err() {
        let reason = "the processor's sensors and limits hold: its GPU has none of its own";
        for field in ["power.limit_watts", "power.limit_max_watts", "temperature_celsius"] {
            findings.none(field, reason);
        }
        findings.unknown("power.draw_watts", "the driver does not tell it");
        return;
    }
    let hwmon = match hwmon {
        Ok(hwmon) => hwmon,
        Err(_) => {
            for field in ["power", "temperature_celsius"] {
                findings.unknown(field, "the driver shows no sensors");
            }
            return;
        }
    };
    // The card's own limit, else that of its chip.
    let either = |first: &str, second: &str| {
        hwmon.limit_watts(first).or_else(|untold| hwmon.limit_watts(second).map_err(|_| untold))
    };
    gpu.power.limit_watts = learn(findings, "power.limit_watts", either("power1_max", "power2_max"), None);
    gpu.power.limit_max_watts =
        learn(findings, "power.limit_max_watts", either("power1_rated_max", "power2_rated_max"), None);
    gpu.power.draw_watts = hwmon.watts("power1_input").ok().map(|told| {
        findings.known("power.draw_watts", told.source);
        told.value
    });
    if gpu.power.draw_watts.is_none() {
        findings.unknown("power.draw_watts", "the driver counts energy alone: power takes two readings");
    }
    gpu.temperature_celsius = learn(findings, "temperature_celsius", hwmon.celsius(&["pkg"]), None);
}

fn clocks(root: &Root, layout: Option<&Layout>, integrated: bool, findings: &mut Findings) -> Clocks {
    let mut ask = |field: &str, clock: fn(&Layout, &Root) -> Result<Told<u32>, Untold>| {
        let told = layout.map(|layout| clock(layout, root));
        let told = told.unwrap_or(Err(Untold::Elsewhere("the driver shows no clocks")));
        learn(findings, &format!("clocks.{field}"), told, None)
    };
    let (core_mhz, core_max_mhz) = (ask("core_mhz", Layout::clock), ask("core_max_mhz", Layout::best_clock));
    for field in ["clocks.memory_mhz", "clocks.memory_max_mhz"] {
        match integrated {
            true => findings.none(field, "it works in main memory"),
            false => findings.unknown(field, "the driver does not tell it"),
        }
    }
    Clocks { core_mhz, core_max_mhz, memory_mhz: None, memory_max_mhz: None }
}

fn throttling(root: &Root, layout: Option<&Layout>, gpu: &mut Accelerator, findings: &mut Findings) {
    const FIELD: &str = "throttling";
    match layout.map_or(Reasons::Untold, |layout| layout.throttling(root)) {
        Reasons::Told { reasons, source } => {
            findings.known(FIELD, source);
            gpu.throttling = Some(reasons);
        }
        Reasons::Strange { name } => {
            findings.unknown(
                FIELD,
                format_args!("it is held back, for a reason that edgeorch does not know: {name}"),
            );
        }
        Reasons::Untold => findings.unknown(FIELD, "the driver does not tell it"),
    }
}
