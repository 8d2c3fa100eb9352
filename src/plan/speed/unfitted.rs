//! Other models on hardware that the fit knows: how the projection carries over to kinds of models, by the very path that
//! a plan takes. The measurements are in `unfitted.yaml`; the caller makes the models of their names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use edgeorch_engines::contract::host::{Accelerator, AcceleratorKind, Nominal, Target, Vendor};
use edgeorch_engines::contract::{Backend, Placement, Share, Task};
use edgeorch_engines::{Ask, Host, Model};
use serde::{Deserialize, Serialize};

use super::rows::{Device, ROWS};
use super::selfcheck::Figures;
use super::tables::read;
use super::{Group, Workload, project};

static UNFITTED: LazyLock<Vec<Source>> = LazyLock::new(|| read(include_str!("unfitted.yaml")));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    source: String,
    on: String,
    backend: Backend,
    build: u32,
    /// Tokens in the context, on average.
    depth: u64,
    #[serde(rename = "type")]
    quantization: String,
    /// Tokens per second, by the catalogue's name of the model.
    rates: BTreeMap<String, f64>,
}

/// One device's models.
#[derive(Clone, Debug, Serialize)]
pub struct Unfitted {
    pub source: String,
    pub rows: Vec<Row>,
    pub group: Group,
}

#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub model: String,
    #[serde(flatten)]
    pub figures: Figures,
}

/// `host` gives everything but the device, `engine` the id of the one whose builds the rows tell; `model` makes a model of
/// its name and its quantization.
pub fn unfitted(host: &Host, engine: &str, model: impl Fn(&str, &str) -> Option<Model>) -> Vec<Unfitted> {
    let of = |source: &Source| {
        let device = ROWS.devices.get(&source.on)?;
        let host = Host { accelerators: vec![accelerator(&source.on, device)], ..host.clone() };
        let row = |(name, rate): (&String, &f64)| {
            let model = model(name, &source.quantization)?;
            row(name, *rate, &model, engine, source, &host)
        };
        let rows: Vec<Row> = source.rates.iter().filter_map(row).collect();
        let name = format!("{} {}", source.on, source.backend.name());
        let group = Group::of_figures(name, 1, rows.iter().map(|row| row.figures));
        Some(Unfitted { source: source.source.clone(), rows, group })
    };
    UNFITTED.iter().filter_map(of).collect()
}

fn row(name: &str, measured: f64, model: &Model, engine: &str, source: &Source, host: &Host) -> Option<Row> {
    let mut ask = Ask::new("check", Task::Chat, source.depth.saturating_mul(2));
    let layers = u32::try_from(model.layers().map_or(0, <[_]>::len)).ok()?;
    let share = Share { device: 0, backend: source.backend, layers };
    ask.placement = Placement { shares: vec![share], ..Placement::default() };
    let workload = Workload { prompt: 0, cached: 0, output: 0, depth: source.depth, concurrent: 1 };
    let engine = format!("{engine} b{}", source.build);
    let decode = project(model, &ask, &engine, host, &workload).ok()?.decode;
    let figures = Figures { measured, predicted: decode.p50, p10: decode.p10, p90: decode.p90 };
    Some(Row { model: name.to_owned(), figures })
}

/// As the audit would tell of it.
fn accelerator(name: &str, device: &Device) -> Accelerator {
    let vendor = match device.vendor.as_str() {
        "nvidia" => Vendor::Nvidia,
        "amd" => Vendor::Amd,
        "intel" => Vendor::Intel,
        _ => Vendor::Apple,
    };
    let mut accelerator = Accelerator::new(AcceleratorKind::Gpu, vendor);
    accelerator.name = Some(name.to_owned());
    accelerator.cores = device.cores;
    accelerator.target = Some(Target::Named(device.target.clone()));
    accelerator.nominal = Some(Nominal {
        device: name.to_owned(),
        laptop: None,
        bandwidth_gbs: device.bandwidth,
        fp16_tflops: device.fp16,
        fp16_tensor_tflops: device.tensor,
        int8_tops: None,
        tdp_watts: None,
        source: "rows.yaml".to_owned(),
    });
    accelerator
}
