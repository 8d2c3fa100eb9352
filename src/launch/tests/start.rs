//! How a child starts: its environment, its containment, its record, and refusals.

use edgeorch_engines::{Cause, Exit};

use super::*;

#[tokio::test]
async fn the_exit_code_and_the_last_lines_of_both_pipes_come_back() {
    let yard = Yard::new();
    let mut child = yard.shell("echo out; echo err >&2; printf unfinished; exit 7").await;
    assert_eq!(child.wait().await.unwrap(), Exit::Code(7));
    assert_eq!(child.wait().await.unwrap(), Exit::Code(7), "asked again");
    let mut lines = child.last_lines();
    lines.sort();
    assert_eq!(lines, ["err", "out", "unfinished"]);
}

#[tokio::test]
async fn a_signal_is_told_from_an_exit_code() {
    let yard = Yard::new();
    let mut child = yard.shell("kill -SEGV $$").await;
    assert_eq!(child.wait().await.unwrap(), Exit::Signal(11));
}

#[tokio::test]
async fn a_second_launch_does_not_inherit_the_lines_of_the_first() {
    let yard = Yard::new();
    let mut first = yard.shell("echo out of memory").await;
    first.wait().await.unwrap();
    let mut second = yard.shell("echo fine").await;
    second.wait().await.unwrap();
    assert_eq!(second.last_lines(), ["fine"]);
    let texts: Vec<_> = yard.logs.recent().iter().map(|line| line.text.to_string()).collect();
    assert_eq!(texts, ["out of memory", "fine"], "but the log has both");
}

#[tokio::test]
async fn scrubbed_variables_are_gone_and_given_ones_arrive() {
    let yard = Yard::new();
    let mut spec = shell("env");
    // CARGO_* is what this test process is sure to have inherited.
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO_")));
    spec.scrub = vec!["CARGO_".to_owned()];
    spec.env.insert("CARGO_GIVEN".to_owned(), "yes".to_owned());
    let mut child = yard.launch(&spec).await.unwrap();
    child.wait().await.unwrap();
    let environment = child.last_lines();
    let cargo: Vec<_> = environment.iter().filter(|line| line.starts_with("CARGO_")).collect();
    assert_eq!(cargo, ["CARGO_GIVEN=yes"]);
    assert!(environment.contains(&format!("EDGEORCH_LAUNCH={}", child.record().nonce)));
    assert!(environment.iter().any(|line| line.starts_with("PATH=")), "the rest is inherited");
}

#[tokio::test]
async fn standard_input_is_empty() {
    let yard = Yard::new();
    let mut child = yard.shell("read line; echo got:$line").await;
    child.wait().await.unwrap();
    assert_eq!(child.last_lines(), ["got:"]);
}

#[tokio::test]
async fn a_running_child_is_on_disk_and_leads_its_own_group() {
    let yard = Yard::new();
    let mut child = yard.shell("exec sleep 1000").await;
    assert_eq!(yard.records.list().unwrap(), [child.record().clone()]);
    let process = process::read(child.pid()).unwrap();
    assert_eq!((process.group, Some(process.start_time)), (child.pid(), child.start_time()));
    child.kill_all().await.unwrap();
    assert_eq!(yard.records.list().unwrap(), []);
}

#[tokio::test]
async fn a_child_sits_in_its_own_cgroup_or_the_reason_is_known() {
    let yard = Yard::new();
    let mut child = yard.shell("exec sleep 1000").await;
    match child.containment().clone() {
        Containment::Cgroup(dir) => {
            assert_eq!(
                std::fs::read_to_string(dir.join("cgroup.procs")).unwrap(),
                format!("{}\n", child.pid())
            );
            child.kill_all().await.unwrap();
            assert!(!dir.exists());
        }
        Containment::GroupOnly(reason) => eprintln!("skipped: no cgroup of its own here: {reason}"),
    }
}

#[tokio::test]
async fn the_memory_of_the_whole_group_is_counted() {
    let yard = Yard::new();
    let child = yard.shell("sleep 1000 & sleep 1000 & wait").await;
    until("both sleepers run", || members(child.record()).unwrap().len() == 3).await;
    let memory = child.memory().unwrap();
    assert_eq!(memory.processes, 3);
    assert!(memory.resident.0 > 1 << 20, "{memory:?}");
    assert_ne!(child.oom_has_fired(), Some(true));
}

#[tokio::test]
async fn a_program_that_can_not_run_leaves_neither_record_nor_cgroup() {
    let yard = Yard::new();
    let folder = spec("/usr", &[]);
    let error = yard.launch(&folder).await.unwrap_err();
    assert_eq!(error.cause(), Cause::NotRunnable);

    let script = yard.dir.path().join("script");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let error = yard.launch(&spec(&script, &[])).await.unwrap_err();
    assert!(error.to_string().contains("needs /no/such/interpreter"), "{error}");
    assert_eq!(error.cause(), Cause::NotRunnable);
    assert_eq!(yard.records.list().unwrap(), []);
}

#[tokio::test]
async fn an_argument_list_that_the_kernel_refuses_cleans_up_after_itself() {
    let yard = Yard::new();
    let long = "x".repeat(256 << 10);
    let error = yard.launch(&spec("/bin/sh", &["-c", &long])).await.unwrap_err();
    assert!(matches!(error, SpawnError::Other { .. }), "{error}");
    assert_eq!(yard.records.list().unwrap(), []);
}

#[tokio::test]
async fn without_a_record_nothing_is_started() {
    let yard = Yard::new();
    std::fs::remove_dir(yard.dir.path().join("children")).unwrap();
    let witness = yard.dir.path().join("started");
    let error = yard.shell_result(&format!("touch {}", witness.display())).await.unwrap_err();
    assert!(matches!(error, SpawnError::Record { .. }), "{error}");
    assert!(!witness.exists());
}

impl Yard {
    async fn shell_result(&self, script: &str) -> Result<Child, SpawnError> {
        self.launch(&shell(script)).await
    }
}
