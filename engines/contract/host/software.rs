//! Programs and libraries on the machine that engines are, or need.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Software {
    pub engines: Vec<EngineFound>,
    pub containers: Vec<ContainerEngine>,
    /// Null with a source where there is none on the search path.
    pub python: Option<Python>,
    /// Libraries through which engines reach accelerators.
    pub libraries: Vec<Library>,
}

/// An inference engine that is installed, by us or by others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EngineFound {
    /// `llama.cpp`, `ollama`, `vllm`.
    pub engine: String,
    pub origin: EngineOrigin,
    /// The program, or the folder of the Python package.
    pub path: String,
    pub version: Option<String>,
    /// The engine's own build number, where it has one besides the version.
    pub build: Option<String>,
    /// Compute backends it was built with, in its own words: `CPU`, `CUDA`, `Vulkan`.
    pub backends: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngineOrigin {
    /// A program on the search path, or where its installer puts it.
    Program,
    /// A Python package.
    Python,
    /// Installed by edgeorch in its home.
    Edgeorch,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerEngine {
    /// `docker`, `podman`.
    pub name: String,
    pub path: String,
    pub version: Option<String>,
    /// Whether its daemon answered this user; null with a source for engines that have none.
    pub reachable: Option<bool>,
    /// Ways into a GPU that it offers: `nvidia runtime`, `cdi nvidia.com/gpu`, `cdi amd.com/gpu`. Empty: none.
    pub gpu_access: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Python {
    pub path: String,
    pub version: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Library {
    /// `libcuda.so.1`, `libvulkan.so.1`.
    pub name: String,
    pub path: String,
    /// From the file that it really is, such as `libcuda.so.580.95.05`; null where the name tells none.
    pub version: Option<String>,
}
