//! Names of Arm CPUs, whose kernel prints numbers instead. The numbers are data: `arm.yaml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::cpuinfo::CpuInfo;

/// By implementer number. A test proves that the file is well-formed.
static IMPLEMENTERS: LazyLock<BTreeMap<String, Implementer>> =
    LazyLock::new(|| serde_saphyr::from_str(include_str!("arm.yaml")).unwrap_or_default());

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Implementer {
    name: String,
    parts: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArmError {
    #[error("Arm implementer {0} is not in edgeorch's table")]
    Implementer(String),
    #[error("part {part} of Arm implementer {implementer} is not in edgeorch's table")]
    Part { implementer: String, part: String },
}

/// The vendor by its number; `None` if the file gives no such number, as on other architectures.
pub fn vendor(info: &CpuInfo) -> Option<Result<String, ArmError>> {
    let number = info.first("CPU implementer")?;
    Some(match IMPLEMENTERS.get(number) {
        Some(implementer) => Ok(implementer.name.clone()),
        None => Err(ArmError::Implementer(number.to_owned())),
    })
}

/// The kinds of core, in the file's order, with their counts where they differ: `Cortex-A55 ×4, Cortex-A76 ×4`.
pub fn model(info: &CpuInfo) -> Option<Result<String, ArmError>> {
    let mut kinds: Vec<(String, u32)> = Vec::new();
    for (implementer, part) in info.pairs("CPU implementer", "CPU part") {
        let name = match part_name(implementer, part) {
            Ok(name) => name,
            Err(error) => return Some(Err(error)),
        };
        match kinds.iter_mut().find(|(kind, _)| *kind == name) {
            Some((_, count)) => *count += 1,
            None => kinds.push((name, 1)),
        }
    }
    let text = match kinds.as_slice() {
        [] => return None,
        [(only, _)] => only.clone(),
        several => several.iter().map(|(name, n)| format!("{name} ×{n}")).collect::<Vec<_>>().join(", "),
    };
    Some(Ok(text))
}

/// What a core calls itself by its numbers: the numbers, and the name that the table has for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub numbers: String,
    pub name: Result<String, ArmError>,
}

/// The core of each processor, by the processor's number. Old kernels name one for all of them.
pub fn parts(info: &CpuInfo) -> Vec<(u32, Part)> {
    let part = |implementer: &str, part: &str| Part {
        numbers: format!("{implementer} {part}"),
        name: part_name(implementer, part),
    };
    let own: Vec<(u32, Part)> = info
        .processors()
        .filter_map(|fields| {
            let number = fields.get("processor")?.parse().ok()?;
            Some((number, part(fields.get("CPU implementer")?, fields.get("CPU part")?)))
        })
        .collect();
    let common = info.pairs("CPU implementer", "CPU part").next();
    match common {
        Some((implementer, number)) if own.is_empty() => {
            let processors = info.values("processor").filter_map(|processor| processor.parse().ok());
            processors.map(|processor| (processor, part(implementer, number))).collect()
        }
        _ => own,
    }
}

fn part_name(implementer: &str, part: &str) -> Result<String, ArmError> {
    let entry = IMPLEMENTERS.get(implementer).ok_or_else(|| ArmError::Implementer(implementer.to_owned()))?;
    entry
        .parts
        .get(part)
        .cloned()
        .ok_or_else(|| ArmError::Part { implementer: implementer.to_owned(), part: part.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores(parts: &[(&str, &str)]) -> String {
        let section = |(i, (implementer, part)): (usize, &(&str, &str))| {
            format!("processor: {i}\nCPU implementer: {implementer}\nCPU part: {part}\n\n")
        };
        parts.iter().enumerate().map(section).collect()
    }

    #[test]
    fn the_table_is_well_formed() {
        assert!(IMPLEMENTERS.len() > 8, "arm.yaml was not read");
        for (number, implementer) in IMPLEMENTERS.iter() {
            assert!(number.starts_with("0x") && !implementer.name.is_empty(), "{number}");
            for part in implementer.parts.keys() {
                assert!(
                    part.len() == 5 && part.starts_with("0x"),
                    "{number} {part}: as the kernel prints it"
                );
            }
        }
    }

    #[test]
    fn one_kind_of_core_is_named_and_several_are_counted() {
        let same = cores(&[("0x41", "0xd0b"), ("0x41", "0xd0b")]);
        assert_eq!(model(&CpuInfo::parse(&same)), Some(Ok("Cortex-A76".into())));
        let mixed = cores(&[("0x41", "0xd05"), ("0x41", "0xd0b"), ("0x41", "0xd05")]);
        assert_eq!(model(&CpuInfo::parse(&mixed)), Some(Ok("Cortex-A55 ×2, Cortex-A76 ×1".into())));
    }

    #[test]
    fn an_unlisted_part_is_unknown_and_not_guessed() {
        let text = cores(&[("0x41", "0xd0b"), ("0x41", "0xfff")]);
        let error = model(&CpuInfo::parse(&text)).unwrap().unwrap_err();
        assert_eq!(error.to_string(), "part 0xfff of Arm implementer 0x41 is not in edgeorch's table");
        assert_eq!(vendor(&CpuInfo::parse(&text)), Some(Ok("Arm".into())));
        assert_eq!(vendor(&CpuInfo::parse("processor: 0\n")), None);
    }
}
