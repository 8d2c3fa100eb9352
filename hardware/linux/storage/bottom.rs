//! What lies at the bottom of a mount.

use edgeorch_engines::contract::host::StorageKind;

use super::class::{self, Class};
use super::pool::{self, PoolError};
use crate::Root;
use crate::linux::block::{self, BlockError};
use crate::linux::mounts::{self, Mount};

/// Device and kind each have their own way of being unknown: an overlay is one whatever lies below.
pub struct Bottom {
    /// `None`: there is no device of this machine, which is a fact.
    pub device: Result<Option<String>, BottomError>,
    pub kind: Result<StorageKind, BottomError>,
    pub source: String,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum BottomError {
    /// As text, since device and kind both tell it.
    #[error("{0}")]
    Block(String),
    #[error("what lies below a container's layers can't be seen from inside it")]
    Layers,
}

impl BottomError {
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            BottomError::Layers => Some("run the audit outside of the container"),
            BottomError::Block(_) => None,
        }
    }
}

impl From<BlockError> for BottomError {
    fn from(error: BlockError) -> BottomError {
        BottomError::Block(edgeorch_engines::chain(&error))
    }
}

impl From<PoolError> for BottomError {
    fn from(error: PoolError) -> BottomError {
        BottomError::Block(edgeorch_engines::chain(&error))
    }
}

pub fn of(root: &Root, mount: &Mount) -> Bottom {
    let filesystem = &mount.filesystem;
    match class::of(filesystem) {
        Class::Network => {
            nowhere(StorageKind::Network, format!("{filesystem}: the data lies at another machine"))
        }
        Class::Memory => nowhere(StorageKind::Memory, format!("{filesystem}: the data lies in memory")),
        Class::Overlay => overlay(root, mount),
        Class::Pool => {
            let found = pool::bottom(root, mount);
            on_blocks(found.map_err(BottomError::from), format!("the devices of the {filesystem} pool"))
        }
        Class::Device => {
            let found = block::of_mount(root, mount);
            let source = format!("/proc/self/mountinfo: {} → /sys/class/block", mount.device);
            on_blocks(found.map_err(BottomError::from), source)
        }
    }
}

fn nowhere(kind: StorageKind, source: String) -> Bottom {
    Bottom { device: Ok(None), kind: Ok(kind), source }
}

fn on_blocks(found: Result<(String, StorageKind), BottomError>, source: String) -> Bottom {
    match found {
        Ok((device, kind)) => Bottom { device: Ok(Some(device)), kind: Ok(kind), source },
        Err(error) => Bottom { device: Err(error.clone()), kind: Err(error), source },
    }
}

/// What is written goes into the upper folder. Outside of the container (a live system's root) that folder can be seen.
fn overlay(root: &Root, mount: &Mount) -> Bottom {
    let upper = mount.options.iter().find_map(|option| option.strip_prefix("upperdir="));
    let below = upper.filter(|upper| root.exists(upper)).and_then(|upper| {
        let mounts = mounts::read(root).ok()?;
        let below = mounts::holding(&mounts, upper).filter(|below| below.filesystem != mount.filesystem)?;
        Some(of(root, below))
    });
    let kind = Ok(StorageKind::Overlay);
    match below {
        Some(below) => {
            Bottom { device: below.device, kind, source: format!("its upper folder: {}", below.source) }
        }
        None => Bottom { device: Err(BottomError::Layers), kind, source: "/proc/self/mountinfo".to_owned() },
    }
}
