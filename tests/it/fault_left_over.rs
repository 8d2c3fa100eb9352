//! Processes that an engine started itself, in its group or in a session of its own: they end with it, however it ends.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Daemon, Engine, ask, processes};

const KINDS: [&str; 2] = ["fork-grandchild", "setsid-grandchild"];

/// All processes of the home but the daemon: the engine and what it started.
fn of_engine(daemon: &Daemon) -> Vec<u32> {
    let mut pids = processes::of_home(&daemon.home.path());
    pids.retain(|pid| *pid != daemon.pid());
    pids
}

fn start(faults: &str) -> (Daemon, Vec<u32>) {
    let daemon = Daemon::start(&Engine::fake(faults));
    let pids = of_engine(&daemon);
    assert_eq!(pids.len(), 2, "{faults}: the engine and its child: {pids:?}");
    (daemon, pids)
}

#[test]
fn a_stopped_engine_takes_its_children_with_it() {
    for kind in KINDS {
        // Nothing may be left, which `stop` proves.
        start(kind).0.stop().is_refusal(130, &[]);
    }
}

#[test]
fn a_crashed_engine_takes_its_children_with_it() {
    for kind in KINDS {
        let (daemon, before) = start(kind);
        kill(Pid::from_raw(daemon.engine_pid() as i32), Signal::SIGKILL).unwrap();
        daemon
            .until("the next launch is ready", |model| model["generation"] == 2 && model["state"] == "ready");
        let left: Vec<_> = before.into_iter().filter(|pid| processes::is_alive(*pid)).collect();
        assert!(left.is_empty(), "{kind}: of the crashed launch are left: {left:?}");
        daemon.stop().is_refusal(130, &[]);
    }
}

#[test]
fn what_a_killed_daemon_left_is_ended_and_named_by_the_next_one() {
    for kind in KINDS {
        // Without its parent-death signal the engine itself stays, too.
        let (mut daemon, before) = start(&format!("{kind},drop-pdeathsig"));
        daemon.crash();
        assert!(before.iter().all(|pid| processes::is_alive(*pid)), "{kind}: the test needs survivors");
        let mut home = daemon.home.clone();
        home.set("EDGEORCH_FAKE", "");
        let next = Daemon::with(home, &Engine::fake(""), "");
        let left: Vec<_> = before.iter().filter(|pid| processes::is_alive(**pid)).collect();
        assert!(left.is_empty(), "{kind}: of the killed daemon are left: {left:?}");
        assert_eq!(ask::chat(&next, 2).status, 200);
        let named = format!("Ended what a killed daemon had left of chat: processes {:?}", sorted(before));
        next.stop().is_refusal(130, &[&named]);
    }
}

fn sorted(mut pids: Vec<u32>) -> Vec<u32> {
    pids.sort_unstable();
    pids
}
