//! `nvidia-smi`, where NVML can't be asked: in captures, and where the library does not load.
//!
//! Its XML report says nearly all. What it leaves out comes from two short lists, asked for at the same time.

mod gpu;
mod lists;
mod words;
mod xml;

use std::time::Duration;

use super::report::{Gpu, Mig, Part, Said};
use super::silence::Silence;
use crate::pending::Pending;
use crate::root::RunError;
use crate::{Command, Root};
use lists::Row;

pub const SOURCE: &str = "nvidia-smi";

const REPORT: Command = Command::new("nvidia-smi.xml", "nvidia-smi", &["-q", "-x"]);
const CAPABILITIES: Command = Command::new(
    "nvidia-smi.csv",
    "nvidia-smi",
    &["--query-gpu=index,pci.bus_id,compute_cap", "--format=csv,noheader"],
);
const LIST: Command = Command::new("nvidia-smi.list", "nvidia-smi", &["-L"]);

/// A little more than a command may take.
const LIMIT: Duration = Duration::from_millis(2500);

/// More than any machine has.
const MAX_GPUS: usize = 256;

pub fn ask(root: &Root) -> Result<Vec<Gpu>, Silence> {
    let [report, capabilities, list] = [REPORT, CAPABILITIES, LIST]
        .map(|command| Pending::start("nvidia-smi", root, LIMIT, move |root| root.run(&command)));
    let late = |_| Err(RunError::TimedOut { program: "nvidia-smi".to_owned() });
    let report = report.finish().unwrap_or_else(late)?;
    let mut gpus = read(&report)?;
    add_capabilities(&mut gpus, capabilities.finish().unwrap_or_else(late));
    add_slices(&mut gpus, list.finish().unwrap_or_else(late));
    Ok(gpus)
}

/// The GPUs of a report. Pure.
pub fn read(report: &str) -> Result<Vec<Gpu>, Silence> {
    let log = xml::parse(report).map_err(|error| Silence::Unreadable { said: error.to_string() })?;
    if log.name != "nvidia_smi_log" {
        return Err(Silence::Unreadable { said: "it is another program's".to_owned() });
    }
    let mut gpus: Vec<Gpu> = log.all("gpu").take(MAX_GPUS).map(|gpu| gpu::read(&log, gpu)).collect();
    // They stand in the order of their index, if none is missing.
    if log.text("attached_gpus").and_then(|count| count.parse().ok()) == Some(gpus.len()) {
        for (index, gpu) in (0..).zip(&mut gpus) {
            gpu.index = Said::Value(index);
        }
    }
    Ok(gpus)
}

fn add_capabilities(gpus: &mut [Gpu], printed: Result<String, RunError>) {
    let rows = match printed {
        Ok(csv) => lists::rows(&csv),
        // A capture by other hands may hold the report alone.
        Err(error) if error.is_not_found() => return,
        Err(error) => {
            let said = match error {
                RunError::Failed { said, .. } if !said.is_empty() => said,
                other => other.to_string(),
            };
            gpus.iter_mut().for_each(|gpu| gpu.target = Said::Refused(said.clone()));
            return;
        }
    };
    for gpu in gpus {
        let is_of = |row: &&Row| match (&row.address, &gpu.address) {
            (Some(of_row), Some(of_gpu)) => of_row == of_gpu,
            // Parts of a chip have no address.
            (None, None) => gpu.index == Said::Value(row.index),
            _ => false,
        };
        if let Some(row) = rows.iter().find(is_of) {
            gpu.index = Said::Value(row.index);
            gpu.target = row.capability.clone();
        }
    }
}

/// Both count the slices of a GPU in the same order.
fn add_slices(gpus: &mut [Gpu], printed: Result<String, RunError>) {
    let Ok(list) = printed else { return };
    for gpu in gpus.iter_mut().filter(|gpu| gpu.mig == Said::Value(Mig::On)) {
        let named = gpu.uuid.value().map(|uuid| lists::slices(&list, uuid)).unwrap_or_default();
        if named.len() != gpu.slices.len() {
            continue;
        }
        for (slice, named) in gpu.slices.iter_mut().zip(named) {
            let told = std::mem::take(slice);
            *slice = Part { uuid: told.uuid.or(named.uuid), profile: told.profile.or(named.profile), ..told };
        }
    }
}

#[cfg(test)]
mod tests;
