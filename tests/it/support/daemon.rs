//! A running `edgeorch up`, as a user would have it in a terminal.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::heard::Heard;
use super::home::{Home, Ran};
use super::{Engine, processes};

/// Longer than anything here takes on a machine that does much else beside.
pub const LONG: Duration = Duration::from_secs(90);

pub struct Daemon {
    pub home: Home,
    pub port: u16,
    process: Child,
    stdout: Heard,
    stderr: Heard,
}

impl Daemon {
    /// `up` with one model `chat`, until it says that it answers.
    pub fn start(engine: &Engine) -> Daemon {
        Daemon::with(Home::new(engine), engine, "")
    }

    /// The same with more lines for the model, such as `    parallel: 4`.
    pub fn with(home: Home, engine: &Engine, more: &str) -> Daemon {
        let mut daemon = Daemon::launch(home, engine, more);
        daemon.wait_ready();
        daemon
    }

    /// Starts it and does not wait.
    pub fn launch(home: Home, engine: &Engine, more: &str) -> Daemon {
        let port = free_port();
        let text = profile(&engine.source(&home), port, more);
        Daemon::of_profile(home, port, &text)
    }

    /// Starts it with a profile of the test's own, which lets it listen on `port`, and does not wait.
    pub fn of_profile(home: Home, port: u16, profile: &str) -> Daemon {
        let profile = home.profile(profile);
        let mut command = home.command(&["up", "-f", profile.to_str().unwrap()]);
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Heard::listen(process.stdout.take().unwrap());
        let stderr = Heard::listen(process.stderr.take().unwrap());
        Daemon { home, port, process, stdout, stderr }
    }

    /// Blocks until it has printed where it answers and what to try.
    pub fn wait_ready(&mut self) {
        while !self.stdout.so_far().contains("\ncurl ") {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before it was ready:\n{}", self.stderr.all());
            // Another process's output has no event to wait for here.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    /// What it has said so far.
    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Waits until it has said one of these: its pipe gives no event that a test could wait for beside its end.
    pub fn until_said(&self, texts: &[&str]) {
        let deadline = Instant::now() + LONG;
        while !texts.iter().any(|text| self.stderr().contains(text)) {
            assert!(Instant::now() < deadline, "it never said {texts:?}, but\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// `edgeorch ps --json`, the one model.
    pub fn model(&self) -> Value {
        self.look().unwrap_or_else(|ran| panic!("{ran:?}"))
    }

    /// The same while it may not listen to its socket yet, or no longer.
    fn look(&self) -> Result<Value, Ran> {
        let ran = self.home.run(&["ps", "--json"]);
        serde_json::from_str::<Value>(&ran.stdout).map(|models| models[0].clone()).map_err(|_| ran)
    }

    /// The engine's process.
    pub fn engine_pid(&self) -> u32 {
        self.model()["pid"].as_u64().expect("it runs") as u32
    }

    /// Asks again and again until `holds`: other processes' doings have no event to wait for.
    pub fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LONG;
        loop {
            let look = self.look();
            match look {
                Ok(model) if holds(&model) => return model,
                _ => {}
            }
            assert!(
                Instant::now() < deadline,
                "never came to be: {what}; last {look:?}; it said\n{}",
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid() as i32), signal).unwrap();
    }

    /// Waits until its model is in this state.
    pub fn until_state(&self, state: &str) -> Value {
        self.until(state, |model| model["state"] == state)
    }

    /// As the kernel's OOM killer would end it: nothing is cleaned up. What it started is ended when this is dropped.
    pub fn crash(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits for its end, and proves that nothing of it is left.
    pub fn ended(mut self) -> Ran {
        let deadline = Instant::now() + LONG;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end; it said\n{}", self.stderr());
            std::thread::sleep(Duration::from_millis(10));
        };
        let left = processes::of_home(&self.home.path());
        assert!(left.is_empty(), "left running: {left:?}");
        Ran { code: status.code(), stdout: self.stdout.all(), stderr: self.stderr.all() }
    }

    /// SIGKILL: it can do nothing about its engines any more.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ctrl-C, and what it said.
    pub fn stop(self) -> Ran {
        self.signal(Signal::SIGINT);
        self.ended()
    }
}

/// A test that fails must not leave engines behind either.
impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        for pid in processes::of_home(&self.home.path()) {
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
    }
}

/// A port that no other test of this process gets. It lies below the range from which the kernel takes the ports of
/// outgoing connections and of engines: between the asking and the daemon's own bind, one of those could take it.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 20_000) as u16;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// One thread: on a busy machine the threads of an engine wait for each other at every layer.
pub fn profile(source: &str, port: u16, more: &str) -> String {
    format!(
        "apiVersion: edgeorch/v1\nkind: Profile\nmetadata: {{name: test}}\nmodels:\n  chat:\n    source: \"{source}\"\n    \
         context_size: 512\n    threads: 1\n{more}\ngateway: {{listen: \"127.0.0.1:{port}\"}}\n"
    )
}
