//! What `docker info --format '{{json .}}'` tells of the daemon.
//!
//! Where the daemon does not answer, the program prints the same object with empty fields and ends with an error, or, in
//! older versions, with the reason under `ServerErrors` and none.

use serde::Deserialize;

use super::cdi;
use super::found::is_plain;
use crate::Root;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Info {
    #[serde(rename = "ServerVersion")]
    server_version: Option<String>,
    #[serde(rename = "ServerErrors")]
    server_errors: Option<Vec<String>>,
    #[serde(rename = "Runtimes")]
    runtimes: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(rename = "CDISpecDirs")]
    cdi_folders: Option<Vec<String>>,
    #[serde(rename = "DiscoveredDevices")]
    devices: Option<Vec<Device>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Device {
    #[serde(rename = "Source")]
    source: String,
    /// `nvidia.com/gpu=0`
    #[serde(rename = "ID")]
    id: String,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDaemon {
    #[error("docker info gives no object that can be read")]
    Malformed,
    #[error("docker info: {0}")]
    Said(String),
    #[error("docker info tells of no daemon")]
    Silent,
}

/// What a daemon that answered told.
pub fn parse(printed: &str) -> Result<Info, NoDaemon> {
    let info: Info = serde_json::from_str(printed).map_err(|_| NoDaemon::Malformed)?;
    if let Some(error) = info.server_errors.as_ref().and_then(|errors| errors.first()) {
        return Err(NoDaemon::Said(error.chars().filter(|c| !c.is_control()).take(200).collect()));
    }
    match info.server_version.as_deref() {
        None | Some("") => Err(NoDaemon::Silent),
        Some(_) => Ok(info),
    }
}

impl Info {
    /// Ways into a GPU: runtimes named for one, and kinds of devices by CDI.
    pub fn gpu_access(&self, root: &Root) -> Vec<String> {
        let runtimes = self.runtimes.iter().flatten().map(|(name, _)| name.as_str());
        let mut access: Vec<String> = runtimes
            .filter(|name| ["nvidia", "amd"].contains(name))
            .map(|name| format!("{name} runtime"))
            .collect();
        let told =
            self.devices.iter().flatten().filter(|device| device.source == "cdi" && is_plain(&device.id));
        let mut kinds: Vec<String> =
            told.filter_map(|device| device.id.split_once('=')).map(|(kind, _)| kind.to_owned()).collect();
        // No folders: this daemon has CDI switched off.
        kinds.extend(cdi::kinds(root, self.cdi_folders.iter().flatten().map(String::as_str)));
        kinds.sort();
        kinds.dedup();
        access.extend(kinds.iter().map(|kind| format!("cdi {kind}")));
        access
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Node, Tree};

    const INFO: &str = r#"{"ServerVersion": "28.5.1",
        "Runtimes": {"io.containerd.runc.v2": {"path": "runc"}, "nvidia": {"path": "nvidia-container-runtime"}},
        "CDISpecDirs": ["/etc/cdi", "/var/run/cdi"],
        "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}, {"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}"#;

    #[test]
    fn runtimes_and_devices_are_ways_in() {
        let access = parse(INFO).unwrap().gpu_access(&Root::of(Tree::default()));
        assert_eq!(access, ["nvidia runtime", "cdi nvidia.com/gpu"]);
    }

    #[test]
    fn specifications_count_where_the_daemon_reads_them() {
        let mut tree = Tree::default();
        tree.put(
            "etc/cdi/amd.json",
            Node::File(br#"{"kind": "amd.com/gpu", "devices": [{"name": "0"}]}"#.into()),
        );
        let root = Root::of(tree);
        let on =
            parse(r#"{"ServerVersion": "28.0", "CDISpecDirs": ["/etc/cdi"], "Runtimes": null}"#).unwrap();
        assert_eq!(on.gpu_access(&root), ["cdi amd.com/gpu"]);
        let off = parse(r#"{"ServerVersion": "26.1", "CDISpecDirs": null}"#).unwrap();
        assert_eq!(off.gpu_access(&root), Vec::<String>::new());
    }

    #[test]
    fn a_daemon_that_does_not_answer_is_told() {
        assert_eq!(parse(r#"{"ServerVersion": ""}"#).unwrap_err(), NoDaemon::Silent);
        let said = r#"{"ServerErrors": ["permission denied while trying to connect"]}"#;
        assert_eq!(
            parse(said).unwrap_err(),
            NoDaemon::Said("permission denied while trying to connect".into())
        );
        for text in ["", "[]x", "{\"ServerVersion\": 5}", "null"] {
            assert_eq!(parse(text).unwrap_err(), NoDaemon::Malformed, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            let _ = parse(&text);
        }
    }
}
