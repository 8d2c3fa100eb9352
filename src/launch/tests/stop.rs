//! How a child goes, and everything that it started with it.

use edgeorch_engines::Exit;

use super::*;

#[tokio::test]
async fn a_signal_reaches_the_whole_group() {
    let mut yard = Yard::new();
    let mut child = yard.shell("sleep 1000 & echo grandchild $!; wait").await;
    let grandchild = yard.pid("grandchild ").await;
    child.signal(Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().await.unwrap(), Exit::Signal(15));
    until("the grandchild is gone", || !is_alive(grandchild)).await;
    child.kill_all().await.unwrap();
}

#[tokio::test]
async fn what_ignores_sigterm_is_killed_with_what_it_forked() {
    what_ignores_sigterm_is_killed(Yard::new()).await;
    what_ignores_sigterm_is_killed(Yard::without_cgroup()).await;
}

async fn what_ignores_sigterm_is_killed(mut yard: Yard) {
    let script =
        "trap '' TERM; sh -c 'while :; do sleep 1000; done' & echo forked $!; while :; do sleep 1000; done";
    let mut child = yard.shell(script).await;
    let forked = yard.pid("forked ").await;
    child.signal(Signal::SIGTERM).unwrap();
    let patience = Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, child.wait()).await.is_err(), "it must have ignored the signal");
    child.kill_all().await.unwrap();
    assert!(!is_alive(child.pid()) && !is_alive(forked));
    assert_eq!(child.wait().await.unwrap(), Exit::Signal(9));
}

#[tokio::test]
async fn a_grandchild_that_left_the_group_is_found_by_its_mark() {
    let mut yard = Yard::without_cgroup();
    let mut child = yard.shell("setsid sleep 1000 & echo fled $!").await;
    let fled = yard.pid("fled ").await;
    assert_eq!(child.wait().await.unwrap(), Exit::Code(0));
    until("it has its own session", || process::read(fled).is_some_and(|p| p.group == fled)).await;
    child.kill_all().await.unwrap();
    assert!(!is_alive(fled));
}

#[tokio::test]
async fn a_grandchild_without_the_mark_is_found_by_its_cgroup() {
    let mut yard = Yard::new();
    let mut child = yard.shell("env -i setsid sleep 1000 & echo fled $!").await;
    let fled = yard.pid("fled ").await;
    child.wait().await.unwrap();
    until("it has dropped its environment", || {
        is_alive(fled) && !process::is_marked(fled, &child.record().nonce)
    })
    .await;
    match child.containment() {
        Containment::Cgroup(_) => {
            child.kill_all().await.unwrap();
            assert!(!is_alive(fled));
        }
        Containment::GroupOnly(reason) => {
            eprintln!("skipped: no cgroup of its own here: {reason}");
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(fled.cast_signed()), Signal::SIGKILL).unwrap();
        }
    }
}

#[tokio::test]
async fn a_pipe_that_a_grandchild_holds_open_does_not_hang_the_wait() {
    let yard = Yard::new();
    let mut child = yard.shell("sleep 1000 & echo last words; exit 3").await;
    let exit = tokio::time::timeout(LONG, child.wait()).await.expect("the wait must end");
    assert_eq!(exit.unwrap(), Exit::Code(3));
    assert_eq!(child.last_lines(), ["last words"]);
    child.kill_all().await.unwrap();
}

#[tokio::test]
async fn signalling_after_the_end_reaches_only_what_is_ours() {
    let mut yard = Yard::new();
    let mut child = yard.shell("sleep 1000 & echo left $!").await;
    let left = yard.pid("left ").await;
    child.wait().await.unwrap();
    child.signal(Signal::SIGTERM).unwrap();
    until("the one that was left is gone", || !is_alive(left)).await;
    child.signal(Signal::SIGTERM).unwrap();
}

#[tokio::test]
async fn a_dropped_child_is_killed_and_its_record_stays_for_the_sweep() {
    let mut yard = Yard::new();
    let child = yard.shell("setsid sleep 1000 & echo fled $!; wait").await;
    let (pid, fled) = (child.pid(), yard.pid("fled ").await);
    drop(child);
    until("both are gone", || !is_alive(pid) && !is_alive(fled)).await;
    assert_eq!(yard.records.list().unwrap().len(), 1);
    assert!(sweep(&yard.records).await.unwrap().is_empty(), "nothing was left to end");
    assert_eq!(yard.records.list().unwrap(), []);
}

#[tokio::test]
async fn a_caller_that_stops_waiting_for_the_start_leaves_nothing_running() {
    let yard = Yard::new();
    let spec = shell("exec sleep 1000");
    // One poll sends the order; then the caller is gone.
    tokio::select! {
        biased;
        _ = yard.launch(&spec) => panic!("it can't have answered yet"),
        () = std::future::ready(()) => {}
    }
    until("the order was carried out", || !yard.records.list().unwrap().is_empty()).await;
    let record = yard.records.list().unwrap().remove(0);
    until("its child is gone", || members(&record).unwrap().is_empty()).await;
}

#[tokio::test]
async fn the_spawning_thread_outlives_its_launcher_while_a_child_lives() {
    let mut yard = Yard::new();
    let mut child = yard.shell("echo up; exec sleep 1000").await;
    yard.line("up").await;
    yard.launcher = Launcher::start(yard.records.clone(), Handle::current()).unwrap();
    // The parent-death signal would come at once; the wait must outlast it and end for its own reason.
    assert!(tokio::time::timeout(Duration::from_millis(200), child.wait()).await.is_err());
    child.signal(Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().await.unwrap(), Exit::Signal(15));
}
