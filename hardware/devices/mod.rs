//! The table of devices: figures of makers and databases for what can't be measured, found by identity alone.
//!
//! The data and its rules are in `*.yaml` and `README.md` beside this file. Nothing here looks at a product's name.

mod table;
mod weight_types;

use edgeorch_engines::contract::Host;
use edgeorch_engines::contract::host::Accelerator;

use crate::findings::Findings;

/// Fills each accelerator's nominal figures and weight types.
pub fn complete(host: &mut Host, findings: &mut Findings) {
    for (i, accelerator) in host.accelerators.iter_mut().enumerate() {
        let field = |name: &str| format!("accelerators[{i}].{name}");
        let identity = Identity { accelerator, compatible: &host.machine.compatible };
        let (nominal, weight_types) = (table::find(&identity), weight_types::find(&identity));
        match nominal {
            Some(entry) => {
                findings
                    .known(field("nominal"), format_args!("edgeorch's table of devices: {}", entry.source));
                for (name, figure) in entry.figures() {
                    if figure.is_none() {
                        findings.unknown(
                            field(&format!("nominal.{name}")),
                            "the table has no figure for it whose source is known",
                        );
                    }
                }
                if entry.laptop.is_none() {
                    findings.none(field("nominal.laptop"), "one part for both, or a part of another kind");
                }
                accelerator.nominal = Some(entry.nominal());
            }
            None => findings.unknown(field("nominal"), "edgeorch's table has no device of this identity"),
        }
        match weight_types {
            Some((types, sources)) => {
                findings.known(field("weight_types"), sources);
                accelerator.weight_types = Some(types);
            }
            None => findings.unknown(
                field("weight_types"),
                "edgeorch's table says nothing about this interface and architecture",
            ),
        }
    }
}

/// Whether a GPU works in the memory of its processor, by `vendor:device`; `None` for one that the table does not have.
pub fn shares_main_memory(id: &str) -> Option<bool> {
    table::is_integrated(id)
}

/// By what a device is found: never by its name.
struct Identity<'a> {
    accelerator: &'a Accelerator,
    /// The machine's device-tree strings: parts of a chip have no identity of their own.
    compatible: &'a [String],
}

impl Identity<'_> {
    /// `10de:2684`.
    fn pci(&self) -> Option<String> {
        let pci = self.accelerator.pci.as_ref()?;
        Some(format!("{}:{}", pci.vendor_id, pci.device_id))
    }

    fn is_one_of(&self, ids: &[String]) -> bool {
        self.pci().is_some_and(|id| ids.contains(&id))
    }

    /// Only a part of the chip is what the machine's own strings tell of; a card in its slot is not.
    fn is_part_of(&self, compatible: &[String]) -> bool {
        self.accelerator.pci.is_none() && self.compatible.iter().any(|string| compatible.contains(string))
    }
}

#[cfg(test)]
mod tests;
