//! Real processes: shells and sleepers. What they share is here; the tests are sorted by the moment of a child's life.

mod death;
mod start;
mod stop;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use edgeorch_engines::{Flag, HttpCall, LaunchSpec, Probe, ProbeAnswer, StopRecipe};
use tokio::runtime::Handle;
use tokio::sync::broadcast;

use super::members::members;
use super::*;

/// Longer than anything here takes on a busy machine; reached only by a failing test.
const LONG: Duration = Duration::from_secs(30);

/// A launcher with its folder, and a follower of everything that its children print.
struct Yard {
    dir: tempfile::TempDir,
    launcher: Launcher,
    records: Records,
    logs: Logs,
    lines: broadcast::Receiver<Line>,
}

impl Yard {
    fn new() -> Yard {
        Yard::with(cgroup::Parent::locate())
    }

    /// As on a machine that gives children no cgroup.
    fn without_cgroup() -> Yard {
        Yard::with(Err(NoCgroup::NotMounted))
    }

    fn with(cgroup: Result<cgroup::Parent, NoCgroup>) -> Yard {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(dir.path().join("children")).unwrap();
        let launcher = Launcher::start_below(cgroup, records.clone(), Handle::current()).unwrap();
        let logs = Logs::open(&dir.path().join("logs"), "test", Limits::default());
        let lines = logs.follow();
        Yard { dir, launcher, records, logs, lines }
    }

    async fn launch(&self, spec: &LaunchSpec) -> Result<Child, SpawnError> {
        self.launcher.spawn(spec, "test", self.logs.clone(), Nonce::random().unwrap()).await
    }

    async fn shell(&self, script: &str) -> Child {
        self.launch(&shell(script)).await.unwrap()
    }

    /// The rest of the next line that starts with `start`.
    async fn line(&mut self, start: &str) -> String {
        let wanted = async {
            loop {
                if let Some(rest) = self.lines.recv().await.unwrap().text.strip_prefix(start) {
                    return rest.trim().to_owned();
                }
            }
        };
        tokio::time::timeout(LONG, wanted).await.unwrap_or_else(|_| panic!("no line `{start}…`"))
    }

    async fn pid(&mut self, start: &str) -> u32 {
        self.line(start).await.parse().unwrap()
    }
}

impl Drop for Yard {
    /// The sweep that a next daemon would do, so that tests leave no empty cgroups on the machine.
    fn drop(&mut self) {
        let deadline = Instant::now() + LONG;
        for record in self.records.list().unwrap_or_default() {
            while members(&record).is_ok_and(|left| !left.is_empty()) && Instant::now() < deadline {
                std::thread::yield_now();
            }
            let _ = sweep::release_now(&record, &self.records);
        }
    }
}

fn spec(program: impl AsRef<Path>, arguments: &[&str]) -> LaunchSpec {
    let words = arguments.iter().map(|word| word.to_string()).collect();
    LaunchSpec {
        program: program.as_ref().to_owned(),
        flags: vec![Flag { words, why: "the test".to_owned() }],
        env: BTreeMap::new(),
        scrub: Vec::new(),
        port: 1,
        key: String::new(),
        readiness: Vec::new(),
        health: Probe {
            name: "health".to_owned(),
            call: HttpCall::get("/"),
            wrong_key: false,
            deadline: Duration::ZERO,
            read: |_, _| ProbeAnswer::Pass,
        },
        stop: StopRecipe { term_grace: Duration::ZERO, second_term_grace: Duration::ZERO },
        remedies: BTreeMap::new(),
    }
}

fn shell(script: &str) -> LaunchSpec {
    spec("/bin/sh", &["-c", script])
}

fn is_alive(pid: u32) -> bool {
    process::read(pid).is_some_and(|process| !process.is_zombie)
}

/// Other processes' doings have no event to wait for, so the question is asked again and again.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
