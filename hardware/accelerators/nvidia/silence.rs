//! Why neither NVIDIA's driver library nor its program says anything, and what helps.

use serde::{Deserialize, Serialize};

use crate::root::RunError;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    #[error("neither NVIDIA's driver library (NVML) nor nvidia-smi was found")]
    NotInstalled,
    #[error("NVIDIA's driver is not loaded")]
    NoDriver,
    #[error("NVIDIA's driver and its libraries are of different versions")]
    Mismatch,
    #[error("{asked} did not answer in time: the driver may hang")]
    Late { asked: String },
    #[error("NVIDIA's driver can't reach a GPU: {said}")]
    Lost { said: String },
    #[error("{asked} fails: {said}")]
    Failed { asked: String, said: String },
    #[error("the report of nvidia-smi can't be read: {said}")]
    Unreadable { said: String },
}

/// What helps where the driver's own words are all that is known.
pub const LOOK: &str = "run nvidia-smi to see what it says";
pub const INSTALL: &str = "install NVIDIA's driver";

impl Silence {
    pub fn remedy(&self) -> &'static str {
        match self {
            Silence::NotInstalled => {
                "install the libraries and programs of NVIDIA's driver; a container must be started with its GPUs (docker run --gpus all)"
            }
            Silence::NoDriver => "install NVIDIA's driver for this kernel, then restart the machine",
            Silence::Mismatch => "restart the machine: the driver was updated while it was in use",
            Silence::Late { .. } => {
                "look for messages of the driver (dmesg | grep -i nvrm) and restart the machine"
            }
            Silence::Lost { .. } => RESTART,
            Silence::Failed { .. } | Silence::Unreadable { .. } => LOOK,
        }
    }
}

/// What helps a GPU that fell off the bus.
pub const RESTART: &str = "restart the machine; if it happens again, check the card's power cables, its seat and its heat (dmesg | grep -i xid)";

/// What a failed `nvidia-smi` means, by the driver's own words.
impl From<RunError> for Silence {
    fn from(error: RunError) -> Silence {
        let said = match &error {
            RunError::NotFound { .. } => return Silence::NotInstalled,
            RunError::TimedOut { program } => return Silence::Late { asked: program.clone() },
            RunError::Failed { said, .. } if !said.is_empty() => said.clone(),
            _ => error.to_string(),
        };
        let says = |words: &str| said.to_ascii_lowercase().contains(words);
        if says("driver/library version mismatch") {
            Silence::Mismatch
        } else if says("couldn't communicate with the nvidia driver") || says("driver not loaded") {
            Silence::NoDriver
        } else if says("gpu is lost") || says("unable to determine the device handle") {
            Silence::Lost { said }
        } else {
            Silence::Failed { asked: "nvidia-smi".to_owned(), said }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(said: &str) -> Silence {
        let said = said.to_owned();
        RunError::Failed { program: "nvidia-smi".into(), status: "exit status: 1".into(), said }.into()
    }

    #[test]
    fn the_driver_s_words_are_understood() {
        assert_eq!(failed("Failed to initialize NVML: Driver/library version mismatch"), Silence::Mismatch);
        let unloaded = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.";
        assert_eq!(failed(unloaded), Silence::NoDriver);
        let lost = "Unable to determine the device handle for GPU 0000:02:00.0: GPU is lost.  Reboot the system to recover this GPU";
        assert!(matches!(failed(lost), Silence::Lost { .. }));
        assert_eq!(failed("No devices were found").to_string(), "nvidia-smi fails: No devices were found");
        assert_eq!(failed("").to_string(), "nvidia-smi fails: nvidia-smi ended with exit status: 1");
        assert_eq!(Silence::from(RunError::NotFound { program: "nvidia-smi".into() }), Silence::NotInstalled);
    }
}
