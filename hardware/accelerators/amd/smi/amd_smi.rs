//! `amd-smi static --json` and `amd-smi metric --json`: one object per GPU, in groups.
//!
//! Up to ROCm 6.4 they are a list, since then an object with the list as `gpu_data`; quantities are bare numbers in 6.0 and
//! have a unit since. The power limits moved into a group of their own with ROCm 7.

use serde_json::Value;

use super::quantity::{self, Quantity};
use super::{Pool, Reading, SmiError, json};

const TOOL: &str = "amd-smi";

pub fn parse(fixed: &str, changing: Option<&str>) -> Result<Vec<Reading>, SmiError> {
    let fixed = json(TOOL, fixed)?;
    // Without it, what a GPU is still stands.
    let changing = changing.and_then(|text| json(TOOL, text).ok()).unwrap_or_default();
    let same = |gpu: &Value| gpus(&changing).iter().find(|other| other.get("gpu") == gpu.get("gpu"));
    Ok(gpus(&fixed).iter().map(|gpu| reading(gpu, same(gpu).unwrap_or(&Value::Null))).collect())
}

fn gpus(all: &Value) -> &[Value] {
    all.as_array().or_else(|| all.get("gpu_data")?.as_array()).map(Vec::as_slice).unwrap_or_default()
}

fn reading(fixed: &Value, now: &Value) -> Reading {
    let hexadecimal = |path| at(fixed, path).and_then(quantity::hexadecimal);
    let watts = |value, paths: &[&str]| first(value, paths)?.watts();
    let clock = |paths: &[&str]| first(now, paths)?.megahertz();
    Reading {
        source: "amd-smi --json",
        address: at(fixed, "bus.bdf").and_then(quantity::address),
        device: hexadecimal("asic.device_id").and_then(|id| id.try_into().ok()),
        revision: hexadecimal("asic.rev_id").and_then(|revision| revision.try_into().ok()),
        name: ["asic.market_name", "board.product_name"]
            .into_iter()
            .find_map(|path| quantity::name(at(fixed, path)?)),
        unique_id: hexadecimal("asic.asic_serial").filter(|id| *id != 0),
        target: at(fixed, "asic.target_graphics_version").and_then(quantity::target),
        compute_units: first(fixed, &["asic.num_compute_units"]).and_then(|units| units.count()),
        link: None,
        driver_version: ["driver.version", "driver.driver_version"]
            .into_iter()
            .find_map(|path| quantity::name(at(fixed, path)?)),
        vram: pool(now, "vram").or_else(|| {
            let total = first(fixed, &["vram.size", "vram.vram_size"])?.mebibytes()?;
            Some(Pool { total, used: None })
        }),
        gtt: pool(now, "gtt"),
        draw_watts: watts(
            now,
            &["power.socket_power", "power.current_socket_power", "power.average_socket_power"],
        ),
        limit_watts: watts(
            fixed,
            &[
                "limit.ppt0.socket_power_limit",
                "limit.socket_power",
                "limit.current_power",
                "limit.power_cap",
            ],
        ),
        limit_max_watts: watts(fixed, &["limit.ppt0.max_power_limit", "limit.max_power"]),
        celsius: first(now, &["temperature.edge", "temperature.hotspot"]).and_then(|t| t.celsius()),
        core_mhz: clock(&["clock.gfx_0.clk", "clock.gfx.cur_clk"]),
        core_max_mhz: clock(&["clock.gfx_0.max_clk", "clock.gfx.max_clk"]),
        memory_mhz: clock(&["clock.mem_0.clk", "clock.mem.cur_clk"]),
        memory_max_mhz: clock(&["clock.mem_0.max_clk", "clock.mem.max_clk"]),
    }
}

fn pool(now: &Value, name: &str) -> Option<Pool> {
    let bytes = |what: &str| Quantity::of(at(now, &format!("mem_usage.{what}_{name}"))?)?.mebibytes();
    Some(Pool { total: bytes("total")?, used: bytes("used") })
}

/// The first of these that holds a number.
fn first(value: &Value, paths: &[&str]) -> Option<Quantity> {
    paths.iter().find_map(|path| Quantity::of(at(value, path)?))
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}
