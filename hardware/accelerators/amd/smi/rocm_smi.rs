//! `rocm-smi --json`: an object with one flat object per card, every value a string.
//!
//! Versions differ in names and their case: `GPU ID` became `Device ID` with ROCm 6.0, `Card series` became `Card Series`
//! with 6.1, which also added the compile target; the drawn power is average or current, by GPU.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::LaneRate;
use serde_json::{Map, Value};

use super::quantity::{self, Quantity};
use super::{Pool, Reading, SmiError, json};
use crate::accelerators::pci;

const TOOL: &str = "rocm-smi --json";

pub fn parse(text: &str) -> Result<Vec<Reading>, SmiError> {
    let value = json("rocm-smi", text)?;
    let Value::Object(all) = value else { return Ok(Vec::new()) };
    let driver = all.get("system").and_then(|system| quantity::name(system.get("Driver version")?));
    let mut cards: Vec<(u32, Card)> = all
        .iter()
        .filter_map(|(name, card)| Some((name.strip_prefix("card")?.parse().ok()?, Card(card.as_object()?))))
        .collect();
    cards.sort_by_key(|(number, _)| *number);
    Ok(cards.iter().map(|(_, card)| card.reading(driver.clone())).collect())
}

struct Card<'a>(&'a Map<String, Value>);

impl Card<'_> {
    fn reading(&self, driver_version: Option<String>) -> Reading {
        let hexadecimal = |names| self.get(names).and_then(quantity::hexadecimal);
        Reading {
            source: TOOL,
            address: self.get(&["PCI Bus"]).and_then(quantity::address),
            device: hexadecimal(&["Device ID", "GPU ID"]).and_then(|id| id.try_into().ok()),
            revision: hexadecimal(&["Device Rev"]).and_then(|revision| revision.try_into().ok()),
            name: [&["Device Name"], &["Card Series"]]
                .into_iter()
                .find_map(|names| quantity::name(self.get(names)?)),
            unique_id: hexadecimal(&["Unique ID"]).filter(|id| *id != 0),
            target: self.get(&["GFX Version"]).and_then(quantity::target),
            compute_units: None,
            link: self.get(&["pcie clock level"]).and_then(|level| lane_rate(level.as_str()?)),
            driver_version,
            vram: self.pool("VRAM"),
            gtt: self.pool("GTT"),
            draw_watts: self
                .quantity(&[
                    "Average Graphics Package Power (W)",
                    "Current Socket Graphics Package Power (W)",
                    "Average Socket Graphics Package Power (W)",
                ])
                .and_then(|power| power.watts()),
            limit_watts: self.quantity(&["Max Graphics Package Power (W)"]).and_then(|power| power.watts()),
            limit_max_watts: None,
            celsius: self
                .quantity(&["Temperature (Sensor edge) (C)", "Temperature (Sensor junction) (C)"])
                .and_then(|temperature| temperature.celsius()),
            core_mhz: self.clock("sclk"),
            core_max_mhz: None,
            memory_mhz: self.clock("mclk"),
            memory_max_mhz: None,
        }
    }

    fn pool(&self, name: &str) -> Option<Pool> {
        let bytes = |what: &str| {
            let text = self.get(&[&format!("{name} Total {what}(B)")])?.as_str()?;
            Some(Bytes(text.trim().parse().ok()?))
        };
        Some(Pool { total: bytes("Memory ")?, used: bytes("Used Memory ") })
    }

    fn clock(&self, name: &str) -> Option<u32> {
        self.quantity(&[&format!("{name} clock speed:")])?.megahertz()
    }

    /// The first of these that holds a number.
    fn quantity(&self, names: &[&str]) -> Option<Quantity> {
        names.iter().find_map(|name| Quantity::of(self.get(&[name])?))
    }

    fn get(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| {
            let (_, value) = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            Some(value)
        })
    }
}

/// `1 (16.0GT/s x16)`.
fn lane_rate(level: &str) -> Option<LaneRate> {
    let (_, rate) = level.trim().strip_suffix(')')?.split_once('(')?;
    let (speed, width) = rate.split_once("GT/s x")?;
    Some(LaneRate { generation: pci::generation(speed)?, width: width.trim().parse().ok()? })
}
