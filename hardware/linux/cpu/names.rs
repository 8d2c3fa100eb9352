//! Maker and model of the CPU, by what each architecture's `/proc/cpuinfo` gives: words, or numbers that tables resolve
//! (`arm.yaml`, `names.yaml`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::arm::{self, ArmError};
use super::cpuinfo::CpuInfo;
use crate::Root;
use crate::findings::{Findings, Unprintable, printable};
use crate::linux::device_tree;
use edgeorch_engines::chain;

const CPUINFO: &str = "/proc/cpuinfo";

/// A name and the line that it comes from.
type Named = (String, String);

pub fn vendor(info: &CpuInfo, findings: &mut Findings) -> Option<String> {
    told("cpu.vendor", vendor_of(info), findings)
}

/// The device tree names the cores where `/proc/cpuinfo` does not, or by a number that no table has.
pub fn model(root: &Root, info: &CpuInfo, findings: &mut Findings) -> Option<String> {
    let named = model_of(info).or_else(|error| device_tree::cores(root).ok_or(error));
    told("cpu.model", named, findings)
}

fn told(field: &str, named: Result<Named, NameError>, findings: &mut Findings) -> Option<String> {
    match named {
        Ok((name, source)) => {
            findings.known(field, source);
            Some(name)
        }
        Err(error) => {
            findings.unknown(field, chain(&error));
            None
        }
    }
}

fn vendor_of(info: &CpuInfo) -> Result<Named, NameError> {
    if let Some(told) = info.first("vendor_id") {
        return line("vendor_id", told);
    }
    if let Some(known) = arm::vendor(info) {
        return Ok((known?, by("CPU implementer")));
    }
    if let Some(number) = info.first("mvendorid") {
        return listed(&NAMES.riscv_vendors, "mvendorid", number);
    }
    if power_version(info).is_some() {
        return Ok(("IBM".to_owned(), by("pvr")));
    }
    match info.first("CPU Family") {
        Some(family) => listed(&NAMES.loongarch_vendors, "CPU Family", family),
        None => Err(NameError::Silent),
    }
}

/// The numbers before the kernel's own words: on Arm those are `ARMv7 Processor rev 4 (v7l)`, for any core.
fn model_of(info: &CpuInfo) -> Result<Named, NameError> {
    if let Some(known) = arm::model(info) {
        return Ok((known?, by("CPU part")));
    }
    if let Some(version) = power_version(info)
        && let Some(name) = NAMES.power.get(version)
    {
        return Ok((name.clone(), by("pvr")));
    }
    if let Some(machine) = mainframe(info) {
        return listed(&NAMES.z, "machine", machine);
    }
    // `-`: what some firmware leaves there.
    let told = ["model name", "Model Name", "uarch", "cpu", "Processor"];
    let told = told.into_iter().find_map(|key| Some((key, info.first(key).filter(|name| *name != "-")?)));
    let (key, name) = told.ok_or(NameError::Silent)?;
    line(key, name)
}

fn line(key: &str, value: &str) -> Result<Named, NameError> {
    Ok((printable(value)?, by(key)))
}

fn by(key: &str) -> String {
    format!("{key} in {CPUINFO}")
}

fn listed(table: &BTreeMap<String, String>, key: &'static str, number: &str) -> Result<Named, NameError> {
    match table.get(number) {
        Some(name) => Ok((name.clone(), by(key))),
        None => Err(NameError::Unlisted { key, number: printable(number)? }),
    }
}

/// `004e` out of `2.1 (pvr 004e 1201)`.
fn power_version<'a>(info: &CpuInfo<'a>) -> Option<&'a str> {
    info.first("revision")?.split_once("(pvr ")?.1.split_whitespace().next()
}

/// Old kernels write one line per CPU, `processor 0: version = FF, identification = …, machine = 8561`.
fn mainframe<'a>(info: &CpuInfo<'a>) -> Option<&'a str> {
    if info.first("vendor_id")? != "IBM/S390" {
        return None;
    }
    let old = || info.first("processor 0")?.rsplit_once("machine = ").map(|(_, machine)| machine.trim());
    old().or_else(|| info.first("machine"))
}

static NAMES: LazyLock<Names> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("names.yaml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    riscv_vendors: BTreeMap<String, String>,
    power: BTreeMap<String, String>,
    z: BTreeMap<String, String>,
    loongarch_vendors: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum NameError {
    #[error("/proc/cpuinfo does not say")]
    Silent,
    #[error("{key} {number} is not in edgeorch's table")]
    Unlisted { key: &'static str, number: String },
    #[error(transparent)]
    Arm(#[from] ArmError),
    #[error(transparent)]
    Unprintable(#[from] Unprintable),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> (Option<String>, Option<String>) {
        let info = CpuInfo::parse(text);
        let name = |named: Result<Named, NameError>| named.ok().map(|(name, _)| name);
        (name(vendor_of(&info)), name(model_of(&info)))
    }

    fn both(vendor: &str, model: &str) -> (Option<String>, Option<String>) {
        (Some(vendor.to_owned()), Some(model.to_owned()))
    }

    #[test]
    fn the_table_is_well_formed() {
        assert!(NAMES.power.len() > 6 && NAMES.z.len() > 6, "names.yaml was not read");
        assert!(NAMES.power.keys().all(|pvr| pvr.len() == 4), "as the kernel prints it");
    }

    #[test]
    fn each_architecture_is_named_in_its_own_way() {
        let riscv = "processor: 0\nisa: rv64imafdc\nuarch: sifive,u74-mc\nmvendorid: 0x489\n";
        assert_eq!(names(riscv), both("SiFive", "sifive,u74-mc"));
        let loongarch = "processor: 0\nCPU Family: Loongson-64bit\nModel Name: Loongson-3A5000-HV\n";
        assert_eq!(names(loongarch), both("Loongson", "Loongson-3A5000-HV"));
        let power = "processor: 0\ncpu: POWER9, altivec supported\nrevision: 2.1 (pvr 004e 1201)\n";
        assert_eq!(names(power), both("IBM", "POWER9"));
        let z = "vendor_id: IBM/S390\nprocessor 0: version = FF,  identification = 000000,  machine = 3931\n";
        assert_eq!(names(z), both("IBM/S390", "z16"));
        let z = "vendor_id: IBM/S390\n\ncpu number: 0\nversion: FF\nmachine: 8561\n";
        assert_eq!(names(z), both("IBM/S390", "z15"));
    }

    #[test]
    fn what_no_table_has_is_unknown_with_its_number() {
        let info = CpuInfo::parse("processor: 0\nmvendorid: 0x7ff\nuarch: -\n");
        assert_eq!(vendor_of(&info).unwrap_err().to_string(), "mvendorid 0x7ff is not in edgeorch's table");
        assert_eq!(model_of(&info), Err(NameError::Silent));
    }

    #[test]
    fn a_brand_string_with_escape_sequences_is_unknown_and_hides_nothing_else() {
        let mut findings = Findings::default();
        let info = CpuInfo::parse("processor: 0\nvendor_id: GenuineIntel\nmodel name: \u{1b}[2J\n");
        assert_eq!(model(&Root::of(crate::Tree::default()), &info, &mut findings), None);
        assert_eq!(vendor(&info, &mut findings).as_deref(), Some("GenuineIntel"));
        assert_eq!(findings.unknown_fields(), ["cpu.model"]);
        assert_eq!(findings.source("cpu.vendor"), Some("vendor_id in /proc/cpuinfo"));
    }
}
