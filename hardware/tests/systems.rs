//! What matters most of the machines in tests/machines, said once more without snapshots: kind, layers, cores, memory, swap.

use edgeorch_engines::contract::host::{CoreClass, MachineKind, StorageKind, SwapKind};

use super::machines::machine;

#[test]
fn each_machine_is_of_its_kind_with_its_layers() {
    use MachineKind::*;
    let expected: [(&str, MachineKind, &[&str]); 14] = [
        ("raspberry-pi-4", SingleBoard, &[]),
        ("raspberry-pi-5", SingleBoard, &[]),
        ("orange-pi-zero-3-zram", SingleBoard, &[]),
        ("riscv-visionfive2", SingleBoard, &[]),
        ("beaglebone-black", SingleBoard, &[]),
        ("loongarch-3a5000", Workstation, &[]),
        ("hybrid-laptop", Laptop, &[]),
        ("epyc-dual-socket", Server, &[]),
        ("ampere-altra-cloud", VirtualMachine, &["qemu"]),
        ("kvm-guest", VirtualMachine, &["kvm"]),
        ("docker-in-cloud-vm", Container, &["kvm", "docker"]),
        ("podman-rootless", Container, &["podman"]),
        ("lxc", Container, &["lxc"]),
        ("wsl2", Wsl, &["hyper-v", "wsl"]),
    ];
    for (name, kind, layers) in expected {
        let machine = machine(name).machine;
        assert_eq!(machine.kind, Some(kind), "{name}");
        assert_eq!(machine.virtualization, layers, "{name}");
    }
}

#[test]
fn cores_of_two_kinds_are_told_apart() {
    let cpu = machine("hybrid-laptop").cpu;
    let kinds: Vec<_> = cpu.core_kinds.iter().map(|k| (k.class, k.cores, k.threads, k.max_mhz)).collect();
    let performance = (Some(CoreClass::Performance), 2, 4, Some(4500));
    assert_eq!(kinds, [performance, (Some(CoreClass::Efficiency), 4, 4, Some(3300))]);
    assert_eq!((cpu.sockets, cpu.physical_cores, cpu.logical_cores), (Some(1), Some(6), Some(8)));
}

#[test]
fn every_architecture_s_cpu_is_named() {
    let expected = [
        ("ampere-altra-cloud", "Arm", "Neoverse-N1"),
        ("beaglebone-black", "Arm", "Cortex-A8"),
        ("loongarch-3a5000", "Loongson", "Loongson-3A5000"),
        ("power9-gpu-nodes", "IBM", "POWER9"),
        ("riscv-visionfive2", "SiFive", "sifive,u74-mc"),
        ("lxc", "GenuineIntel", "Intel(R) N100"),
    ];
    for (name, vendor, model) in expected {
        let cpu = machine(name).cpu;
        assert_eq!((cpu.vendor.as_deref(), cpu.model.as_deref()), (Some(vendor), Some(model)), "{name}");
    }
}

#[test]
fn two_sockets_have_eight_nodes() {
    let cpu = machine("epyc-dual-socket").cpu;
    assert_eq!((cpu.sockets, cpu.numa_nodes.len()), (Some(2), 8));
    let last_level = cpu.caches.last().unwrap();
    assert_eq!((last_level.level, last_level.instances), (3, 8));
}

#[test]
fn memory_that_gpus_lend_is_not_main_memory() {
    let host = machine("power9-gpu-nodes");
    let (of_cpus, of_gpus): (Vec<_>, Vec<_>) =
        host.cpu.numa_nodes.iter().partition(|node| !node.cpus.is_empty());
    assert_eq!((of_cpus.len(), of_gpus.len()), (2, 2));
    let main: u64 = of_cpus.iter().map(|node| node.memory_total.unwrap().0).sum();
    assert_eq!(host.memory.total.unwrap().0, main);
    assert!(host.memory.available < host.memory.total);
}

#[test]
fn each_swap_area_is_told_by_what_it_lies_on() {
    let swap = |name: &str| -> Vec<_> {
        machine(name).memory.swap.iter().map(|swap| (swap.kind, swap.storage)).collect()
    };
    let zram = (SwapKind::Zram, None);
    assert_eq!(swap("orange-pi-zero-3-zram"), [zram, (SwapKind::File, Some(StorageKind::Sd))]);
    assert_eq!(swap("riscv-visionfive2"), [(SwapKind::Partition, Some(StorageKind::Emmc))]);
    assert_eq!(swap("loongarch-3a5000"), [(SwapKind::Partition, Some(StorageKind::Nvme))]);
    assert_eq!(swap("epyc-dual-socket"), [(SwapKind::Partition, Some(StorageKind::Ssd))]);
    assert_eq!(swap("wsl2"), [(SwapKind::Partition, Some(StorageKind::Virtual))]);
    assert_eq!(swap("raspberry-pi-4"), [(SwapKind::File, None)]);
    assert_eq!(swap("kvm-guest"), [(SwapKind::File, Some(StorageKind::Virtual))]);
}

#[test]
fn containers_are_bound_by_what_they_were_given() {
    let docker = machine("docker-in-cloud-vm");
    assert_eq!((docker.cpu.usable_cores, docker.memory.ceiling().0), (1, 2 << 30));
    let lxc = machine("lxc");
    assert_eq!((lxc.cpu.usable_cores, lxc.memory.ceiling().0), (2, 4 << 30));
    assert_eq!(lxc.machine.model, None, "a blank left by the maker is no name");
}

#[test]
fn a_hostile_tree_puts_nothing_on_the_screen_and_is_not_believed() {
    let host = machine("hostile-tree");
    let json = serde_json::to_string(&host).unwrap();
    assert!(!json.contains("\\u001b") && !json.contains("\\u0007"), "{json}");
    assert_eq!((host.machine.model, host.memory.total, host.cpu.caches.len()), (None, None, 0));
}
