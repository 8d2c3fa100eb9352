use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Accelerator, Api, MemoryKind};
use report::Mig;

use super::super::Sighting;
use super::*;
use crate::root::{Node, RunError, Tree};

const MEMORY: &str = "MemTotal: 127600748 kB\nMemAvailable: 118566368 kB\n";

/// A machine with one NVIDIA GPU on its bus, at 0000:01:00.0.
#[derive(Default)]
struct Machine(Tree);

impl Machine {
    fn with_gpu(driver: Option<&str>) -> Machine {
        let mut machine = Machine::default();
        pci::fixture::function(&mut machine.0, "0000:01:00.0", "0x030000\n", ("0x10de\n", "0x2204\n"));
        if let Some(driver) = driver {
            let target = format!("../../../../bus/pci/drivers/{driver}");
            machine.0.put("sys/bus/pci/devices/0000:01:00.0/driver", Node::Link(target));
        }
        machine.file("proc/meminfo", MEMORY)
    }

    fn file(mut self, path: &str, text: &str) -> Machine {
        self.0.put(path, Node::File(text.into()));
        self
    }

    fn prints(self, xml: &str) -> Machine {
        self.file(".edgeorch/commands/nvidia-smi.xml", xml)
    }

    fn fails(self, said: &str) -> Machine {
        let program = "nvidia-smi".to_owned();
        let failure = RunError::Failed { program, status: "exit status: 15".into(), said: said.to_owned() };
        self.file(".edgeorch/commands/nvidia-smi.xml.failed", &serde_json::to_string(&failure).unwrap())
    }

    fn nvml(self, answer: Result<Vec<Gpu>, Silence>) -> Machine {
        self.file(".edgeorch/answers/nvml.json", &serde_json::to_string(&answer).unwrap())
    }

    fn sightings(self) -> Sightings {
        let root = Root::of(self.0);
        probe(&root, &pci::functions(&root))
    }

    fn only(self) -> (Accelerator, crate::findings::Findings) {
        let [Sighting { accelerator, findings }] = self.sightings().devices.try_into().unwrap();
        (accelerator, findings)
    }
}

fn xml(gpu: &str) -> String {
    format!(
        "<nvidia_smi_log><driver_version>580.95.05</driver_version><cuda_version>13.0</cuda_version><attached_gpus>1</attached_gpus><gpu id=\"00000000:01:00.0\"><product_name>GPU</product_name>{gpu}</gpu></nvidia_smi_log>"
    )
}

fn memory(total: &str, addressing: &str) -> String {
    xml(&format!(
        "<addressing_mode>{addressing}</addressing_mode><fb_memory_usage><total>{total}</total><free>{total}</free></fb_memory_usage>"
    ))
}

#[test]
fn a_report_that_breaks_off_leaves_the_facts_of_the_bus() {
    let whole = memory("24576 MiB", "HMM");
    let (gpu, findings) = Machine::with_gpu(Some("nvidia")).prints(&whole[..whole.len() / 2]).only();
    assert_eq!(gpu.pci.unwrap().device_id, "2204");
    assert_eq!((gpu.apis, gpu.memory.total), (vec![], None));
    // The bus of this machine tells nothing of the board.
    assert!(
        ["", "pci.subsystem"].iter().all(|field| findings.unknown_fields().contains(field)),
        "{findings:?}"
    );
}

#[test]
fn machines_without_anything_of_nvidia_say_nothing_of_it() {
    let sightings = Machine::default().sightings();
    assert!(sightings.devices.is_empty() && sightings.findings.unknown_fields().is_empty());
}

#[test]
fn an_interface_that_fails_is_told_even_where_no_gpu_is_seen() {
    let sightings = Machine::default().nvml(Err(Silence::NoDriver)).sightings();
    assert_eq!(sightings.findings.unknown_fields(), ["accelerators"]);
    let sightings = Machine::default().fails("Failed to initialize NVML: Unknown Error").sightings();
    assert_eq!(sightings.findings.unknown_fields(), ["accelerators"]);
}

#[test]
fn a_driver_that_hangs_is_not_asked_twice() {
    let late = Silence::Late { asked: "NVML".to_owned() };
    let (gpu, findings) =
        Machine::with_gpu(Some("nvidia")).nvml(Err(late)).prints(&memory("24576 MiB", "HMM")).only();
    assert_eq!(gpu.memory.total, None);
    assert!(format!("{findings:?}").contains("did not answer in time"));
}

#[test]
fn each_reason_for_silence_has_its_own_words() {
    let reason = |driver: Option<&str>| format!("{:?}", Machine::with_gpu(driver).only().1);
    assert!(reason(None).contains("no driver serves it"));
    assert!(reason(Some("nouveau")).contains("the kernel's driver nouveau serves it"));
    assert!(reason(Some("vfio-pci")).contains("set aside for virtual machines"));
    assert!(
        reason(Some("nvidia")).contains("neither NVIDIA's driver library (NVML) nor nvidia-smi was found")
    );
    let unlisted = Machine::with_gpu(Some("nvidia")).nvml(Ok(vec![])).only().1;
    assert!(format!("{unlisted:?}").contains("NVIDIA's driver does not list it"));
}

#[test]
fn memory_is_shared_only_if_the_interface_says_so() {
    let of = |total: &str, addressing: &str| {
        let (gpu, findings) = Machine::with_gpu(Some("nvidia")).prints(&memory(total, addressing)).only();
        (gpu.memory.kind, gpu.memory.total, findings)
    };
    let (system, own) = (Bytes(127_600_748 << 10), Bytes(97_871 << 20));
    // GB10: no memory of its own, and the processor's page tables.
    assert_eq!((of("N/A", "ATS").0, of("N/A", "ATS").1), (Some(MemoryKind::Unified), Some(system)));
    // The same, told by a driver that gives the system's memory as its own.
    assert_eq!(of("124610 MiB", "ATS").0, Some(MemoryKind::Unified));
    // Grace Hopper: the processor's page tables, and memory of its own.
    assert_eq!(
        (of("97871 MiB", "ATS").0, of("97871 MiB", "ATS").1),
        (Some(MemoryKind::Dedicated), Some(own))
    );
    assert_eq!(of("124610 MiB", "HMM").0, Some(MemoryKind::Dedicated));
    for (total, addressing) in [("N/A", "HMM"), ("ERR!", "N/A"), ("0 MiB", "HMM")] {
        let (kind, _, findings) = of(total, addressing);
        assert_eq!(kind, None, "{total}");
        assert!(findings.unknown_fields().contains(&"memory"), "{total}");
    }
}

#[test]
fn a_chip_s_gpu_is_counted_once_where_its_bus_is_not_shown() {
    let ids = "<pci><pci_device_id>2B0010DE</pci_device_id></pci>";
    let machine = || {
        Machine::default()
            .file("proc/meminfo", MEMORY)
            .file("proc/device-tree/compatible", "nvidia,p3834-0008\0nvidia,tegra264\0")
    };
    let (gpu, _) = machine().prints(&xml(ids)).only();
    assert_eq!((gpu.memory.kind, gpu.pci.unwrap().device_id.as_str()), (Some(MemoryKind::Unified), "2b00"));
    // A card in such a board is another GPU.
    let card = xml("<pci><pci_device_id>268410DE</pci_device_id></pci>");
    assert_eq!(machine().prints(&card).sightings().devices.len(), 2);
}

#[test]
fn more_free_than_there_is_is_not_believed() {
    let report = xml("<fb_memory_usage><total>1 MiB</total><free>2 MiB</free></fb_memory_usage>");
    let (gpu, findings) = Machine::with_gpu(Some("nvidia")).prints(&report).only();
    assert_eq!((gpu.memory.total, gpu.memory.free), (Some(Bytes(1 << 20)), None));
    assert!(findings.unknown_fields().contains(&"memory.free"));
}

#[test]
fn nvml_is_believed_first_and_nvidia_smi_fills_what_it_leaves_open() {
    let by_nvml = Gpu {
        index: Said::Value(0),
        address: Some("0000:01:00.0".to_owned()),
        name: Said::Value("By NVML".to_owned()),
        driver: Said::Value("580.95.05".to_owned()),
        cuda: Said::Value(true),
        runtime: Said::Value("13.0".to_owned()),
        memory_total: Said::Refused("not supported".to_owned()),
        mig: Said::Value(Mig::Impossible),
        ..Gpu::default()
    };
    let (gpu, findings) =
        Machine::with_gpu(Some("nvidia")).nvml(Ok(vec![by_nvml])).prints(&memory("N/A", "ATS")).only();
    assert_eq!((gpu.name.as_deref(), gpu.memory.kind), (Some("By NVML"), Some(MemoryKind::Unified)));
    assert_eq!(gpu.apis, [Api::Cuda]);
    assert_eq!(findings.source(""), Some("nvml"));
    assert_eq!(
        findings.source("memory.kind"),
        Some("nvidia-smi: no memory of its own, and addressing mode ATS")
    );
}

#[test]
fn without_the_cuda_library_there_is_no_cuda() {
    let report = memory("24576 MiB", "HMM").replace("13.0", "N/A");
    let (gpu, findings) = Machine::with_gpu(Some("nvidia")).prints(&report).only();
    assert_eq!((gpu.apis, gpu.runtime), (vec![], None));
    assert!(["apis", "runtime"].iter().all(|field| findings.unknown_fields().contains(field)));
}

#[test]
fn when_nvidia_smi_gives_up_on_a_lost_gpu_all_are_told_by_the_bus() {
    let said = "Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.  Reboot the system to recover this GPU";
    let (gpu, findings) = Machine::with_gpu(Some("nvidia")).fails(said).only();
    assert_eq!(gpu.pci.unwrap().address, "0000:01:00.0");
    assert!(format!("{findings:?}").contains("GPU is lost"));
}
