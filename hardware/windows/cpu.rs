//! The processor as Windows' CIM classes tell it, and what only a call could tell.

use edgeorch_engines::contract::{Architecture, Cpu};

use super::isa;
use super::powershell::{Answer, FieldError, Row};
use crate::findings::{Findings, printable};
use crate::root::Root;

const CLASS: &str = "Win32_Processor";

pub fn probe(root: &Root, answer: &Answer, findings: &mut Findings) -> Cpu {
    untold(findings);
    let processors = match answer.rows("processors") {
        Ok(rows) if !rows.is_empty() => rows,
        Ok(_) => return nothing(root, "Windows lists no processor", findings),
        Err(error) => return nothing(root, &error.to_string(), findings),
    };
    let first = processors[0];
    let vendor = findings.take("cpu.vendor", first.text("Manufacturer"));
    let model = findings.take("cpu.model", first.text("Name"));
    findings.known("cpu.sockets", format_args!("{CLASS}, one for each"));
    let logical_cores = sum(findings, "cpu.logical_cores", &processors, "NumberOfLogicalProcessors");
    let architecture = architecture(root, &first, findings);
    Cpu {
        architecture,
        vendor: vendor.and_then(|text| {
            findings.learn("cpu.vendor", format_args!("{CLASS}.Manufacturer"), printable(text))
        }),
        model: model
            .and_then(|text| findings.learn("cpu.model", format_args!("{CLASS}.Name"), printable(text))),
        sockets: u32::try_from(processors.len()).ok(),
        physical_cores: sum(findings, "cpu.physical_cores", &processors, "NumberOfCores"),
        logical_cores,
        usable_cores: usable(root, logical_cores, findings),
        core_kinds: Vec::new(),
        isa: isa::probe(root, architecture, answer, findings),
        caches: Vec::new(),
        numa_nodes: Vec::new(),
    }
}

pub fn without_powershell(root: &Root, why: &str, findings: &mut Findings) -> Cpu {
    untold(findings);
    nothing(root, why, findings)
}

/// What no class and no registry key tells.
fn untold(findings: &mut Findings) {
    let call = "Windows tells it to a call that edgeorch does not make";
    for (field, reason) in [
        ("cpu.core_kinds", format!("which cores are fast and which sparing: {call}")),
        ("cpu.caches", format!("Windows' classes give sums of each level only: {call}")),
        ("cpu.numa_nodes", call.to_owned()),
    ] {
        findings.unknown(field, reason);
    }
}

fn nothing(root: &Root, why: &str, findings: &mut Findings) -> Cpu {
    for field in ["vendor", "model", "sockets", "physical_cores", "logical_cores"] {
        findings.unknown(format!("cpu.{field}"), why);
    }
    let architecture = not_told(root, why, findings);
    Cpu {
        architecture,
        vendor: None,
        model: None,
        sockets: None,
        physical_cores: None,
        logical_cores: None,
        usable_cores: usable(root, None, findings),
        core_kinds: Vec::new(),
        isa: isa::probe_without_registry(root, architecture, why, findings),
        caches: Vec::new(),
        numa_nodes: Vec::new(),
    }
}

/// The numbers of `Win32_Processor.Architecture`, which are those of the processor even where the program is emulated.
fn architecture(root: &Root, processor: &Row<'_>, findings: &mut Findings) -> Architecture {
    let told = match processor.number("Architecture") {
        Ok(number) => number,
        Err(error) => return not_told(root, &error.to_string(), findings),
    };
    findings.known("cpu.architecture", format_args!("{CLASS}.Architecture"));
    match told {
        9 => Architecture::X86_64,
        12 => Architecture::Aarch64,
        5 => Architecture::Armv7,
        _ => Architecture::Other,
    }
}

fn not_told(root: &Root, why: &str, findings: &mut Findings) -> Architecture {
    if root.is_live() {
        findings.known("cpu.architecture", "the system that edgeorch was built for");
        return match std::env::consts::ARCH {
            "x86_64" => Architecture::X86_64,
            "aarch64" => Architecture::Aarch64,
            _ => Architecture::Other,
        };
    }
    findings.unknown("cpu.architecture", why);
    findings.known("cpu.architecture", "not told: `other` stands for that");
    Architecture::Other
}

/// Over all sockets; a sum of which a part is missing is none.
fn sum(findings: &mut Findings, field: &str, processors: &[Row<'_>], of: &'static str) -> Option<u32> {
    let add = |sum: u32, row: &Row<'_>| row.small(of).map(|count| sum.saturating_add(count));
    let sum: Result<u32, FieldError> = processors.iter().try_fold(0, add);
    let sum = findings
        .take(field, sum.and_then(|sum| if sum > 0 { Ok(sum) } else { Err(FieldError::Absent(of)) }))?;
    findings.known(field, format_args!("{CLASS}.{of}"));
    Some(sum)
}

/// Affinity and processor groups are in the standard library's answer.
fn usable(root: &Root, logical: Option<u32>, findings: &mut Findings) -> u32 {
    const FIELD: &str = "cpu.usable_cores";
    let ask = || std::thread::available_parallelism().ok().and_then(|count| u32::try_from(count.get()).ok());
    match (root.answer("available-parallelism", ask), logical) {
        (Ok(Some(count)), _) => {
            findings.known(FIELD, "the affinity of this process");
            count.max(1)
        }
        (_, Some(count)) => {
            findings.known(FIELD, format_args!("{CLASS}.NumberOfLogicalProcessors: no affinity was told"));
            count
        }
        (_, None) => {
            findings.unknown(FIELD, "neither an affinity nor a number of processors was told");
            findings.known(FIELD, "a process that runs has one");
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Tree;

    fn cpu(json: &str) -> (Cpu, Findings) {
        let mut findings = Findings::default();
        let cpu = probe(&Root::of(Tree::default()), &Answer::parse(json).unwrap(), &mut findings);
        (cpu, findings)
    }

    #[test]
    fn two_sockets_are_added_up() {
        let socket = r#"{"Name": "AMD EPYC 9354 32-Core Processor", "Manufacturer": "AuthenticAMD",
            "Architecture": 9, "NumberOfCores": 32, "NumberOfLogicalProcessors": "64"}"#;
        let (cpu, _) = cpu(&format!(r#"{{"processors": [{socket}, {socket}], "registers": null}}"#));
        assert_eq!((cpu.sockets, cpu.physical_cores, cpu.logical_cores), (Some(2), Some(64), Some(128)));
        assert_eq!((cpu.architecture, cpu.usable_cores), (Architecture::X86_64, 128));
    }

    #[test]
    fn a_half_told_sum_is_unknown() {
        let (cpu, findings) =
            cpu(r#"{"processors": [{"NumberOfCores": 4, "Architecture": 9}, {"NumberOfCores": null}]}"#);
        assert_eq!((cpu.physical_cores, cpu.usable_cores), (None, 1));
        assert!(findings.unknown_fields().contains(&"cpu.physical_cores"));
    }
}
