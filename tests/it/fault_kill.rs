//! The daemon is ended in every state of an instance's life: by SIGTERM, by two SIGINTs, and by SIGKILL. Nothing may be
//! left, and after a SIGKILL the next daemon on the same home must work.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::ask::{self, Stream};
use crate::support::daemon::{free_port, profile};
use crate::support::engine::tiny_model;
use crate::support::file_server::FileServer;
use crate::support::{Daemon, Engine, Home, processes};

/// A daemon whose one instance is in a certain state, and what keeps it there.
struct Stage {
    state: &'static str,
    daemon: Daemon,
    _held: Option<Stream>,
}

impl Stage {
    /// Engines survive their daemon here, so that whoever ends them is edgeorch and not the kernel.
    fn launch(faults: &str) -> Daemon {
        let engine = Engine::fake(&format!("drop-pdeathsig;{faults}"));
        Daemon::launch(Home::new(&engine), &engine, "")
    }

    fn ready(faults: &str) -> Daemon {
        let mut daemon = Stage::launch(faults);
        daemon.wait_ready();
        daemon
    }

    fn in_state(state: &'static str, daemon: Daemon) -> Stage {
        daemon.until_state(state);
        Stage { state, daemon, _held: None }
    }

    fn fetching() -> Stage {
        let port = free_port();
        let source = FileServer::stalling(tiny_model()).source("slow.gguf");
        let home = Home::new(&Engine::fake(""));
        Stage::in_state("fetching", Daemon::of_profile(home, port, &profile(&source, port, "")))
    }

    fn starting() -> Stage {
        Stage::in_state("starting", Stage::launch("load=1h"))
    }

    fn probing() -> Stage {
        Stage::in_state("probing", Stage::launch("slow-token=1h"))
    }

    fn serving() -> Stage {
        Stage::in_state("ready", Stage::ready(""))
    }

    fn draining() -> Stage {
        let daemon = Stage::ready("slow-token=100ms");
        let stream = ask::stream(&daemon, 100_000);
        daemon.signal(Signal::SIGTERM);
        daemon.until_state("draining");
        Stage { state: "draining", daemon, _held: Some(stream) }
    }

    fn stopping() -> Stage {
        let daemon = Stage::ready("ignore-sigterm");
        daemon.signal(Signal::SIGTERM);
        Stage::in_state("stopping", daemon)
    }

    fn backoff() -> Stage {
        Stage::in_state("backoff", Stage::launch("crash-on-load"))
    }

    /// The program is removed while it runs, so that the restart after a crash can't be.
    fn failed() -> Stage {
        let daemon = Stage::ready("");
        std::fs::remove_file(daemon.home.outside().join("bin/llama-server")).unwrap();
        kill(Pid::from_raw(daemon.engine_pid() as i32), Signal::SIGKILL).unwrap();
        Stage::in_state("failed", daemon)
    }

    const ALL: [fn() -> Stage; 8] = [
        Stage::fetching,
        Stage::starting,
        Stage::probing,
        Stage::serving,
        Stage::draining,
        Stage::stopping,
        Stage::backoff,
        Stage::failed,
    ];
}

/// All at once: most of their time is waiting.
fn in_every_state(check: impl Fn(Stage) + Sync) {
    std::thread::scope(|scope| {
        let check = &check;
        for stage in Stage::ALL {
            scope.spawn(move || check(stage()));
        }
    });
}

#[test]
fn a_sigterm_ends_it_in_every_state() {
    in_every_state(|Stage { state, daemon, _held }| {
        daemon.signal(Signal::SIGTERM);
        let ran = daemon.ended();
        assert_eq!(ran.code, Some(0), "{state}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{state}: {}", ran.stderr);
    });
}

#[test]
fn two_interrupts_end_it_in_every_state() {
    in_every_state(|Stage { state, daemon, _held }| {
        daemon.signal(Signal::SIGINT);
        // The kernel makes one of two signals that are pending at once.
        daemon.until_said(&["Stopping:", "Ending at once."]);
        daemon.signal(Signal::SIGINT);
        let ran = daemon.ended();
        assert_eq!(ran.code, Some(130), "{state}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{state}: {}", ran.stderr);
    });
}

#[test]
fn after_a_sigkill_in_every_state_the_next_daemon_works_and_nothing_is_left() {
    in_every_state(|Stage { state, mut daemon, _held }| {
        daemon.crash();
        let before = processes::of_home(&daemon.home.path());
        let mut home = daemon.home.clone();
        let engine = Engine::fake("");
        home.set("EDGEORCH_FAKE", "");
        engine.put_back(&home);
        let next = Daemon::with(home, &engine, "");
        let left: Vec<_> = before.into_iter().filter(|pid| processes::is_alive(*pid)).collect();
        assert!(left.is_empty(), "{state}: of the killed daemon are left: {left:?}");
        assert_eq!(ask::chat(&next, 2).status, 200, "{state}");
        next.stop().is_refusal(130, &["chat is ready"]);
    });
}
