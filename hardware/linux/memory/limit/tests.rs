use std::fs;

use super::*;

/// A machine whose process sits in `/outer/inner` of the version 2 hierarchy.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Machine {
        let machine = Machine(tempfile::tempdir().unwrap());
        machine.with("proc/self/cgroup", "0::/outer/inner\n").with(
            "proc/self/mountinfo",
            "30 23 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n35 31 0:32 / /v1 rw - cgroup cgroup rw,memory\n",
        )
    }

    fn with(self, path: &str, text: &str) -> Machine {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A group's limit, usage and inactive page cache.
    fn group(self, name: &str, max: &str, current: &str, inactive: u64) -> Machine {
        let folder = format!("sys/fs/cgroup/{name}");
        self.with(&format!("{folder}/memory.max"), max)
            .with(&format!("{folder}/memory.current"), current)
            .with(&format!("{folder}/memory.stat"), &format!("anon 1\ninactive_file {inactive}\n"))
    }

    fn probe(&self) -> (Option<MemoryLimit>, Vec<String>) {
        let root = Root::at(self.0.path());
        let mut findings = Findings::default();
        let limit = super::probe(&root, &Cgroups::read(&root), &mut findings);
        (limit, findings.into_parts().1.into_iter().map(|u| format!("{}: {}", u.field, u.reason)).collect())
    }
}

#[test]
fn the_ancestor_with_the_least_left_binds_even_if_its_limit_is_larger() {
    let machine =
        Machine::new().group("outer/inner", "1000\n", "100\n", 0).group("outer", "5000\n", "4900\n", 50);
    let (limit, unknown) = machine.probe();
    let expected = MemoryLimit {
        bytes: Bytes(5000),
        used: Bytes(4850),
        source: "/sys/fs/cgroup/outer/memory.max".into(),
    };
    assert_eq!((limit, unknown), (Some(expected), vec![]));
}

#[test]
fn a_throttle_below_the_limit_counts() {
    let machine = Machine::new()
        .group("outer/inner", "1000\n", "100\n", 0)
        .with("sys/fs/cgroup/outer/inner/memory.high", "400\n");
    let limit = machine.probe().0.unwrap();
    assert_eq!((limit.bytes, limit.source.as_str()), (Bytes(400), "/sys/fs/cgroup/outer/inner/memory.high"));
}

#[test]
fn unlimited_is_no_limit_in_either_version() {
    let machine = Machine::new()
        .with("proc/self/cgroup", "4:memory:/\n0::/outer\n")
        .group("outer", "max\n", "1\n", 0)
        .with("v1/memory.limit_in_bytes", "9223372036854771712\n");
    assert_eq!(machine.probe(), (None, vec![]));
}

#[test]
fn a_limit_without_its_usage_is_told_and_the_gap_named() {
    let machine = Machine::new().with("sys/fs/cgroup/outer/memory.max", "4096\n");
    let (limit, unknown) = machine.probe();
    assert_eq!(limit.unwrap().used, Bytes::ZERO);
    assert_eq!(unknown, ["memory.limit.used: /sys/fs/cgroup/outer/memory.current holds no number"]);
}

#[test]
fn without_statistics_the_page_cache_counts_as_used() {
    let machine = Machine::new()
        .group("outer", "4096\n", "1000\n", 0)
        .with("sys/fs/cgroup/outer/memory.stat", "anon 1\n");
    let (limit, unknown) = machine.probe();
    assert_eq!(limit.unwrap().used, Bytes(1000));
    assert_eq!(unknown.len(), 1, "{unknown:?}");
}

#[test]
fn a_garbled_limit_is_unknown_and_another_still_binds() {
    let machine = Machine::new().group("outer/inner", "a lot\n", "1\n", 0).group("outer", "4096\n", "1\n", 0);
    let (limit, unknown) = machine.probe();
    assert_eq!(limit.unwrap().bytes, Bytes(4096));
    assert_eq!(unknown, ["memory.limit: /sys/fs/cgroup/outer/inner/memory.max holds no number of bytes"]);
}
