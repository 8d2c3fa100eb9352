//! Main memory and page files of a Windows machine.

use edgeorch_engines::contract::Bytes;
use edgeorch_engines::contract::host::{Memory, Swap, SwapKind};

use super::powershell::{Answer, FieldError, Row};
use crate::findings::{Findings, printable};

pub fn probe(answer: &Answer, findings: &mut Findings) -> Memory {
    findings
        .none("memory.huge_pages", "Windows sets no large pages aside: programs ask for them when they run");
    findings.unknown("memory.limit", "a job may limit a process, and only the process itself can ask for it");
    let swap = swap(answer, findings);
    let row = match answer.row("os") {
        Ok(row) => row,
        Err(error) => {
            for field in ["memory.total", "memory.available"] {
                findings.unknown(field, &error);
            }
            return Memory { swap, ..Memory::default() };
        }
    };
    let mut size = |field: &str, name: &'static str| {
        findings.learn(field, format_args!("Win32_OperatingSystem.{name}"), kibibytes(&row, name))
    };
    Memory {
        total: size("memory.total", "TotalVisibleMemorySize"),
        // Windows counts what it can drop at once (its standby list) as free here.
        available: size("memory.available", "FreePhysicalMemory"),
        swap,
        ..Memory::default()
    }
}

fn kibibytes(row: &Row<'_>, field: &'static str) -> Result<Bytes, FieldError> {
    scaled(row, field, Bytes::KIB)
}

fn scaled(row: &Row<'_>, field: &'static str, unit: u64) -> Result<Bytes, FieldError> {
    row.number(field)?.checked_mul(unit).map(Bytes).ok_or(FieldError::NotANumber(field))
}

fn swap(answer: &Answer, findings: &mut Findings) -> Vec<Swap> {
    const FIELD: &str = "memory.swap";
    let rows = match answer.rows("pagefiles") {
        Ok(rows) => rows,
        Err(error) => {
            findings.unknown(FIELD, error);
            return Vec::new();
        }
    };
    let read = |row: &Row<'_>| -> Result<Swap, SwapError> {
        Ok(Swap {
            device: printable(row.text("Name")?)?,
            kind: SwapKind::File,
            size: scaled(row, "AllocatedBaseSize", Bytes::MIB)?,
            used: scaled(row, "CurrentUsage", Bytes::MIB)?,
            storage: None,
        })
    };
    findings.known(FIELD, "Win32_PageFileUsage");
    let swap: Vec<Swap> = rows.iter().filter_map(|row| findings.take(FIELD, read(row))).collect();
    for i in 0..swap.len() {
        findings.unknown(format!("{FIELD}[{i}].storage"), "what its drive is made of was not asked");
    }
    swap
}

#[derive(Debug, thiserror::Error)]
enum SwapError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Name(#[from] crate::findings::Unprintable),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(json: &str) -> (Memory, Findings) {
        let mut findings = Findings::default();
        let memory = probe(&Answer::parse(json).unwrap(), &mut findings);
        (memory, findings)
    }

    #[test]
    fn sizes_come_in_two_units() {
        let (memory, _) = memory(
            r#"{"os": {"TotalVisibleMemorySize": 33331404, "FreePhysicalMemory": "21504812"},
                "pagefiles": {"Name": "C:\\pagefile.sys", "AllocatedBaseSize": 2048, "CurrentUsage": 17}}"#,
        );
        assert_eq!(memory.total, Some(Bytes(33_331_404 << 10)));
        assert_eq!(memory.available, Some(Bytes(21_504_812 << 10)));
        assert_eq!((memory.swap[0].size, memory.swap[0].used), (Bytes::gib(2), Bytes::mib(17)));
    }

    #[test]
    fn numbers_too_large_are_unknown_and_no_page_file_is_a_fact() {
        let (memory, findings) = memory(
            r#"{"os": {"TotalVisibleMemorySize": 18446744073709551615, "FreePhysicalMemory": null}, "pagefiles": null}"#,
        );
        assert_eq!((memory.total, memory.available, memory.swap), (None, None, vec![]));
        assert_eq!(findings.unknown_fields(), ["memory.limit", "memory.total", "memory.available"]);
        assert_eq!(findings.source("memory.swap"), Some("Win32_PageFileUsage"));
    }
}
