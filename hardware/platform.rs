//! What each platform tells in its own way. The functions are the same everywhere and compiled everywhere, so that any
//! machine can audit the capture of any other.

use edgeorch_engines::contract::OsFamily;
use edgeorch_engines::contract::host::{Cpu, Machine, Memory, Os, Power, Storage, Thermal};

use crate::findings::Findings;
use crate::{Root, android, linux, macos, windows};

/// The parts that no audit can do without.
pub struct System {
    pub machine: Machine,
    pub os: Os,
    pub cpu: Cpu,
    pub memory: Memory,
}

/// How one platform is asked. Fields of the findings are those of the host.
pub struct Platform {
    pub system: fn(&Root, &mut Findings) -> System,
    pub power: fn(&Root, &mut Findings) -> (Power, Thermal),
    /// Of the storage that holds the folder: an absolute path of the audited machine, which need not exist yet.
    pub storage: fn(&Root, folder: &str, &mut Findings) -> Storage,
}

pub fn of(family: OsFamily) -> Platform {
    match family {
        OsFamily::Linux => Platform { system: linux::system, power: linux::power, storage: linux::storage },
        OsFamily::Android => {
            Platform { system: android::system, power: android::power, storage: linux::storage }
        }
        OsFamily::Macos => Platform { system: macos::system, power: macos::power, storage: macos::storage },
        OsFamily::Windows => {
            Platform { system: windows::system, power: windows::power, storage: windows::storage }
        }
    }
}
