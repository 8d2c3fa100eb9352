use proptest::prelude::*;

use super::*;

fn folders(groups: &str, mountinfo: &str, controller: &str) -> Vec<String> {
    let cgroups = Cgroups { seats: seats(groups, mountinfo), fault: None };
    cgroups.ancestry(controller).into_iter().map(|group| group.folder).collect()
}

const V2: &str = "30 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1: &str = "\
31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
35 31 0:32 /docker/ab /sys/fs/cgroup/memory ro master:15 - cgroup cgroup rw,memory
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
";

#[test]
fn every_ancestor_is_asked_up_to_the_mount_point() {
    let expected = ["sys/fs/cgroup/user.slice/a.scope", "sys/fs/cgroup/user.slice", "sys/fs/cgroup"];
    assert_eq!(folders("0::/user.slice/a.scope\n", V2, "memory"), expected);
    assert_eq!(folders("0::/\n", V2, "memory"), ["sys/fs/cgroup"]);
}

#[test]
fn a_container_that_sees_the_host_path_reads_its_own_subtree() {
    assert_eq!(folders("4:memory:/docker/ab\n", V1, "memory"), ["sys/fs/cgroup/memory"]);
    let nested = ["sys/fs/cgroup/memory/x", "sys/fs/cgroup/memory"];
    assert_eq!(folders("4:memory:/docker/ab/x\n", V1, "memory"), nested);
    assert_eq!(folders("4:memory:/docker/abc\n", V1, "memory"), ["sys/fs/cgroup/memory"]);
}

#[test]
fn controllers_mounted_together_are_found_by_either_name() {
    for controller in ["cpu", "cpuacct"] {
        let expected = ["sys/fs/cgroup/cpu,cpuacct/a", "sys/fs/cgroup/cpu,cpuacct"];
        assert_eq!(folders("3:cpu,cpuacct:/a\n", V1, controller), expected);
    }
    assert!(folders("3:cpu,cpuacct:/a\n", V1, "memory").is_empty());
}

#[test]
fn a_hybrid_machine_gives_the_groups_of_both_versions() {
    let mounts = format!("{V1}38 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    let expected = ["sys/fs/cgroup/memory", "sys/fs/cgroup/unified/a", "sys/fs/cgroup/unified"];
    assert_eq!(folders("4:memory:/docker/ab\n1:name=systemd:/\n0::/a\n", &mounts, "memory"), expected);
}

#[test]
fn a_group_outside_of_the_namespace_never_leads_out_of_the_mount() {
    assert_eq!(folders("0::/../other\n", V2, "memory"), ["sys/fs/cgroup"]);
}

#[test]
fn a_mount_point_with_blanks_is_read_back() {
    let mount = V2.replace("/sys/fs/cgroup", "/odd\\040place");
    assert_eq!(folders("0::/a\n", &mount, "cpu"), ["odd place/a", "odd place"]);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(groups in "([0-9:a-z,/.]{0,30}\n){0,4}|.*", mounts in "([^\n]{0,60}\n){0,3}") {
        folders(&groups, &mounts, "memory");
        folders(&groups, &format!("1 2 3:4 /a\\ü {mounts} - cgroup x rw,memory\n{V1}{V2}"), "memory");
    }
}
