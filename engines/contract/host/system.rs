//! What kind of machine this is, and its operating system.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// `Dell Inc.`, `Raspberry Pi`.
    pub vendor: Option<String>,
    /// `XPS 15 9520`, `Raspberry Pi 5 Model B Rev 1.0`.
    pub model: Option<String>,
    /// What this process runs in; a container on a laptop is a container.
    pub kind: Option<MachineKind>,
    /// What lies between this process and the hardware, outermost first: `kvm`, `wsl`, `docker`. Empty on bare metal.
    pub virtualization: Vec<String>,
    /// The device tree's `compatible` list, most specific first: `raspberrypi,5-model-b`. Empty where there is none.
    pub compatible: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MachineKind {
    Workstation,
    Laptop,
    Server,
    SingleBoard,
    Phone,
    VirtualMachine,
    Container,
    Wsl,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Os {
    /// `Debian GNU/Linux 12 (bookworm)`, `macOS`, `Microsoft Windows 11 Pro`.
    pub name: Option<String>,
    /// `12`, `15.5`, `10.0.26100`; null with a source where the system has none (rolling distributions).
    pub version: Option<String>,
    pub family: OsFamily,
    /// Kernel release, such as `6.8.0-45-generic`.
    pub kernel: Option<String>,
    /// `glibc 2.36`, `musl`; decides which prebuilt engines can run.
    pub libc: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OsFamily {
    Linux,
    Android,
    Macos,
    Windows,
}

impl OsFamily {
    pub const ALL: [OsFamily; 4] = [OsFamily::Linux, OsFamily::Android, OsFamily::Macos, OsFamily::Windows];

    /// As in JSON, and as Rust's standard library calls it.
    pub fn name(self) -> &'static str {
        match self {
            OsFamily::Linux => "linux",
            OsFamily::Android => "android",
            OsFamily::Macos => "macos",
            OsFamily::Windows => "windows",
        }
    }

    pub fn by_name(name: &str) -> Option<OsFamily> {
        OsFamily::ALL.into_iter().find(|family| family.name() == name)
    }
}

impl fmt::Display for OsFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
