//! Whether the machine runs on mains or on a battery, from `/sys/class/power_supply`.
//!
//! Desktops, servers and most boards have nothing there: then nothing is known of the supply. What belongs to a mouse or a
//! headset says so (`scope` is `Device`) and powers nothing else.

use edgeorch_engines::contract::host::{Battery, PowerSupply};

use super::battery;
use crate::Root;
use crate::findings::Findings;
use crate::linux::class;

const FOLDER: &str = "sys/class/power_supply";
const SHOWN: &str = "/sys/class/power_supply";

/// More than a machine has; a hostile tree may have any number.
const MOST: usize = 64;

pub fn probe(root: &Root, findings: &mut Findings) -> (Option<PowerSupply>, Vec<Battery>) {
    let names = match class::entries(root, "power_supply") {
        Ok(names) => names,
        Err(error) => {
            findings.unknown("power.supply", &error);
            findings.unknown("power.batteries", error);
            return (None, Vec::new());
        }
    };
    let mut mains = Vec::new();
    let mut batteries = Vec::new();
    for name in names.into_iter().take(MOST) {
        let file = |file: &str| class::word(root, &format!("{FOLDER}/{name}/{file}"));
        if file("scope").as_deref() == Some("Device") {
            continue;
        }
        match file("type").as_deref() {
            Some("Battery") if file("present").as_deref() != Some("0") => {
                let field = format!("power.batteries[{}]", batteries.len());
                batteries.push(battery::read(root, &format!("{FOLDER}/{name}"), &name, &field, findings));
            }
            Some(kind) if kind == "Mains" || kind == "Wireless" || kind.starts_with("USB") => {
                mains.push((file("online").is_some_and(|online| online != "0"), name));
            }
            _ => {}
        }
    }
    findings.known("power.batteries", SHOWN);
    (supply(&mains, &batteries, findings), batteries)
}

fn supply(mains: &[(bool, String)], batteries: &[Battery], findings: &mut Findings) -> Option<PowerSupply> {
    const FIELD: &str = "power.supply";
    if let Some((_, name)) = mains.iter().find(|(online, _)| *online) {
        findings.known(FIELD, format_args!("{SHOWN}/{name}/online"));
        return Some(PowerSupply::Mains);
    }
    let status = |wanted: &[&str]| {
        batteries
            .iter()
            .find(|battery| battery.status.as_deref().is_some_and(|status| wanted.contains(&status)))
    };
    if let Some(battery) = status(&["discharging"]) {
        findings.known(FIELD, format_args!("{SHOWN}/{}/status", battery.name));
        return Some(PowerSupply::Battery);
    }
    // A battery that is not discharged does not power the machine.
    if let Some(battery) = status(&["charging", "full", "not charging"]) {
        findings.known(FIELD, format_args!("{SHOWN}/{}/status", battery.name));
        return Some(PowerSupply::Mains);
    }
    match (mains, batteries) {
        ([(_, name), ..], [_, ..]) => {
            findings.known(FIELD, format_args!("{SHOWN}/{name}/online"));
            Some(PowerSupply::Battery)
        }
        ([], []) => {
            let reason = "nothing tells of its power supply, as on most machines without a battery";
            findings.unknown(FIELD, reason);
            None
        }
        _ => {
            findings.unknown(FIELD, "what tells of its power supply does not say which one is in use");
            None
        }
    }
}
