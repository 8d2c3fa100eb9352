//! Maker, model and kind of a Windows machine. What numbers and names mean is data: `machine.yaml`.

use std::sync::LazyLock;

use edgeorch_engines::contract::host::{Machine, MachineKind};
use serde::Deserialize;

use super::powershell::{Answer, ClassError, FieldError, Row};
use crate::findings::{Findings, Unprintable, printable};

/// A test proves that the file is well-formed.
static MEANINGS: LazyLock<Meanings> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("machine.yaml")).unwrap_or_default());

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Meanings {
    virtual_machines: Vec<VirtualMachine>,
    chassis: Kinds,
    system_types: Kinds,
    no_names: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VirtualMachine {
    vendor: String,
    models: Vec<String>,
    hypervisor: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kinds {
    laptop: Vec<u64>,
    workstation: Vec<u64>,
    server: Vec<u64>,
}

impl Kinds {
    fn of(&self, number: u64) -> Option<MachineKind> {
        let kinds = [
            (&self.laptop, MachineKind::Laptop),
            (&self.workstation, MachineKind::Workstation),
            (&self.server, MachineKind::Server),
        ];
        kinds.into_iter().find(|(numbers, _)| numbers.contains(&number)).map(|(_, kind)| kind)
    }
}

pub fn probe(answer: &Answer, findings: &mut Findings) -> Machine {
    // Windows keeps no device tree, not on Arm either.
    findings.none("machine.compatible", "Windows machines have no device tree");
    let computer = match answer.row("computer") {
        Ok(computer) => computer,
        Err(error) => {
            for field in ["machine.vendor", "machine.model", "machine.kind", "machine.virtualization"] {
                findings.unknown(field, &error);
            }
            return Machine::default();
        }
    };
    let board = answer.row("board");
    let vendor = name(findings, "machine.vendor", &computer, "Manufacturer", &board, "Manufacturer");
    let model = name(findings, "machine.model", &computer, model_field(&computer), &board, "Product");
    let virtualization = virtualization(answer, &computer, findings);
    let kind = kind(answer, &computer, &virtualization, findings);
    Machine { vendor, model, kind, virtualization, compatible: Vec::new() }
}

/// Lenovo's models are order numbers; what its customers call the machine is the family.
fn model_field(computer: &Row<'_>) -> &'static str {
    let named =
        computer.text("SystemFamily").is_ok_and(|family| !MEANINGS.no_names.iter().any(|no| no == family));
    if computer.text("Manufacturer") == Ok("LENOVO") && named { "SystemFamily" } else { "Model" }
}

/// The computer's name, or its board's where the computer has none: self-built ones.
fn name(
    findings: &mut Findings,
    field: &str,
    computer: &Row<'_>,
    of_computer: &'static str,
    board: &Result<Row<'_>, ClassError>,
    of_board: &'static str,
) -> Option<String> {
    match given(computer, of_computer) {
        Ok(name) => {
            findings.known(field, format_args!("Win32_ComputerSystem.{of_computer}"));
            Some(name)
        }
        Err(error) => match board.as_ref().map(|board| given(board, of_board)) {
            Ok(Ok(name)) => {
                findings.known(
                    field,
                    format_args!("Win32_BaseBoard.{of_board}: the computer itself has no name"),
                );
                Some(name)
            }
            _ => findings.take(field, Err(error)),
        },
    }
}

fn given(row: &Row<'_>, field: &'static str) -> Result<String, NameError> {
    let text = row.text(field)?;
    if MEANINGS.no_names.iter().any(|no| no == text) {
        return Err(NameError::Placeholder(text.to_owned()));
    }
    Ok(printable(text)?)
}

#[derive(Debug, thiserror::Error)]
enum NameError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Unprintable(#[from] Unprintable),
    #[error("the maker left it at `{0}`")]
    Placeholder(String),
}

fn virtualization(answer: &Answer, computer: &Row<'_>, findings: &mut Findings) -> Vec<String> {
    let (vendor, model) = (computer.text("Manufacturer"), computer.text("Model"));
    let is = |machine: &&VirtualMachine| {
        vendor == Ok(&machine.vendor)
            && (machine.models.is_empty() || machine.models.iter().any(|name| model == Ok(name)))
    };
    let hypervisor = MEANINGS.virtual_machines.iter().find(is).map(|machine| machine.hypervisor.clone());
    let container = in_container(answer).then(|| "windows-container".to_owned());
    findings.known(
        "machine.virtualization",
        "Win32_ComputerSystem.Manufacturer and Model, registry (ContainerType)",
    );
    hypervisor.into_iter().chain(container).collect()
}

/// The value exists inside containers only.
fn in_container(answer: &Answer) -> bool {
    answer.row("control").is_ok_and(|control| control.number("ContainerType").is_ok())
}

fn kind(
    answer: &Answer,
    computer: &Row<'_>,
    virtualization: &[String],
    findings: &mut Findings,
) -> Option<MachineKind> {
    const FIELD: &str = "machine.kind";
    if in_container(answer) {
        findings.known(FIELD, "registry (ContainerType)");
        return Some(MachineKind::Container);
    }
    if !virtualization.is_empty() {
        findings.known(FIELD, "Win32_ComputerSystem.Manufacturer and Model");
        return Some(MachineKind::VirtualMachine);
    }
    let chassis =
        answer.row("enclosure").map(|enclosure| enclosure.numbers("ChassisTypes")).unwrap_or_default();
    if let Some(kind) = chassis.iter().find_map(|number| MEANINGS.chassis.of(*number)) {
        findings.known(FIELD, "Win32_SystemEnclosure.ChassisTypes");
        return Some(kind);
    }
    let kind = computer.number("PCSystemType").ok().and_then(|number| MEANINGS.system_types.of(number));
    match kind {
        Some(_) => findings.known(FIELD, "Win32_ComputerSystem.PCSystemType"),
        None => findings.unknown(FIELD, "the firmware names neither a known chassis nor a power profile"),
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(json: &str) -> (Machine, Findings) {
        let mut findings = Findings::default();
        let machine = probe(&Answer::parse(json).unwrap(), &mut findings);
        (machine, findings)
    }

    #[test]
    fn the_table_is_well_formed() {
        assert!(MEANINGS.virtual_machines.len() > 5, "machine.yaml was not read");
        assert_eq!(MEANINGS.chassis.of(10), Some(MachineKind::Laptop));
        assert_eq!(MEANINGS.chassis.of(1), None);
    }

    #[test]
    fn a_self_built_machine_is_named_by_its_board() {
        let (machine, findings) = machine(
            r#"{"computer": {"Manufacturer": "ASUS", "Model": "System Product Name", "PCSystemType": 1},
                "board": {"Manufacturer": "ASUSTeK COMPUTER INC.", "Product": "TUF GAMING B650-PLUS"},
                "enclosure": {"ChassisTypes": [3]}}"#,
        );
        assert_eq!(machine.vendor.as_deref(), Some("ASUS"));
        assert_eq!(machine.model.as_deref(), Some("TUF GAMING B650-PLUS"));
        assert_eq!(machine.kind, Some(MachineKind::Workstation));
        assert!(findings.source("machine.model").unwrap().starts_with("Win32_BaseBoard"));
    }

    #[test]
    fn a_surface_is_no_virtual_machine_though_its_maker_makes_them() {
        let (surface, _) = machine(
            r#"{"computer": {"Manufacturer": "Microsoft Corporation", "Model": "Surface Pro 7", "PCSystemType": 2},
                "enclosure": {"ChassisTypes": 9}}"#,
        );
        assert_eq!((surface.kind, surface.virtualization.len()), (Some(MachineKind::Laptop), 0));
        let (guest, _) = machine(
            r#"{"computer": {"Manufacturer": "Microsoft Corporation", "Model": "Virtual Machine", "PCSystemType": 1},
                "enclosure": {"ChassisTypes": [3]}}"#,
        );
        assert_eq!(
            (guest.kind, guest.virtualization),
            (Some(MachineKind::VirtualMachine), vec!["hyper-v".into()])
        );
    }

    #[test]
    fn a_refused_class_leaves_all_four_unknown() {
        let (machine, findings) = machine(r#"{"computer": {"failed": "Access denied"}}"#);
        assert_eq!(machine, Machine::default());
        assert_eq!(findings.unknown_fields().len(), 4);
    }
}
