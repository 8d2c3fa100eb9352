//! Rows about storage, power, heat and software.

use edgeorch_engines::contract::Host;
use edgeorch_engines::contract::host::{
    Battery, ContainerEngine, EngineFound, Power, PowerSupply, ReadMethod, Storage, StorageKind, Thermal,
};

use super::page::{Page, parts};

pub fn rows(host: &Host, page: &mut Page) {
    page.row("Storage", &storage(&host.storage));
    let power = power(&host.power);
    if !power.is_empty() {
        page.row("Power", &power);
    }
    let heat = heat(&host.thermal);
    if !heat.is_empty() {
        page.row("Heat", &heat);
    }
    let software = &host.software;
    if !software.engines.is_empty() {
        page.row("Engines", &software.engines.iter().map(engine).collect::<Vec<_>>().join("; "));
    }
    if !software.containers.is_empty() {
        page.row("Containers", &software.containers.iter().map(containers).collect::<Vec<_>>().join("; "));
    }
}

/// `41.3 GB/s`: rates are told in powers of ten, as data sheets tell them.
pub fn rate(bytes_per_second: u64) -> String {
    let rate = bytes_per_second as f64;
    if rate >= 1e9 { format!("{:.1} GB/s", rate / 1e9) } else { format!("{:.0} MB/s", rate / 1e6) }
}

fn storage(storage: &Storage) -> String {
    let device = match (storage.kind.map(storage_kind), &storage.model) {
        (Some(kind), Some(model)) => Some(format!("{kind} {model}")),
        (Some(kind), None) => Some(kind.to_owned()),
        (None, model) => model.clone(),
    };
    let room = match (storage.free, storage.total) {
        (Some(free), Some(total)) => format!("{free} free of {total}"),
        _ => "room unknown".to_owned(),
    };
    let read = storage.read.as_ref().map(|read| match read.method {
        ReadMethod::Direct => format!("reads {} measured", rate(read.bytes_per_second)),
        ReadMethod::Cached => format!("reads up to {} measured", rate(read.bytes_per_second)),
    });
    let read_only = (storage.read_only == Some(true)).then(|| "read-only".to_owned());
    parts([storage.path.clone(), device, storage.filesystem.clone(), Some(room), read, read_only])
}

pub fn storage_kind(kind: StorageKind) -> &'static str {
    match kind {
        StorageKind::Nvme => "NVMe",
        StorageKind::Ssd => "SSD",
        StorageKind::Hdd => "hard disk",
        StorageKind::Emmc => "eMMC",
        StorageKind::Sd => "SD card",
        StorageKind::Virtual => "virtual disk",
        StorageKind::Network => "network",
        StorageKind::Overlay => "container layer",
        StorageKind::Memory => "memory",
    }
}

fn power(power: &Power) -> String {
    let supply = power.supply.map(|supply| match supply {
        PowerSupply::Mains => "mains".to_owned(),
        PowerSupply::Battery => "on battery".to_owned(),
    });
    let under_voltage = power.under_voltage.as_ref().and_then(|found| match (found.now, found.since_boot) {
        (true, _) => Some("under-voltage now".to_owned()),
        (false, Some(true)) => Some("under-voltage since boot".to_owned()),
        _ => None,
    });
    // Switches that are numbers say nothing to a person; one that saves power is told among what limits.
    let worded = power.modes.iter().filter(|mode| mode.value.parse::<f64>().is_err());
    let modes = worded.map(|mode| Some(format!("{} {}", mode.interface, mode.value)));
    parts(
        [supply, under_voltage]
            .into_iter()
            .chain(power.batteries.iter().map(|battery| Some(self::battery(battery))))
            .chain(modes),
    )
}

fn battery(battery: &Battery) -> String {
    let percent = battery.percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
    let health = battery.health_percent.map(|health| format!(" (health {health} %)")).unwrap_or_default();
    format!("{}{percent}{health}", battery.name)
}

/// The warmest zone stands for all: it is the one that will slow the machine.
fn heat(thermal: &Thermal) -> String {
    let measured = thermal.zones.iter().filter_map(|zone| Some((zone, zone.celsius?)));
    let warmest = measured.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(zone, celsius)| {
        let limit = zone.slows_at_celsius.map(|limit| format!(", slows at {limit:.0} °C"));
        format!("{} {celsius:.0} °C{}", zone.name, limit.unwrap_or_default())
    });
    let now = (thermal.throttled_now == Some(true)).then(|| "slowed by heat now".to_owned());
    let before = thermal.throttle_counts.iter().map(|entry| entry.count).max().filter(|count| *count > 0);
    parts([warmest, now, before.map(|count| format!("slowed {count} times since boot"))])
}

fn engine(engine: &EngineFound) -> String {
    let version = engine.version.as_ref().or(engine.build.as_ref());
    let backends = (!engine.backends.is_empty()).then(|| format!(" ({})", engine.backends.join(" ")));
    let version = version.map(|version| format!(" {version}")).unwrap_or_default();
    format!("{}{version}{}", engine.engine, backends.unwrap_or_default())
}

fn containers(engine: &ContainerEngine) -> String {
    let version = engine.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let state = match (engine.reachable, engine.gpu_access.is_empty()) {
        (Some(false), _) => ", not reachable".to_owned(),
        (_, true) => String::new(),
        (_, false) => format!(" with {}", engine.gpu_access.join(", ")),
    };
    format!("{}{version}{state}", engine.name)
}
