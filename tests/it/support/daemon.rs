//! A running `edgeorch up`, as a user would have it in a terminal.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::home::{Home, Ran};
use super::{Engine, processes};

/// Longer than anything here takes on a machine that does much else beside.
pub const LONG: Duration = Duration::from_secs(90);

pub struct Daemon {
    pub home: Home,
    pub port: u16,
    process: Child,
    stderr: Arc<Mutex<String>>,
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
        Daemon::run(home, port, &text)
    }

    /// Starts it with this profile, which listens on `port`.
    pub fn run(home: Home, port: u16, profile: &str) -> Daemon {
        let profile = home.profile(profile);
        let mut command = home.command(&["up", "-f", profile.to_str().unwrap()]);
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let (pipe, text) = (process.stderr.take().unwrap(), stderr.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                text.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Daemon { home, port, process, stderr }
    }

    /// Blocks until it has printed where it answers.
    pub fn wait_ready(&mut self) {
        let mut stdout = BufReader::new(self.process.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("answers for") {
            line.clear();
            let read = stdout.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended before it was ready:\n{}", self.stderr());
        }
        // Read on, so that it never writes into a closed pipe.
        std::thread::spawn(move || stdout.read_to_string(&mut String::new()));
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it has said so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
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
        Ran { code: status.code(), stdout: String::new(), stderr: self.stderr() }
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

pub fn profile(source: &str, port: u16, more: &str) -> String {
    format!(
        "apiVersion: edgeorch/v1\nkind: Profile\nmetadata: {{name: test}}\nmodels:\n  chat:\n    source: \"{source}\"\n    \
         context_size: 512\n{more}\ngateway: {{listen: \"127.0.0.1:{port}\"}}\n"
    )
}
