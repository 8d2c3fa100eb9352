//! Files that run vLLM without edgeorch: a start script for an installed one, and a compose file for its image.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::flags::{self, Site};
use super::{Vllm, kinds};
use crate::contract::host::Accelerator;
use crate::contract::{
    Backend, Binary, Bytes, DeployFile, Deployment, Engine, Host, Order, Refusal, SpeculationMethod,
};
use crate::ranks::Ranks;
use crate::script;

/// The flags of the newest captured build, for a machine on which there is none.
pub(super) const NEWEST: &str = include_str!("help/0.32.0.txt");
const VERSION: &str = "v0.32.0";
/// Where prompts are kept on the disk: a folder beside the files.
const DISK: &str = "kv-cache";

pub(super) fn files(engine: &Vllm, order: &Order<'_>) -> Result<Deployment, Refusal> {
    let newest = Binary {
        program: engine.manifest().program.clone().into(),
        help: NEWEST.into(),
        version: None,
        library_path: None,
        devices: Vec::new(),
    };
    let ranks = Ranks::of(order.ask);
    let devices = names(order.host, &ranks);
    let paths = |path: &Path| path.display().to_string();
    let binary = order.binary.unwrap_or(&newest);
    let site = Site {
        binary,
        host: "127.0.0.1",
        host_why: "loopback only: clients come through a gateway",
        draft: order.files.draft.as_deref().map(paths),
        adapters: adapters(order).map(|path| paths(path)).collect(),
        disk: DISK,
        devices: devices.as_ref().map(|devices| devices.join(",")),
    };
    let flags = flags::of(engine, order, &site)?;
    let program = binary.program.display().to_string();
    let weights = paths(&order.files.weights);
    let text = script::exec(
        &format!("vLLM serves {}", order.ask.id),
        engine.manifest(),
        Some("VLLM_API_KEY"),
        &[&program, "serve", &weights],
        &flags,
    );
    let mut deployment = Deployment {
        files: vec![DeployFile::script("vllm.sh", text)],
        notes: notes(order, devices.is_none()),
        asked_as: order.ask.id.clone(),
    };
    if let Some((backend, devices)) = backend(order).zip(devices) {
        let text = compose(engine, order, backend, &devices)?;
        deployment.files.push(DeployFile::new("compose.yaml", text));
    }
    Ok(deployment)
}

/// How the devices are called whatever else is there: by their lasting identities, or all by the vendor's numbers, for
/// vLLM takes no mixture.
fn names(host: &Host, ranks: &Ranks) -> Option<Vec<String>> {
    let of = |name: fn(&Accelerator) -> Option<String>| -> Option<Vec<String>> {
        let names = ranks.devices().map(|device| name(host.accelerators.get(device)?));
        names.collect::<Option<Vec<_>>>().filter(|names| !names.is_empty())
    };
    of(|device| device.uuid.clone()).or_else(|| of(|device| device.index.map(|index| index.to_string())))
}

fn backend(order: &Order<'_>) -> Option<Backend> {
    order.ask.placement.shares.first().map(|share| share.backend)
}

fn notes(order: &Order<'_>, unnamed: bool) -> Vec<String> {
    let mut notes = vec![
        "vLLM checks a key only where one is set, and only under /v1: set VLLM_API_KEY and keep its port on loopback."
            .to_owned(),
    ];
    notes.extend(kinds::note(order.ask).map(str::to_owned));
    if order.ask.disk_cache > Bytes::ZERO {
        notes.push(format!(
            "Up to {} of prompts are written to {DISK}/ in the folder where it is started, readable by its user alone: a \
             file for each device, made anew at each start. What was asked can be told from it: keep it where nobody \
             else reads, and delete it when it is no longer needed.",
            order.ask.disk_cache
        ));
    }
    if order.ask.placement.on_host() {
        notes.push(
            "On the CPU vLLM keeps one core for itself (VLLM_CPU_NUM_OF_RESERVED_CPU) and binds its threads to one \
             memory node; VLLM_CPU_KVCACHE_SPACE, if set, goes before the pool given here."
                .to_owned(),
        );
    } else if unnamed {
        notes.push(
            "The devices have neither an identity nor a number here: set CUDA_VISIBLE_DEVICES yourself."
                .to_owned(),
        );
    }
    notes
}

/// Folders are mounted read-only under names of their own; the port is open on loopback only.
fn compose(
    engine: &Vllm,
    order: &Order<'_>,
    backend: Backend,
    devices: &[String],
) -> Result<String, Refusal> {
    let newest = Binary {
        program: "vllm".into(),
        help: NEWEST.into(),
        version: None,
        library_path: None,
        devices: Vec::new(),
    };
    let mut mounts = vec![mount(&order.files.weights, "/models/model")];
    let draft = order.ask.speculation.as_ref().is_some_and(|speculation| {
        matches!(speculation.method, SpeculationMethod::Draft | SpeculationMethod::Dflash)
    });
    let draft = order.files.draft.as_deref().filter(|_| draft).map(|path| {
        mounts.push(mount(path, "/models/draft"));
        "/models/draft".to_owned()
    });
    let adapters = adapters(order).enumerate().map(|(index, path)| {
        let inside = format!("/models/adapter-{index}");
        mounts.push(mount(path, &inside));
        inside
    });
    let site = Site {
        binary: &newest,
        host: "0.0.0.0",
        host_why: "within the container; its port is published on loopback only",
        adapters: adapters.collect(),
        disk: "/kv-cache",
        draft,
        // The container sees no other devices.
        devices: None,
    };
    let flags = flags::of(engine, order, &site)?;
    let words = flags.into_iter().flat_map(|flag| flag.words);
    let command: Vec<String> = std::iter::once("/models/model".to_owned()).chain(words).collect();
    if order.ask.disk_cache > Bytes::ZERO {
        mounts.push(json!({
            "type": "bind", "source": format!("./{DISK}"), "target": "/kv-cache", "bind": {"create_host_path": true}
        }));
    }
    // Compiled kernels are kept, or each start makes them anew.
    mounts.push(json!("vllm-cache:/root/.cache/vllm"));
    let mut service = json!({
        "image": if backend == Backend::Rocm { "vllm/vllm-openai-rocm:" } else { "vllm/vllm-openai:" }.to_owned() + VERSION,
        "entrypoint": ["vllm", "serve"],
        "command": command,
        "environment": engine.manifest().env,
        "ports": [format!("127.0.0.1:{0}:{0}", order.port)],
        "volumes": mounts,
        "security_opt": ["no-new-privileges:true"],
        "restart": "unless-stopped",
        // The processes pass tensors through shared memory, of which containers have 64 MiB.
        "ipc": "host",
        "stop_grace_period": "30s",
    });
    if backend == Backend::Rocm {
        service["devices"] = json!(["/dev/kfd", "/dev/dri"]);
        service["group_add"] = json!(["video"]);
        service["environment"]["HIP_VISIBLE_DEVICES"] = json!(devices.join(","));
    } else {
        service["deploy"] = json!({"resources": {"reservations": {"devices": [
            {"driver": "nvidia", "device_ids": devices, "capabilities": ["gpu"]}
        ]}}});
    }
    let file = json!({"services": {"vllm": service}, "volumes": {"vllm-cache": {}}});
    Ok(script::compose(&file))
}

/// Those that are asked for.
fn adapters<'a>(order: &Order<'a>) -> impl Iterator<Item = &'a PathBuf> {
    order.files.adapters.iter().take(order.ask.adapters.len())
}

fn mount(path: &Path, inside: &str) -> serde_json::Value {
    json!({"type": "bind", "source": path.display().to_string(), "target": inside, "read_only": true})
}
