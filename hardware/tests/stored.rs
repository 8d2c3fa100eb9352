//! What lies below the models folder of whole machines, and what software they have.

use edgeorch_engines::contract::Host;
use edgeorch_engines::contract::host::{EngineOrigin, ReadMethod, StorageKind};

use super::machines::machine;

/// File system, device and kind.
fn bottom(host: &Host) -> (&str, Option<&str>, Option<StorageKind>) {
    let storage = &host.storage;
    (storage.filesystem.as_deref().unwrap_or_default(), storage.device.as_deref(), storage.kind)
}

#[test]
fn each_kind_of_storage_is_told() {
    let expected = [
        ("nas-nfs-models", "nfs4", None, StorageKind::Network),
        ("laptop-luks-lvm-nvme", "ext4", Some("nvme0n1"), StorageKind::Nvme),
        ("raspberry-sd-card", "ext4", Some("mmcblk0"), StorageKind::Sd),
        ("container-overlay", "overlay", None, StorageKind::Overlay),
        ("tmpfs-models", "tmpfs", None, StorageKind::Memory),
        ("zfs-raid", "zfs", Some("sda+sdb"), StorageKind::Hdd),
        ("btrfs-two-disks", "btrfs", Some("nvme0n1+nvme1n1"), StorageKind::Nvme),
        ("read-only-root", "ext4", Some("mmcblk0"), StorageKind::Emmc),
    ];
    for (name, filesystem, device, kind) in expected {
        assert_eq!(bottom(&machine(name)), (filesystem, device, Some(kind)), "{name}");
    }
}

#[test]
fn a_full_card_and_a_read_only_root_are_told() {
    let card = machine("raspberry-sd-card").storage;
    assert_eq!((card.inodes_free, card.model.as_deref()), (Some(0), Some("SC32G")));
    assert!(card.free.unwrap().0 < 100 << 20);
    let root = machine("read-only-root").storage;
    assert_eq!((root.read_only, root.mount.as_deref()), (Some(true), Some("/")));
    assert_eq!(machine("tmpfs-models").storage.read.unwrap().method, ReadMethod::Cached);
}

#[test]
fn everything_on_a_workstation_is_found() {
    let software = machine("workstation-with-engines").software;
    let engines: Vec<_> = software
        .engines
        .iter()
        .map(|found| {
            (found.engine.as_str(), found.origin, found.version.as_deref(), found.backends.join(" "))
        })
        .collect();
    let expected = [
        ("llama.cpp", EngineOrigin::Edgeorch, Some("11434.0.0"), String::new()),
        ("vllm", EngineOrigin::Python, Some("0.32.0+cu129"), "CUDA".to_owned()),
        ("llama.cpp", EngineOrigin::Program, Some("0.6.0"), "CPU CUDA RPC".to_owned()),
        ("ollama", EngineOrigin::Program, Some("0.14.2"), "CPU CUDA".to_owned()),
    ];
    assert_eq!(engines, expected);
    let [docker, podman] = software.containers.as_slice() else { panic!("{:?}", software.containers) };
    assert_eq!(docker.gpu_access, ["nvidia runtime", "cdi nvidia.com/gpu", "nvidia hook"]);
    assert_eq!((podman.name.as_str(), podman.reachable), ("podman", None));
    let cuda = software.libraries.iter().find(|library| library.name == "libcuda.so.1").unwrap();
    assert_eq!(cuda.version.as_deref(), Some("580.95.05"));
}

#[test]
fn docker_without_a_way_to_the_gpu_differs_from_one_that_does_not_answer() {
    let without = &machine("docker-without-gpu-runtime").software.containers[0];
    assert_eq!((without.reachable, without.gpu_access.len()), (Some(true), 0));
    let host = machine("docker-permission-denied");
    assert_eq!(host.software.containers[0].reachable, Some(false));
    let unknown = host.unknown.iter().find(|unknown| unknown.field == "software.containers[0].gpu_access");
    assert!(unknown.unwrap().remedy.as_ref().unwrap().contains("group docker"));
}
