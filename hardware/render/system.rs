//! Rows about the machine, its processor and its memory.

use edgeorch_engines::contract::host::{CacheKind, CoreClass, MachineKind, OsFamily, Swap};
use edgeorch_engines::contract::{Architecture, Bytes, Cpu, Host, Memory, MemoryLimit};

use super::bar;
use super::page::{LABEL, Page, count, parts};
use super::surroundings::{rate, storage_kind};

pub fn rows(host: &Host, page: &mut Page) {
    page.row("Machine", &machine(host));
    page.row("System", &os(host));
    page.row("CPU", &model(&host.cpu));
    page.row("Cores", &cores(&host.cpu));
    page.row("Features", &features(&host.cpu));
    page.row("Memory", &memory(&host.memory));
    match bar::memory(&host.memory, page.width - LABEL) {
        Some(bar) => page.row("", &bar),
        None => page.row("", "size unknown"),
    }
    if let Some(limit) = &host.memory.limit {
        page.row("Limit", &self::limit(limit));
    }
    if !host.memory.swap.is_empty() {
        page.row("Swap", &host.memory.swap.iter().map(swap).collect::<Vec<_>>().join("; "));
    }
}

fn machine(host: &Host) -> String {
    let machine = &host.machine;
    let name = match (&machine.vendor, &machine.model) {
        // Makers who put their name into the model's too.
        (Some(vendor), Some(model)) if model.starts_with(vendor.as_str()) => Some(model.clone()),
        (Some(vendor), Some(model)) => Some(format!("{vendor} {model}")),
        (vendor, model) => vendor.clone().or(model.clone()),
    };
    let kind = machine.kind.map_or_else(|| "kind unknown".to_owned(), |kind| kind_name(kind).to_owned());
    let layers = machine.virtualization.join(" → ");
    let kind = if layers.is_empty() { kind } else { format!("{kind} ({layers})") };
    parts([name, Some(kind)])
}

fn kind_name(kind: MachineKind) -> &'static str {
    match kind {
        MachineKind::Workstation => "workstation",
        MachineKind::Laptop => "laptop",
        MachineKind::Server => "server",
        MachineKind::SingleBoard => "single-board computer",
        MachineKind::Phone => "phone",
        MachineKind::VirtualMachine => "virtual machine",
        MachineKind::Container => "container",
        MachineKind::Wsl => "Windows Subsystem for Linux",
    }
}

fn os(host: &Host) -> String {
    let system = match host.os.family {
        // Its kernel has a name and numbers of its own.
        OsFamily::Macos => "Darwin",
        family => family.name(),
    };
    let kernel = host.os.kernel.as_ref().map_or(system.to_owned(), |kernel| format!("{system} {kernel}"));
    let name = match (&host.os.name, &host.os.version) {
        // Others put it into their name, macOS does not.
        (Some(name), Some(version)) if !name.contains(|c: char| c.is_ascii_digit()) => {
            Some(format!("{name} {version}"))
        }
        (name, _) => name.clone(),
    };
    parts([name, Some(kernel), host.os.libc.clone()])
}

fn model(cpu: &Cpu) -> String {
    parts([
        Some(cpu.model.clone().unwrap_or_else(|| "unknown model".to_owned())),
        cpu.vendor.clone(),
        Some(architecture(cpu.architecture).to_owned()),
    ])
}

fn architecture(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64",
        Architecture::Aarch64 => "aarch64",
        Architecture::Armv7 => "armv7",
        Architecture::Riscv64 => "riscv64",
        Architecture::Other => "other architecture",
    }
}

fn cores(cpu: &Cpu) -> String {
    let kinds = cpu.core_kinds.iter().filter_map(|kind| {
        let class = match kind.class? {
            CoreClass::Performance => "performance",
            CoreClass::Middle => "middle",
            CoreClass::Efficiency => "efficiency",
        };
        Some(format!("{} {class}", kind.cores))
    });
    let kinds = kinds.collect::<Vec<_>>().join(" + ");
    let clock = cpu.core_kinds.iter().filter_map(|kind| kind.max_mhz).max();
    // Per level the largest is the one that matters; instruction caches never do.
    let caches = cpu.caches.iter().filter(|cache| cache.kind != CacheKind::Instruction);
    let last = caches.max_by_key(|cache| (cache.level, cache.size));
    let nodes = cpu.numa_nodes.len();
    parts([
        Some(format!("{} usable by this process", cpu.usable_cores)),
        cpu.logical_cores.map(|n| count(n, "thread")),
        cpu.physical_cores.map(|n| count(n, "core")),
        (!kinds.is_empty()).then_some(kinds),
        cpu.sockets.map(|n| count(n, "socket")),
        (nodes > 1).then(|| format!("{nodes} NUMA nodes")),
        clock.map(|mhz| format!("up to {:.1} GHz", f64::from(mhz) / 1000.0)),
        last.map(|cache| match cache.instances {
            1 => format!("L{} {}", cache.level, cache.size),
            n => format!("L{} {n} × {}", cache.level, cache.size),
        }),
    ])
}

fn features(cpu: &Cpu) -> String {
    if cpu.isa.is_empty() {
        return "none known".to_owned();
    }
    cpu.isa.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn memory(memory: &Memory) -> String {
    let size = |bytes: Option<Bytes>| bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string());
    let bandwidth = memory.bandwidth.as_ref().map(|measured| {
        let all = rate(measured.bytes_per_second);
        let one = rate(measured.one_thread_bytes_per_second);
        match measured.threads {
            1 => format!("{all} measured"),
            n => format!("{all} measured with {n} threads, {one} with one"),
        }
    });
    let shared = (memory.unified == Some(true)).then(|| "shared with the GPU".to_owned());
    parts([
        Some(format!("{} available of {}", size(memory.available), size(memory.total))),
        shared,
        bandwidth,
    ])
}

fn limit(limit: &MemoryLimit) -> String {
    parts([
        Some(limit.bytes.to_string()),
        Some(format!("{} of it in use", limit.used)),
        Some(format!("{} left", limit.bytes.saturating_sub(limit.used))),
        Some(format!("set by {}", limit.source)),
    ])
}

fn swap(swap: &Swap) -> String {
    let place = match swap.storage {
        Some(kind) => format!("{} on {}", swap.device, storage_kind(kind)),
        None => swap.device.clone(),
    };
    parts([Some(place), Some(swap.size.to_string()), Some(format!("{} of it in use", swap.used))])
}
