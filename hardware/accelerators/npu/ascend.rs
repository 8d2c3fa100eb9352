//! Huawei's Ascend: memory, power and temperature out of `npu-smi info`, the run time's version out of CANN's own file.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Target, Vendor};

use super::device::Seen;
use super::npu_smi::{self, Chip};
use crate::findings::Findings;
use crate::root::{Command, Root, shown};

const INFO: Command = Command::new("npu-smi-info", "npu-smi", &["info"]);

/// Where CANN's installer keeps its version, by release and processor.
const CANN: [&str; 4] = [
    "usr/local/Ascend/cann/aarch64-linux/ascend_toolkit_install.info",
    "usr/local/Ascend/cann/x86_64-linux/ascend_toolkit_install.info",
    "usr/local/Ascend/ascend-toolkit/latest/aarch64-linux/ascend_toolkit_install.info",
    "usr/local/Ascend/ascend-toolkit/latest/x86_64-linux/ascend_toolkit_install.info",
];

pub fn fill(root: &Root, npus: &mut [Seen], findings: &mut Findings) {
    let mut ascends: Vec<&mut Seen> =
        npus.iter_mut().filter(|npu| npu.accelerator.vendor == Vendor::Huawei && npu.driven).collect();
    if ascends.is_empty() {
        return;
    }
    let printed = root.run(&INFO);
    let mut chips = printed.as_deref().map(npu_smi::parse).unwrap_or_default();
    for npu in &mut ascends {
        version(root, npu);
        let address = npu.accelerator.pci.as_ref().map(|pci| pci.address.as_str());
        match (chips.iter().position(|chip| Some(chip.address.as_str()) == address), &printed) {
            (Some(at), _) => measured(npu, chips.swap_remove(at)),
            (None, Err(error)) => {
                for field in ["memory.total", "memory.free", "power.draw_watts", "temperature_celsius"] {
                    npu.findings.unknown_but(field, error, "see that npu-smi info runs");
                }
            }
            (None, Ok(_)) => npu.findings.unknown("memory.total", "npu-smi info does not list it"),
        }
    }
    for chip in chips {
        let reason = format!(
            "npu-smi info lists an Ascend {} at {}, which is not on the bus here",
            chip.name, chip.address
        );
        findings.unknown("accelerators", reason);
    }
}

fn measured(npu: &mut Seen, chip: Chip) {
    const SOURCE: &str = "npu-smi info";
    let Seen { accelerator, findings, .. } = npu;
    accelerator.name = Some(format!("Huawei Ascend {}", chip.name));
    findings.known("name", SOURCE);
    // As the compiler takes it for --soc_version.
    accelerator.target = Some(Target::Named(format!("Ascend{}", chip.name)));
    findings.known("target", SOURCE);
    let free = chip.total.zip(chip.used).map(|(total, used)| Bytes(total.0.saturating_sub(used.0)));
    let known = [
        ("index", chip.index.is_some()),
        ("memory.total", chip.total.is_some()),
        ("memory.free", free.is_some()),
        ("power.draw_watts", chip.watts.is_some()),
        ("temperature_celsius", chip.celsius.is_some()),
    ];
    for (field, is_known) in known {
        if is_known {
            findings.known(field, SOURCE);
        } else {
            findings.unknown(field, "npu-smi info does not tell it for this chip");
        }
    }
    accelerator.index = chip.index;
    (accelerator.memory.total, accelerator.memory.free) = (chip.total, free);
    accelerator.power.draw_watts = chip.watts;
    accelerator.temperature_celsius = chip.celsius;
}

/// `version=8.0.RC3` → `CANN 8.0.RC3`.
fn version(root: &Root, npu: &mut Seen) {
    let read = |path: &&str| {
        let text = root.read(path).ok()?;
        let version = text.lines().find_map(|line| line.strip_prefix("version="))?.trim();
        (!version.is_empty()).then(|| (shown(path), format!("CANN {version}")))
    };
    match CANN.iter().find_map(read) {
        Some((path, version)) => {
            npu.accelerator.runtime = Some(version);
            npu.findings.known("runtime", path);
        }
        None => npu.findings.unknown("runtime", "CANN's version file is at none of its usual places"),
    }
}
