//! Power-saving modes, weak supplies and heat.

use edgeorch_engines::Host;
use edgeorch_engines::contract::host::{PowerSupply, Throttle};

use super::{Finding, Need, Severity};

pub fn check(host: &Host, _: Option<Need>) -> Vec<Finding> {
    let power = &host.power;
    let mut findings = Vec::new();
    for mode in power.modes.iter().filter(|mode| mode.saves_power == Some(true)) {
        findings.push(Finding::new(
            Severity::Warning,
            "power-saving",
            format!("{} is {}, which saves power at the cost of speed", mode.interface, mode.value),
            "Choose a balanced or performance mode while models run.",
        ));
    }
    if power.supply == Some(PowerSupply::Battery) {
        findings.push(Finding::new(
            Severity::Hint,
            "on-battery",
            "the machine runs on its battery",
            "Plug it in for lasting work: most machines slow down on battery.",
        ));
    }
    if let Some(found) =
        power.under_voltage.as_ref().filter(|found| found.now || found.since_boot == Some(true))
    {
        let when = if found.now { "at this moment" } else { "since it was started" };
        findings.push(Finding::new(
            if found.now { Severity::Problem } else { Severity::Warning },
            "under-voltage",
            format!("the power supply gave too little voltage {when}: the board slows down, and may fail"),
            "Use the board's own power supply and a short, thick cable.",
        ));
    }
    if host.thermal.throttled_now == Some(true) {
        findings.push(Finding::new(
            Severity::Warning,
            "throttled",
            "heat slows the processor at this moment",
            "Clean and free the air vents, or give a passive board a heat sink or fan.",
        ));
    }
    for (i, device) in host.accelerators.iter().enumerate() {
        let hot = [Throttle::Thermal, Throttle::Hardware, Throttle::PowerBrake];
        if device.throttling.iter().flatten().any(|reason| hot.contains(reason)) {
            findings.push(Finding::new(
                Severity::Warning,
                "accelerator-throttled",
                format!("accelerator {i} is slowed by heat or by its power supply at this moment"),
                "Look at its fans, its air and its power cables.",
            ));
        }
    }
    findings
}
