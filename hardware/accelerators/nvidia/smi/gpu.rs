//! One `<gpu>` of the report, of any schema version.
//!
//! What was renamed on the way: `clocks_throttle_reasons` became `clocks_event_reasons` (535), `power_readings` became
//! `gpu_power_readings` with other names in it (530), its `power_draw` became `average_` and `instant_power_draw` (535), the
//! driver's `driver_version` and `cuda_version` leave for `kmd_version` and `cuda_umd_version` (610).

use edgeorch_engines::contract::host::{LaneRate, Throttle};

use super::super::report::{Gpu, Ids, LOST, Mig, Part, Said, address};
use super::super::throttle;
use super::words;
use super::xml::Element;

/// `log` is the whole report: the driver stands there once.
pub fn read(log: &Element, gpu: &Element) -> Gpu {
    let at = |path: &str| gpu.text(path);
    let runtime = words::version(log.text("cuda_umd_version")).or(words::version(log.text("cuda_version")));
    let mut read = Gpu {
        address: at("pci/pci_bus_id").or(gpu.id.as_deref()).and_then(address),
        ids: ids(gpu),
        uuid: words::text(at("uuid")),
        name: words::text(at("product_name")),
        driver: words::version(log.text("kmd_version")).or(words::version(log.text("driver_version"))),
        cuda: runtime.clone().map(|_| true),
        runtime,
        memory_total: words::mebibytes(at("fb_memory_usage/total")),
        memory_free: words::mebibytes(at("fb_memory_usage/free")),
        memory_reserved: words::mebibytes(at("fb_memory_usage/reserved")),
        addressing: words::text(at("addressing_mode")),
        link_now: lanes(gpu, "current_link_gen", "current_link_width"),
        link_best: lanes(gpu, "max_link_gen", "max_link_width"),
        power_draw: power(gpu, &["average_power_draw", "instant_power_draw", "power_draw"]),
        power_limit: power(gpu, &["current_power_limit", "enforced_power_limit", "power_limit"]),
        power_limit_max: power(gpu, &["max_power_limit"]),
        temperature: words::celsius(at("temperature/gpu_temp")),
        core_mhz: words::megahertz(at("clocks/graphics_clock")),
        core_max_mhz: words::megahertz(at("max_clocks/graphics_clock")),
        memory_mhz: words::megahertz(at("clocks/mem_clock")),
        memory_max_mhz: words::megahertz(at("max_clocks/mem_clock")),
        throttling: throttling(gpu),
        mig: mig(gpu),
        slices: gpu.at("mig_devices").map(slices).unwrap_or_default(),
        ..Gpu::default()
    };
    let lost = [read.name.refusal(), read.uuid.refusal(), read.memory_total.refusal()].contains(&Some(LOST));
    read.lost = lost.then(|| LOST.to_owned());
    read
}

/// `221610DE`: device and vendor, without 0x in front.
fn ids(gpu: &Element) -> Option<Ids> {
    let number = |path: &str| {
        let text = gpu.text(path)?;
        u32::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
    };
    Ids::new(number("pci/pci_device_id")?, number("pci/pci_sub_system_id"))
}

fn lanes(gpu: &Element, generation: &str, width: &str) -> Said<LaneRate> {
    let at = |part: &str, name: &str| gpu.text(&format!("pci/pci_gpu_link_info/{part}/{name}"));
    let generation = words::number::<u8>(at("pcie_gen", generation), "");
    let width = words::number::<u8>(at("link_widths", width), "x");
    generation.with(width).and_then(|(generation, width)| match (generation, width) {
        (1.., 1..) => Said::Value(LaneRate { generation, width }),
        _ => Said::Refused("generation or width 0".to_owned()),
    })
}

/// The GPU's own: a module's figures hold its processor too.
fn power(gpu: &Element, names: &[&str]) -> Said<f64> {
    let all = ["gpu_power_readings", "power_readings"].iter().flat_map(|section| {
        names.iter().map(move |name| words::watts(gpu.text(&format!("{section}/{name}"))))
    });
    all.fold(Said::Nothing, Said::or)
}

/// The reasons that are active. One that the driver can't tell hides nothing of the others.
fn throttling(gpu: &Element) -> Said<Vec<Throttle>> {
    let Some(section) = gpu.at("clocks_event_reasons").or(gpu.at("clocks_throttle_reasons")) else {
        return Said::Nothing;
    };
    let known = section.children().filter_map(|reason| Some((meaning(&reason.name)?, reason.own_text())));
    let (mut active, mut told, mut refused) = (Vec::new(), false, section.own_text());
    for (throttle, words) in known {
        match words {
            "Active" => active.push(throttle),
            "Not Active" => {}
            _ => {
                refused = words;
                continue;
            }
        }
        told = true;
    }
    match told {
        true => Said::Value(throttle::sorted(active.into_iter())),
        false => words::text(Some(refused)).and_then(Said::Refused),
    }
}

fn meaning(element: &str) -> Option<Throttle> {
    let reason = REASON_PREFIXES.iter().find_map(|prefix| element.strip_prefix(prefix))?;
    throttle::REASONS.iter().find(|(_, name, _)| *name == reason).map(|(.., throttle)| *throttle)
}

const REASON_PREFIXES: [&str; 2] = ["clocks_event_reason_", "clocks_throttle_reason_"];

/// Drivers before 450 know nothing of slices, so a report without the mode is of a GPU without them.
fn mig(gpu: &Element) -> Said<Mig> {
    match gpu.text("mig_mode/current_mig") {
        None | Some("N/A") => Said::Value(Mig::Impossible),
        Some("Enabled") => Said::Value(Mig::On),
        Some("Disabled") => Said::Value(Mig::Off),
        words => words::text(words).and_then(Said::Refused),
    }
}

fn slices(section: &Element) -> Vec<Part> {
    let part = |slice: &Element| Part {
        uuid: words::text(slice.text("uuid")),
        profile: Said::Nothing,
        memory_total: words::mebibytes(slice.text("fb_memory_usage/total")),
        memory_free: words::mebibytes(slice.text("fb_memory_usage/free")),
        multiprocessors: words::number(slice.text("device_attributes/shared/multiprocessor_count"), ""),
    };
    section.all("mig_device").map(part).collect()
}
