//! Engines, container engines and driver libraries on the machine.
//!
//! First everything is found by looking at folders; then what must be asked for its version is started, all at once, each
//! with its own time limit. Nothing is imported, nothing is asked over a network, and no daemon is started. What to look for
//! is data: `engines.yaml` and `libraries.yaml`.

mod ask;
mod backends;
mod cdi;
mod containers;
mod docker;
mod engines;
mod found;
mod installed;
mod libraries;
mod packages;
mod python;
mod search;
mod table;

use edgeorch_engines::contract::host::Software;

use crate::Root;
use crate::findings::Findings;

use found::number;
use search::Search;

/// `models` is where edgeorch keeps models: what it installed lies beside that folder.
pub fn probe(root: &Root, models: &str, findings: &mut Findings) -> Software {
    let search = match Search::of(root) {
        Ok(search) => search,
        Err(error) => {
            findings.unknown("software", edgeorch_engines::chain(&error));
            return Software { libraries: libraries::probe(root, findings), ..Software::default() };
        }
    };
    let programs = engines::begin(root, &search);
    let containers = containers::begin(root, &search);
    let python = python::begin(root, &search);

    let mut engines = installed::probe(root, models);
    let libraries = libraries::probe(root, findings);
    engines.extend(packages::probe(root, &search));
    engines.extend(programs.finish());
    findings.known("software.engines", "the search path, Python environments and edgeorch's home");
    findings.known("software.containers", "the search path");
    Software {
        engines: number("software.engines", engines, findings),
        containers: number("software.containers", containers.finish(root), findings),
        python: python.finish(findings),
        libraries,
    }
}

#[cfg(test)]
mod tests;
