//! Container engines that can't reach the GPU, or can't be reached.

use edgeorch_engines::Host;
use edgeorch_engines::contract::host::{AcceleratorKind, Api};

use super::{Finding, Need, Severity};

pub fn check(host: &Host, _: Option<Need>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let computes = |api: Api| {
        let gpus = host.accelerators.iter().filter(|device| device.kind == AcceleratorKind::Gpu);
        gpus.clone().any(|gpu| gpu.apis.contains(&api))
    };
    for engine in &host.software.containers {
        let name = &engine.name;
        if engine.reachable == Some(false) {
            findings.push(Finding::new(
                Severity::Hint,
                "containers-not-reachable",
                format!("{name} is installed, and its daemon does not answer this user"),
                format!(
                    "Start it, or let this user in (`sudo usermod -aG {name} $USER`, then log in again)."
                ),
            ));
        } else if engine.gpu_access.is_empty() && computes(Api::Cuda) {
            findings.push(Finding::new(
                Severity::Warning,
                "containers-without-gpu",
                format!("{name} has no way to the NVIDIA GPU"),
                "Install the NVIDIA Container Toolkit, then `nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`.",
            ));
        }
    }
    findings
}
