//! Files that run llama-server without edgeorch: a script, a systemd unit, a compose file. They say the same flags three
//! times, each quoted for its reader.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::LlamaCpp;
use crate::contract::{
    Backend, Binary, DeployFile, Deployment, DeviceName, Engine, Files, LaunchSpec, Order, Refusal, Seat,
    User,
};
use crate::{quote, split};

#[cfg(test)]
mod tests;

/// The newest build that was checked, and its flags: for a machine without one, and for the image.
const BUILD: &str = "b11434";
const HELP: &str = include_str!("help/b11434.txt");
/// Where the image's server listens, inside.
const INNER_PORT: u16 = 8080;

pub(super) fn files(engine: &LlamaCpp, order: &Order<'_>) -> Result<Deployment, Refusal> {
    let newest = newest(engine, order);
    let binary = order.binary.unwrap_or(&newest);
    let spec = spec(engine, order, binary, order.files, order.port)?;
    let name = file_name(&order.ask.id);
    let mut notes = vec![
        "nobody asks for a key: the server answers every program on this machine; set LLAMA_API_KEY in its environment to change that".to_owned(),
        unit_note(order.files, &name),
    ];
    if order.binary.is_none() {
        notes.push(format!(
            "llama-server was not found here: the files name it as `{}` and use the flags of build {BUILD}; check device names with `llama-server --list-devices`",
            binary.program.display()
        ));
    }
    let inside = inside(order.files);
    let container = spec_of_container(engine, order, &newest, &inside)?;
    let mut files = vec![
        DeployFile::script("start.sh", script(&spec)),
        DeployFile::new(&format!("{name}.service"), unit(order, &spec)),
    ];
    match image(order) {
        Some(image) => {
            let compose = compose(order, &container, &inside, &image, &name);
            files.push(DeployFile::new("compose.yaml", compose));
            notes.push(format!("compose.yaml takes {image}: pin it by digest after the first pull"));
            if user(order).is_none_or(|user| user.uid == 0) {
                notes.push(format!("the container's server is root without capabilities, so {READABLE}"));
            }
        }
        None => notes.push("there is no image for this backend, so no compose file".to_owned()),
    }
    Ok(Deployment { files, notes, asked_as: order.ask.id.clone() })
}

/// What must hold for files that another user opens.
const READABLE: &str = "its files must be readable to all (`chmod a+r`)";

fn unit_note(files: &Files, name: &str) -> String {
    let mut note =
        format!("{name}.service goes to /etc/systemd/system; it runs as a user of its own, so {READABLE}");
    // Where the unit hides what is around them, it makes the folders on the way itself.
    let others: BTreeSet<String> = loaded(files)
        .iter()
        .filter_map(|path| path.parent())
        .filter(|folder| folder.is_absolute() && !is_hidden(folder))
        .map(|folder| folder.display().to_string())
        .collect();
    if !others.is_empty() {
        let folders: Vec<String> = others.into_iter().collect();
        note += &format!(", and {} and what it lies in open to all (`chmod a+x`)", folders.join(", "));
    }
    note
}

/// A build that is not here: its program by name, and its devices as it numbers them where it sees all of them.
fn newest(engine: &LlamaCpp, order: &Order<'_>) -> Binary {
    let manifest = engine.manifest();
    let reachable = manifest.backends(order.host);
    let prefixes = manifest.devices.iter().flat_map(|listing| &listing.prefixes);
    let devices = prefixes.flat_map(|(prefix, backend)| {
        let of_backend = reachable.iter().filter(move |(_, reached)| reached == backend).enumerate();
        of_backend.map(move |(number, (accelerator, backend))| DeviceName {
            accelerator: *accelerator,
            backend: *backend,
            name: format!("{prefix}{number}"),
        })
    });
    Binary {
        program: manifest.program.clone().into(),
        help: HELP.into(),
        version: None,
        library_path: None,
        devices: devices.collect(),
    }
}

fn spec(
    engine: &LlamaCpp,
    order: &Order<'_>,
    binary: &Binary,
    files: &Files,
    port: u16,
) -> Result<LaunchSpec, Refusal> {
    let seat = Seat { port, key: String::new() };
    let mut spec = engine.launch(order.ask, order.model, files, binary, &seat)?;
    // Made anew for each launch by edgeorch; an empty one would lock everybody out.
    spec.env.remove("LLAMA_API_KEY");
    Ok(spec)
}

/// In a container loopback is its own, and only what is published on the host's is reached.
fn spec_of_container(
    engine: &LlamaCpp,
    order: &Order<'_>,
    newest: &Binary,
    inside: &Inside,
) -> Result<LaunchSpec, Refusal> {
    let mut spec = spec(engine, order, newest, &inside.files, INNER_PORT)?;
    for flag in &mut spec.flags {
        if flag.words.first().is_some_and(|word| word == "--host") {
            flag.words = vec!["--host".into(), "0.0.0.0".into()];
        }
    }
    Ok(spec)
}

fn script(spec: &LaunchSpec) -> String {
    let mut text = "#!/bin/sh\n# Starts llama-server as planned; Ctrl-C ends it.\nset -eu\n\n".to_owned();
    if !spec.scrub.is_empty() {
        // Any flag can also be given by a variable: an inherited one would change the plan.
        let pattern = spec.scrub.join("|");
        text += &format!(
            "for name in $(env | sed -n -E 's/^(({pattern})[A-Za-z0-9_]*)=.*/\\1/p'); do\n  \
             [ \"$name\" = LLAMA_API_KEY ] || unset \"$name\"\ndone\n"
        );
    }
    for (name, value) in &spec.env {
        text += &format!("export {name}={}\n", quote::shell(value));
    }
    text += &format!("\nexec {}", quote::shell(&spec.program.display().to_string()));
    for flag in &spec.flags {
        let words: Vec<_> = flag.words.iter().map(|word| quote::shell(word)).collect();
        text += &format!(" \\\n  {}", words.join(" "));
    }
    text + "\n"
}

fn unit(order: &Order<'_>, spec: &LaunchSpec) -> String {
    let on_host = order.ask.placement.device_layers() == 0;
    // A file that can't be loaded would be loaded again for ever: the usual limit, 5 starts in 10 seconds, is never reached.
    let mut text = format!(
        "[Unit]\nDescription={}\nAfter=network.target\n\
         StartLimitIntervalSec=300\nStartLimitBurst=5\n\n[Service]\nType=exec\n",
        quote::unit_text(&format!("llama-server for {}", order.ask.id))
    );
    for (name, value) in &spec.env {
        text += &format!("Environment={}\n", quote::unit(&format!("{name}={value}")));
    }
    let program = quote::unit(&spec.program.display().to_string());
    let words: Vec<_> = spec.argv().iter().map(|word| quote::unit(word)).collect();
    text += &format!("ExecStart={program} {}\n", words.join(" "));
    // The first SIGTERM waits for requests in flight.
    text += "Restart=on-failure\nRestartSec=2\nTimeoutStopSec=30\n\n";
    text += "DynamicUser=yes\nNoNewPrivileges=yes\nCapabilityBoundingSet=\nProtectSystem=strict\nProtectHome=tmpfs\n\
             PrivateTmp=yes\nProtectKernelTunables=yes\nProtectKernelModules=yes\nProtectKernelLogs=yes\n\
             ProtectControlGroups=yes\nProtectClock=yes\nProtectHostname=yes\nRestrictNamespaces=yes\n\
             RestrictSUIDSGID=yes\nRestrictRealtime=yes\nLockPersonality=yes\nSystemCallArchitectures=native\n\
             SystemCallFilter=@system-service\nRestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX\n\
             IPAddressDeny=any\nIPAddressAllow=localhost\nUMask=0077\n";
    text += match on_host {
        true => "PrivateDevices=yes\nMemoryDenyWriteExecute=yes\n",
        // Drivers make code while they run, and their devices belong to these groups.
        false => "SupplementaryGroups=video render\n",
    };
    for path in seen(order.files, spec) {
        text += &format!("BindReadOnlyPaths={}\n", quote::unit(&path));
    }
    text + "\n[Install]\nWantedBy=multi-user.target\n"
}

/// What must be seen where home folders and temporary files are hidden: each file by itself, for the folder around it
/// may hold anything; and the program's folder, for its libraries lie beside it.
fn seen(files: &Files, spec: &LaunchSpec) -> BTreeSet<String> {
    let mut paths: BTreeSet<String> = loaded(files)
        .iter()
        .filter(|path| path.is_absolute())
        .map(|path| path.display().to_string())
        .collect();
    let hidden = spec.program.parent().filter(|folder| is_hidden(folder));
    paths.extend(hidden.map(|folder| folder.display().to_string()));
    let libraries = spec.env.get("LD_LIBRARY_PATH").filter(|folder| is_hidden(Path::new(folder)));
    paths.extend(libraries.cloned());
    paths
}

/// By the unit's ProtectHome= and PrivateTmp=.
fn is_hidden(path: &Path) -> bool {
    ["/home", "/root", "/run/user", "/tmp", "/var/tmp"].iter().any(|place| path.starts_with(place))
}

/// All files that the server opens: of weights in several parts it is given the first one only.
fn loaded(files: &Files) -> Vec<PathBuf> {
    let beside = files.draft.iter().chain(&files.projector).chain(&files.adapters);
    std::iter::once(&files.weights).chain(beside).flat_map(|path| parts(path)).collect()
}

/// A file that is the first of several stands for all of them; any other is whole.
fn parts(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str());
    let all = name.and_then(split::siblings).filter(|all| all.first().map(String::as_str) == name);
    match all {
        Some(all) => all.iter().map(|part| path.with_file_name(part)).collect(),
        None => vec![path.to_owned()],
    }
}

/// The files as a container sees them: each is mounted by itself, below a number for the folder that it lies in.
struct Inside {
    files: Files,
    mounts: Vec<(String, String)>,
}

fn inside(files: &Files) -> Inside {
    let loaded: BTreeSet<PathBuf> = loaded(files).into_iter().filter(|path| path.is_absolute()).collect();
    let folders: BTreeSet<&Path> = loaded.iter().filter_map(|path| path.parent()).collect();
    let moved = |path: &Path| {
        let number = folders.iter().position(|folder| path.parent() == Some(folder));
        match (number, path.file_name()) {
            (Some(number), Some(name)) => Path::new(&format!("/models/{number}")).join(name),
            _ => path.to_owned(),
        }
    };
    let text = |path: &Path| path.display().to_string();
    Inside {
        files: Files {
            weights: moved(&files.weights),
            draft: files.draft.as_deref().map(moved),
            projector: files.projector.as_deref().map(moved),
            adapters: files.adapters.iter().map(|path| moved(path)).collect(),
        },
        mounts: loaded.iter().map(|path| (text(path), text(&moved(path)))).collect(),
    }
}

fn backend(order: &Order<'_>) -> Backend {
    let shares = &order.ask.placement.shares;
    shares.iter().find(|share| share.layers > 0).map_or(Backend::Cpu, |share| share.backend)
}

/// llama.cpp's own images, by its docs/docker.md; there is none for the others.
fn image(order: &Order<'_>) -> Option<String> {
    let kind = match backend(order) {
        Backend::Cpu => "server",
        Backend::Cuda => "server-cuda",
        Backend::Rocm => "server-rocm",
        Backend::Vulkan => "server-vulkan",
        Backend::Sycl => "server-intel",
        Backend::Metal | Backend::OpenCl | Backend::Hexagon => return None,
    };
    Some(format!("ghcr.io/ggml-org/llama.cpp:{kind}-{BUILD}"))
}

fn compose(order: &Order<'_>, spec: &LaunchSpec, inside: &Inside, image: &str, name: &str) -> String {
    let text = |word: &str| quote::compose(word);
    let mut yaml = format!("services:\n  {}:\n    image: {image}\n    command:\n", text(name));
    for word in spec.argv() {
        yaml += &format!("      - {}\n", text(&word));
    }
    yaml += "    environment:\n";
    for (name, value) in spec.env.iter().filter(|(name, _)| *name != "LD_LIBRARY_PATH") {
        yaml += &format!("      {name}: {}\n", text(value));
    }
    yaml += &format!("    ports:\n      - \"127.0.0.1:{}:{INNER_PORT}\"\n    volumes:\n", order.port);
    for (outside, inner) in &inside.mounts {
        let (outside, inner) = (text(outside), text(inner));
        yaml += &format!("      - {{type: bind, source: {outside}, target: {inner}, read_only: true}}\n");
    }
    if let Some(User { uid, gid }) = user(order) {
        // Root without capabilities reads only what is its own or everybody's.
        yaml += &format!(
            "    # Who planned, and could read the files. Remove it where the container engine runs without root.\n    \
             user: \"{uid}:{gid}\"\n"
        );
    }
    yaml += "    read_only: true\n    tmpfs: [/tmp]\n    cap_drop: [ALL]\n    security_opt: [\"no-new-privileges:true\"]\n    \
             pids_limit: 512\n    restart: unless-stopped\n    stop_grace_period: 30s\n";
    // The image asks every 30 seconds, and gives up on a model that takes longer than 90 to load.
    yaml += &format!(
        "    healthcheck:\n      test: [CMD, curl, -fsS, \"http://127.0.0.1:{INNER_PORT}/health\"]\n      \
         interval: 5s\n      timeout: 5s\n      retries: 3\n      start_period: 10m\n"
    );
    yaml += match backend(order) {
        Backend::Cuda => "    gpus: all\n",
        Backend::Rocm => "    devices: [/dev/kfd, /dev/dri]\n",
        Backend::Vulkan | Backend::Sycl => "    devices: [/dev/dri]\n",
        Backend::Cpu | Backend::Metal | Backend::OpenCl | Backend::Hexagon => "",
    };
    yaml
}

/// As whom the container's server runs. Device nodes belong to root and to a group whose number differs from machine to
/// machine and which images don't have by name: where they are needed it stays root, without capabilities.
fn user(order: &Order<'_>) -> Option<User> {
    match backend(order) {
        Backend::Rocm | Backend::Vulkan | Backend::Sycl => None,
        _ => order.user,
    }
}

/// An id as a name of files and services.
fn file_name(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = id.chars().map(plain).collect();
    let name = name.trim_matches(['.', '-']);
    if name.is_empty() { "model".to_owned() } else { name.to_owned() }
}
