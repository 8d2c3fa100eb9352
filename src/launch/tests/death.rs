//! The daemon is killed with SIGKILL. Its part is played by this test binary, started once more.

use std::process::{Command, Stdio};

use super::*;

/// Names the state folder for the process that plays the daemon.
const HOME: &str = "EDGEORCH_TEST_DAEMON_HOME";
/// Set, the daemon gives its children no cgroup.
const BARE: &str = "EDGEORCH_TEST_DAEMON_BARE";

/// A child that stays, one that leaves its group, and one that ignores SIGTERM besides.
const FAMILY: &str = "
    setsid sleep 1000 &
    setsid sh -c 'trap \"\" TERM; while :; do sleep 1000; done' &
    exec sleep 1000";

#[test]
#[ignore = "is the daemon that the other test of this file kills"]
fn daemon_that_is_killed() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let home = std::path::PathBuf::from(home);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let records = Records::open(home.join("children")).unwrap();
        let cgroup = match std::env::var_os(BARE) {
            Some(_) => Err(NoCgroup::NotMounted),
            None => cgroup::Parent::locate(),
        };
        let launcher = Launcher::start_below(cgroup, records, Handle::current()).unwrap();
        let logs = Logs::open(&home, "orphan", Limits::default());
        let mut child =
            launcher.spawn(&shell(FAMILY), "orphan", logs, Nonce::random().unwrap()).await.unwrap();
        child.wait().await.unwrap();
    });
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_killed_daemons_child_dies_with_it_and_the_next_sweep_ends_the_rest() {
    kill_and_sweep(|_| {}).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_sweep_needs_no_cgroup() {
    kill_and_sweep(|daemon| {
        daemon.env(BARE, "1");
    })
    .await;
}

#[cfg(target_os = "linux")]
async fn kill_and_sweep(prepare: impl FnOnce(&mut Command)) {
    let home = tempfile::tempdir().unwrap();
    let records = Records::open(home.path().join("children")).unwrap();
    let mut daemon = Command::new(std::env::current_exe().unwrap());
    daemon.args(["--exact", "launch::tests::death::daemon_that_is_killed", "--ignored"]);
    daemon.env(HOME, home.path()).stdout(Stdio::null());
    prepare(&mut daemon);
    let mut daemon = daemon.spawn().unwrap();
    let mut found = None;
    until("the family of four is there", || {
        found = records.list().unwrap().pop().filter(|record| {
            let leaves = |p: &process::Process| Some(p.group) != record.leader.map(|leader| leader.pid);
            let family = members(record).unwrap();
            family.len() == 4 && family.into_iter().filter(leaves).count() == 3
        });
        found.is_some()
    })
    .await;
    let record = found.unwrap();
    let leader = record.leader.unwrap().pid;

    daemon.kill().unwrap();
    daemon.wait().unwrap();

    until("the parent-death signal has ended the child", || !is_alive(leader)).await;
    let orphans: Vec<u32> = members(&record).unwrap().iter().map(|process| process.pid).collect();
    assert_eq!(orphans.len(), 3, "those that left the group are not reached by that signal");
    let swept = sweep(&records).await.unwrap();
    assert_eq!(swept.len(), 1);
    let swept = swept.into_iter().next().unwrap().unwrap();
    assert_eq!(swept.name, "orphan");
    assert!(orphans.iter().all(|pid| swept.pids.contains(pid)), "{orphans:?} {swept:?}");
    assert!(orphans.iter().all(|pid| !is_alive(*pid)));
    assert_eq!(records.list().unwrap(), []);
    assert!(record.cgroup.is_none_or(|dir| !dir.exists()));
}

#[tokio::test]
async fn a_sweep_ends_no_stranger_that_got_a_recorded_pid() {
    let home = tempfile::tempdir().unwrap();
    let records = Records::open(home.path().to_owned()).unwrap();
    let mut stranger = Command::new("sleep").arg("1000").spawn().unwrap();
    let start_time = process::read(stranger.id()).map(|process| process.start_time + 1);
    let mut record = Record::new(Nonce::random().unwrap(), "old", Path::new("/bin/sleep"));
    record.leader = Some(Leader { pid: stranger.id(), start_time });
    records.write(&record).unwrap();
    assert!(sweep(&records).await.unwrap().is_empty());
    assert_eq!(records.list().unwrap(), []);
    assert!(stranger.try_wait().unwrap().is_none(), "it must still run");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}
