//! What is written beside an installation, last of all: a folder without it is none.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use edgeorch_engines::{Cpu, Isa};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    /// The manifest's name of the source.
    pub source: String,
    /// The package or archive, with its version.
    pub from: String,
    pub sha256: String,
    /// Relative to the receipt's folder.
    pub program: PathBuf,
    #[serde(default)]
    pub libraries: Option<PathBuf>,
    /// Instruction sets that it uses without asking the CPU: a home may be carried to another machine.
    #[serde(default)]
    pub isa: BTreeSet<Isa>,
    /// The CPU that it was built on, where it was built for exactly that one.
    #[serde(default)]
    pub cpu: Option<String>,
}

impl Receipt {
    const NAME: &str = "installed.json";

    pub fn read(folder: &Path) -> io::Result<Receipt> {
        Ok(serde_json::from_slice(&std::fs::read(folder.join(Receipt::NAME))?)?)
    }

    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::write(folder.join(Receipt::NAME), serde_json::to_vec_pretty(self)?)
    }

    /// Why it can't be used on this CPU, if it can't. Where a CPU tells no instruction sets, nothing is known against it.
    pub fn obstacle(&self, cpu: &Cpu) -> Option<String> {
        let missing: Vec<String> = self.isa.difference(&cpu.isa).map(ToString::to_string).collect();
        if missing.is_empty() || cpu.isa.is_empty() {
            return None;
        }
        let built_on =
            self.cpu.as_ref().map_or(String::new(), |cpu| format!(", like the {cpu} it was built on"));
        Some(format!("it was made for CPUs with {}{built_on}, which this one lacks", missing.join(", ")))
    }
}
