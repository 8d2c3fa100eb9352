//! Real reports of `nvidia-smi`, read where they are at hand, and what the machines in tests/machines must show of NVIDIA's
//! GPUs, apart from their snapshots.

use std::fs;
use std::path::Path;

use edgeorch_engines::contract::host::{Accelerator, Api, LaneRate, MemoryKind, Target, Throttle, Vendor};
use edgeorch_engines::contract::{Bytes, Host};

use super::captured::captures;
use super::machines::machine;
use super::{looking, unaccounted};
use crate::root::{Node, Tree};
use crate::{Root, audit};

/// The one GPU of a machine of which these are the outputs.
fn gpu(outputs: &[(&str, String)]) -> (Accelerator, Host) {
    let file = |(name, text): &(&str, String)| {
        (format!(".edgeorch/commands/{name}"), Node::File(text.clone().into_bytes()))
    };
    let tree: Tree = outputs.iter().map(file).collect();
    let host = audit(&Root::of(tree), &looking());
    assert_eq!(faults(&host), Vec::<String>::new());
    let [gpu] = host.accelerators.clone().try_into().unwrap();
    (gpu, host)
}

/// What is said of accelerators without a source or a reason.
fn faults(host: &Host) -> Vec<String> {
    unaccounted(host).into_iter().filter(|fault| fault.starts_with("accelerators")).collect()
}

const MIB: u64 = 1 << 20;

#[test]
fn real_reports_of_every_schema_version_are_read() {
    let Some(folder) = captures("nvidia") else { return };
    // file, name, total and free MiB, driver, CUDA, PCI device, link now, best width, watts drawn and at most, MHz
    #[rustfmt::skip]
    let expected = [
        ("gtx-1070-ti.xml", "GeForce GTX 1070 Ti", 4096, 4054, None, None, None, 1, None, None, None, 135),
        ("quadro-p400.xml", "Quadro P400", 1998, 1998, Some("418.43"), Some("CUDA 10.1"), Some("1cb3"), 1, Some(16), None, None, 139),
        ("a10g.xml", "NVIDIA A10G", 23028, 22569, Some("515.105.01"), Some("CUDA 11.7"), None, 1, Some(16), Some(25.58), Some(300.0), 210),
        ("tesla-t4.xml", "Tesla T4", 15360, 13939, Some("515.105.01"), Some("CUDA 11.7"), Some("1eb8"), 3, Some(16), Some(26.78), Some(70.0), 585),
        ("rtx-3060-v12.xml", "NVIDIA GeForce RTX 3060", 12288, 11806, Some("570.124.04"), Some("CUDA 12.8"), Some("2487"), 1, Some(16), Some(11.6), Some(190.0), 210),
        ("rtx-3090-v12.xml", "NVIDIA GeForce RTX 3090", 24576, 24258, Some("525.147.05"), Some("CUDA 12.0"), None, 1, Some(16), Some(27.23), Some(375.0), 0),
        ("rtx-3080-v13.xml", "NVIDIA GeForce RTX 3080", 10240, 660, Some("595.58.03"), Some("CUDA 13.2"), Some("2216"), 4, Some(16), Some(139.62), Some(336.0), 1950),
        ("rtx-4000-sff-ada-v13.xml", "NVIDIA RTX 4000 SFF Ada Generation", 20475, 16482, Some("595.84"), Some("CUDA 13.2"), Some("27b0"), 1, Some(16), Some(8.81), Some(70.0), 210),
    ];
    for (file, name, total, free, driver, runtime, device, generation, width, draw, limit, core) in expected {
        let (gpu, _) = gpu(&[("nvidia-smi.xml", fs::read_to_string(folder.join(file)).unwrap())]);
        assert_eq!((gpu.vendor, gpu.name.as_deref()), (Vendor::Nvidia, Some(name)), "{file}");
        assert_eq!(gpu.memory.kind, Some(MemoryKind::Dedicated), "{file}");
        assert_eq!(
            (gpu.memory.total, gpu.memory.free),
            (Some(Bytes(total * MIB)), Some(Bytes(free * MIB))),
            "{file}"
        );
        assert_eq!(gpu.driver.and_then(|driver| driver.version).as_deref(), driver, "{file}");
        assert_eq!(gpu.runtime.as_deref(), runtime, "{file}");
        assert_eq!(gpu.apis.contains(&Api::Cuda), runtime.is_some(), "{file}");
        assert_eq!(gpu.pci.map(|pci| pci.device_id).as_deref(), device, "{file}");
        let link = gpu.link.unwrap();
        assert_eq!(
            (link.now.unwrap().generation, link.best.map(|best| best.width)),
            (generation, width),
            "{file}"
        );
        assert_eq!((gpu.power.draw_watts, gpu.power.limit_max_watts), (draw, limit), "{file}");
        assert_eq!(gpu.clocks.unwrap().core_mhz, Some(core), "{file}");
        assert!(gpu.slices.is_empty() && gpu.uuid.unwrap().starts_with("GPU-"), "{file}");
        // None of them ran hot; the first says nothing about it.
        assert_eq!(gpu.throttling, (file != "gtx-1070-ti.xml").then(Vec::new), "{file}");
    }
}

#[test]
fn whole_captures_of_one_machine_agree_with_themselves() {
    let Some(folder) = captures("nvidia") else { return };
    #[rustfmt::skip]
    let expected = [
        ("l40s-595.80.capture.txt", "NVIDIA L40S", "26b9", 46068, 45460, 183.28, 350.0, 4),
        ("rtx-4080-super-595.71.05.capture.txt", "NVIDIA GeForce RTX 4080 SUPER", "2702", 16376, 15348, 25.92, 400.0, 1),
    ];
    for (file, name, device, total, free, draw, limit, generation) in expected {
        let capture = Capture::read(&folder.join(file));
        let outputs = [
            ("nvidia-smi.xml", capture.report()),
            ("nvidia-smi.csv", capture.row(&["index", "pci.bus_id", "compute_cap"])),
            ("nvidia-smi.list", capture.section("nvidia-smi -L")),
        ];
        let (gpu, _) = gpu(&outputs);
        assert_eq!(gpu.name.as_deref(), Some(name), "{file}");
        assert_eq!(gpu.pci.unwrap().device_id, device, "{file}");
        assert_eq!(
            (gpu.index, gpu.target),
            (Some(0), Some(Target::ComputeCapability("8.9".into()))),
            "{file}"
        );
        assert_eq!(
            (gpu.memory.total, gpu.memory.free),
            (Some(Bytes(total * MIB)), Some(Bytes(free * MIB))),
            "{file}"
        );
        assert_eq!((gpu.power.draw_watts, gpu.power.limit_max_watts), (Some(draw), Some(limit)), "{file}");
        assert_eq!(gpu.runtime.as_deref(), Some("CUDA 13.2"), "{file}");
        assert_eq!(gpu.link.unwrap().now, Some(LaneRate { generation, width: 16 }), "{file}");
        assert_eq!((gpu.throttling, gpu.slices.len()), (Some(Vec::new()), 0), "{file}");
    }
}

/// Of a machine in tests/machines.
fn gpus(name: &str) -> Vec<Accelerator> {
    let host = machine(name);
    assert_eq!(faults(&host), Vec::<String>::new(), "{name}");
    let gpus: Vec<Accelerator> =
        host.accelerators.into_iter().filter(|gpu| gpu.vendor == Vendor::Nvidia).collect();
    assert!(!gpus.is_empty(), "{name}");
    gpus
}

fn reasons(name: &str, index: usize) -> String {
    let field = format!("accelerators[{index}]");
    let host = machine(name);
    let told = host.unknown.iter().filter(|unknown| unknown.field.starts_with(&field));
    told.map(|unknown| format!("{}: {}\n", unknown.field, unknown.reason)).collect()
}

#[test]
fn cards_of_every_driver_are_told_as_their_reports_say() {
    #[rustfmt::skip]
    let expected = [
        ("rtx-4090-desktop", "2684", 24564, "8.9", "570.133.07", "CUDA 12.8", (1, 16), (4, 16)),
        ("rtx-5090", "2b85", 32607, "12.0", "595.58.03", "CUDA 13.2", (5, 16), (5, 16)),
        ("laptop-rtx-4070", "2820", 8188, "8.9", "575.64.03", "CUDA 12.9", (4, 8), (4, 8)),
        ("l4-cloud-vm", "27b8", 23034, "8.9", "550.90.07", "CUDA 12.4", (1, 16), (3, 16)),
        ("wsl2-rtx-4060-ti", "2805", 16380, "8.9", "572.16", "CUDA 12.8", (4, 8), (4, 8)),
        ("driver-610-renamed-fields", "2c05", 16303, "12.0", "610.43.02", "CUDA 13.3", (1, 16), (5, 16)),
    ];
    for (name, device, total, capability, driver, runtime, now, best) in expected {
        let [gpu] = gpus(name).try_into().unwrap();
        let rate = |(generation, width)| Some(LaneRate { generation, width });
        assert_eq!(gpu.pci.unwrap().device_id, device, "{name}");
        assert_eq!(
            (gpu.memory.kind, gpu.memory.total),
            (Some(MemoryKind::Dedicated), Some(Bytes(total * MIB))),
            "{name}"
        );
        assert_eq!(gpu.target, Some(Target::ComputeCapability(capability.into())), "{name}");
        assert_eq!(gpu.driver.unwrap().version.as_deref(), Some(driver), "{name}");
        assert_eq!((gpu.runtime.as_deref(), gpu.apis.contains(&Api::Cuda)), (Some(runtime), true), "{name}");
        let link = gpu.link.unwrap();
        assert_eq!((link.now, link.best), (rate(now), rate(best)), "{name}");
    }
}

#[test]
fn what_slows_a_card_is_told_and_idleness_is_not() {
    let throttling = |name: &str| gpus(name)[0].throttling.clone().unwrap();
    assert_eq!(throttling("rtx-4090-desktop"), []);
    assert_eq!(throttling("rtx-5090"), [Throttle::PowerCap]);
    assert_eq!(throttling("laptop-rtx-4070"), [Throttle::PowerCap, Throttle::Thermal]);
}

#[test]
fn a_lost_card_keeps_its_number_and_the_other_its_own() {
    let [lost, there] = gpus("dual-rtx-3090").try_into().unwrap();
    assert_eq!((lost.index, lost.pci.unwrap().address.as_str()), (Some(0), "0000:21:00.0"));
    assert_eq!((lost.memory.total, lost.apis), (None, vec![]));
    assert_eq!((there.index, there.pci.unwrap().address.as_str()), (Some(1), "0000:41:00.0"));
    assert_eq!((there.memory.total, there.apis.contains(&Api::Cuda)), (Some(Bytes(24 << 30)), true));
    assert!(reasons("dual-rtx-3090", 0).contains("GPU is lost"));
}

#[test]
fn a_divided_card_is_its_slices_and_one_divided_into_nothing_is_of_no_use() {
    let [h100] = gpus("h100-mig").try_into().unwrap();
    assert_eq!((h100.memory.free, h100.apis.contains(&Api::Cuda)), (None, true));
    let profiles: Vec<_> = h100.slices.iter().map(|slice| slice.profile.as_deref().unwrap()).collect();
    assert_eq!(profiles, ["3g.40gb", "3g.40gb"]);
    let free: Vec<_> = h100.slices.iter().map(|slice| slice.memory_free.unwrap().0 / MIB).collect();
    assert_eq!(free, [40151, 12034]);
    assert_ne!(h100.slices[0].uuid, h100.slices[1].uuid);

    let [h200] = gpus("h200-mig-without-slices").try_into().unwrap();
    assert_eq!((h200.memory.total, h200.memory.free), (Some(Bytes(143_771 * MIB)), None));
    assert_eq!((h200.slices.len(), h200.apis.contains(&Api::Cuda)), (0, false));
    assert!(reasons("h200-mig-without-slices", 0).contains("no slice was made"));
}

#[test]
fn chips_and_gb10_share_the_system_s_memory() {
    #[rustfmt::skip]
    let expected = [
        ("dgx-spark-gb10", 127_600_748, "12.1", "CUDA 13.0", Some("000f:01:00.0"), "nvidia"),
        ("jetson-orin-nano", 7_802_884, "8.7", "CUDA 11.4", None, "nvgpu"),
        ("jetson-agx-orin", 64_349_388, "8.7", "CUDA 12.6", None, "nvgpu"),
        ("jetson-thor", 128_786_104, "11.0", "CUDA 13.0", Some("0000:01:00.0"), "nvidia"),
    ];
    for (name, kib, capability, runtime, address, driver) in expected {
        let [gpu] = gpus(name).try_into().unwrap();
        assert_eq!(
            (gpu.memory.kind, gpu.memory.total),
            (Some(MemoryKind::Unified), Some(Bytes(kib << 10))),
            "{name}"
        );
        assert!(gpu.memory.free.is_some() && gpu.apis.contains(&Api::Cuda), "{name}");
        assert_eq!(gpu.target, Some(Target::ComputeCapability(capability.into())), "{name}");
        assert_eq!(gpu.runtime.as_deref(), Some(runtime), "{name}");
        assert_eq!(gpu.pci.map(|pci| pci.address).as_deref(), address, "{name}");
        assert_eq!(gpu.driver.unwrap().name, driver, "{name}");
    }
    assert_eq!(gpus("jetson-agx-orin")[0].clocks.as_ref().unwrap().core_max_mhz, Some(1300));
}

#[test]
fn a_card_that_can_t_compute_is_there_with_the_reason() {
    #[rustfmt::skip]
    let expected = [
        ("nouveau-no-driver", "1c03", None, "nouveau"),
        ("driver-library-mismatch", "2504", Some("570.133.07"), "different versions"),
        ("hanging-nvidia-smi", "1eb8", Some("535.183.01"), "did not answer in time"),
    ];
    for (name, device, driver, reason) in expected {
        let [gpu] = gpus(name).try_into().unwrap();
        assert_eq!(gpu.pci.unwrap().device_id, device, "{name}");
        assert_eq!((gpu.apis.contains(&Api::Cuda), gpu.memory.total), (false, None), "{name}");
        assert_eq!(gpu.driver.and_then(|driver| driver.version).as_deref(), driver, "{name}");
        assert!(gpu.link.is_some(), "{name}");
        assert!(reasons(name, 0).contains(reason), "{name}: {}", reasons(name, 0));
    }
}

#[test]
fn an_old_driver_leaves_the_capability_open() {
    let [gpu] = gpus("quadro-p2000").try_into().unwrap();
    assert_eq!((gpu.target, gpu.memory.parts.len()), (None, 0));
    assert!(reasons("quadro-p2000", 0).contains("compute_cap"));
}

/// Outputs of many commands in one file, each below a heading with the command.
struct Capture(String);

impl Capture {
    fn read(file: &Path) -> Capture {
        Capture(fs::read_to_string(file).unwrap())
    }

    /// The first output of the command.
    fn section(&self, command: &str) -> String {
        let heading = format!("# $ {command}\n");
        let (_, below) = self.0.split_once(&heading).unwrap();
        let below = below.split_once('\n').unwrap().1;
        below.split("\n\n\n####").next().unwrap().to_owned()
    }

    /// Three of the hundred columns.
    fn row(&self, columns: &[&str]) -> String {
        let (_, below) = self.0.split_once("# $ nvidia-smi --query-gpu=").unwrap();
        let mut lines = below.lines().skip(2);
        let names: Vec<&str> = lines.next().unwrap().split(", ").collect();
        let values: Vec<&str> = lines.next().unwrap().split(", ").collect();
        let value = |column: &&str| values[names.iter().position(|name| name == column).unwrap()];
        columns.iter().map(value).collect::<Vec<_>>().join(", ")
    }

    /// `nvidia-smi -q` says as indented text what `-q -x` says as XML.
    fn report(&self) -> String {
        let text = self.section("nvidia-smi -q");
        let at = |path: &str| {
            let mut lines = text.lines();
            let mut value = None;
            for (depth, name) in path.split('/').enumerate() {
                let indent = " ".repeat(4 * (depth + 1));
                let line = lines.find(|line| {
                    let words = line.strip_prefix(&indent).unwrap_or_default();
                    words.split(" : ").next().unwrap().trim_end() == name
                });
                value = line.unwrap().split_once(" : ").map(|(_, value)| value);
            }
            value.unwrap().to_owned()
        };
        let line = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_once(" : ").unwrap().1.to_owned()
        };
        let link = |path: &str| at(&format!("PCI/GPU Link Info/{path}"));
        let reason = |name: &str| at(&format!("Clocks Event Reasons/{name}"));
        format!(
            "<nvidia_smi_log><driver_version>{}</driver_version><cuda_version>{}</cuda_version>\
             <attached_gpus>{}</attached_gpus><gpu><product_name>{}</product_name><uuid>{}</uuid>\
             <addressing_mode>{}</addressing_mode><mig_mode><current_mig>{}</current_mig></mig_mode>\
             <pci><pci_bus_id>{}</pci_bus_id><pci_device_id>{}</pci_device_id><pci_gpu_link_info>\
             <pcie_gen><max_link_gen>{}</max_link_gen><current_link_gen>{}</current_link_gen></pcie_gen>\
             <link_widths><max_link_width>{}</max_link_width><current_link_width>{}</current_link_width>\
             </link_widths></pci_gpu_link_info></pci><clocks_event_reasons>\
             <clocks_event_reason_gpu_idle>{}</clocks_event_reason_gpu_idle>\
             <clocks_event_reason_sw_power_cap>{}</clocks_event_reason_sw_power_cap></clocks_event_reasons>\
             <fb_memory_usage><total>{}</total><reserved>{}</reserved><free>{}</free></fb_memory_usage>\
             <gpu_power_readings><average_power_draw>{}</average_power_draw>\
             <max_power_limit>{}</max_power_limit></gpu_power_readings></gpu></nvidia_smi_log>",
            line("Driver Version"),
            line("CUDA Version"),
            line("Attached GPUs"),
            at("Product Name"),
            at("GPU UUID"),
            at("Addressing Mode"),
            at("MIG Mode/Current"),
            at("PCI/Bus Id"),
            at("PCI/Device Id"),
            link("PCIe Generation/Max"),
            link("PCIe Generation/Current"),
            link("Link Width/Max"),
            link("Link Width/Current"),
            reason("Idle"),
            reason("SW Power Cap"),
            at("FB Memory Usage/Total"),
            at("FB Memory Usage/Reserved"),
            at("FB Memory Usage/Free"),
            at("GPU Power Readings/Average Power Draw"),
            at("GPU Power Readings/Max Power Limit"),
        )
    }
}
