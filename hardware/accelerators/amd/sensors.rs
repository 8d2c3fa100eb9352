//! Power, heat and clocks of a GPU: from its driver's sensors, else from what a tool read.

use edgeorch_engines::contract::host::{Accelerator, Clocks};

use super::levels::Levels;
use super::metrics::Metrics;
use super::smi::Reading;
use crate::Root;
use crate::accelerators::hwmon::Hwmon;
use crate::accelerators::pci::Function;
use crate::accelerators::sysfs::{Told, Untold, learn};
use crate::findings::Findings;
use crate::root::shown;

/// The GPU's middle first, as other vendors tell it; accelerators tell of their hottest spot alone.
const PLACES: [&str; 2] = ["edge", "junction"];

pub struct Sensors<'a> {
    pub root: &'a Root,
    pub function: Option<&'a Function>,
    pub reading: Option<&'a Reading>,
    /// Part of the processor: what the driver does not show of it, it has not.
    pub integrated: bool,
}

impl Sensors<'_> {
    pub fn fill(&self, gpu: &mut Accelerator, findings: &mut Findings) {
        self.power(gpu, findings);
        gpu.temperature_celsius = learn(
            findings,
            "temperature_celsius",
            self.hwmon(|hwmon| hwmon.celsius(&PLACES)),
            self.told(|reading| reading.celsius),
        );
        gpu.clocks = Some(self.clocks(findings));
    }

    fn power(&self, gpu: &mut Accelerator, findings: &mut Findings) {
        // Chips have one of the two: the average of the last moments, or the power of this one.
        let draw = self.hwmon(|hwmon| hwmon.watts("power1_average").or_else(|_| hwmon.watts("power1_input")));
        gpu.power.draw_watts =
            learn(findings, "power.draw_watts", draw, self.told(|reading| reading.draw_watts));
        gpu.power.limit_watts =
            self.limit("limit_watts", "power1_cap", self.told(|reading| reading.limit_watts), findings);
        gpu.power.limit_max_watts = self.limit(
            "limit_max_watts",
            "power1_cap_max",
            self.told(|reading| reading.limit_max_watts),
            findings,
        );
    }

    fn limit(
        &self,
        field: &str,
        file: &str,
        tool: Option<Told<f64>>,
        findings: &mut Findings,
    ) -> Option<f64> {
        let field = format!("power.{field}");
        let limit = self.hwmon(|hwmon| hwmon.limit_watts(file));
        if self.integrated && limit.as_ref().is_err_and(Untold::is_missing) {
            findings.none(field, "amdgpu: the processor's limit holds, the GPU has none of its own");
            return None;
        }
        learn(findings, &field, limit, tool)
    }

    fn clocks(&self, findings: &mut Findings) -> Clocks {
        let (core, memory) = (self.levels("pp_dpm_sclk"), self.levels("pp_dpm_mclk"));
        let now = |sensor: &str, levels: &Result<Told<Levels>, Untold>| {
            self.hwmon(|hwmon| hwmon.megahertz(sensor))
                .or_else(|untold| part(levels, |l| l.now).ok_or(untold))
        };
        let best = |levels: Result<Told<Levels>, Untold>| {
            levels.and_then(|told| {
                let missing = Untold::Malformed(told.source.clone());
                told.value.best.map(|best| Told::by(told.source, best)).ok_or(missing)
            })
        };
        let (core_now, memory_now) = (now("freq1_input", &core), now("freq2_input", &memory));
        let mut learn =
            |field: &str, first, second| learn(findings, &format!("clocks.{field}"), first, second);
        Clocks {
            core_mhz: learn("core_mhz", core_now, self.told(|r| r.core_mhz)),
            core_max_mhz: learn("core_max_mhz", best(core), self.told(|r| r.core_max_mhz)),
            memory_mhz: learn("memory_mhz", memory_now, self.told(|r| r.memory_mhz)),
            memory_max_mhz: learn("memory_max_mhz", best(memory), self.told(|r| r.memory_max_mhz)),
        }
    }

    fn levels(&self, file: &str) -> Result<Told<Levels>, Untold> {
        let path = self.function()?.file(file);
        Ok(Told::by(shown(&path), Levels::parse(&self.root.read(&path)?)))
    }

    fn hwmon<T>(&self, ask: impl Fn(&Hwmon) -> Result<Told<T>, Untold>) -> Result<Told<T>, Untold> {
        ask(&Hwmon::of(self.root, self.function()?)?)
    }

    fn function(&self) -> Result<&Function, Untold> {
        self.function.ok_or(Untold::Elsewhere("the tool that shows this GPU does not tell it"))
    }

    fn told<T>(&self, field: impl FnOnce(&Reading) -> Option<T>) -> Option<Told<T>> {
        let reading = self.reading?;
        Some(Told::by(reading.source, field(reading)?))
    }
}

fn part(levels: &Result<Told<Levels>, Untold>, of: impl FnOnce(&Levels) -> Option<u32>) -> Option<Told<u32>> {
    let told = levels.as_ref().ok()?;
    Some(Told::by(told.source.clone(), of(&told.value)?))
}

/// Why the clocks are held back.
pub fn throttling(gpu: &mut Accelerator, metrics: Option<(Metrics, &str)>, findings: &mut Findings) {
    const FIELD: &str = "throttling";
    match metrics.and_then(|(metrics, path)| Some((metrics.throttling()?, path))) {
        Some((reasons, path)) => {
            findings.known(FIELD, shown(path));
            gpu.throttling = Some(reasons);
        }
        None => findings
            .unknown(FIELD, "for this GPU they are not told, or in a form that edgeorch does not read"),
    }
}
