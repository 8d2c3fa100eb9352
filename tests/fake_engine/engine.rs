//! The engine's state: loaded or not, what it has counted, and the tokens that it gives.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::faults::Faults;
use crate::flags::Flags;
use crate::startup::hang;

pub struct Engine {
    pub flags: Flags,
    pub faults: Faults,
    loaded: AtomicBool,
    /// Of the whole process; faults count by it.
    tokens: AtomicU64,
    requests: AtomicU64,
    completed: AtomicU64,
    aborted: AtomicU64,
    active: Mutex<u64>,
    idle: Condvar,
}

impl Engine {
    pub fn new(flags: Flags, faults: Faults) -> Engine {
        Engine {
            flags,
            faults,
            loaded: AtomicBool::new(false),
            tokens: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            aborted: AtomicU64::new(0),
            active: Mutex::new(0),
            idle: Condvar::new(),
        }
    }

    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::SeqCst)
    }

    pub fn set_loaded(&self) {
        self.loaded.store(true, Ordering::SeqCst);
    }

    /// Runs one generation: counts it, and how it ended. `work` says whether the client took all of it.
    pub fn generation<T>(&self, work: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.change_active(|active| active + 1);
        let done = work();
        let count = if done.is_ok() { &self.completed } else { &self.aborted };
        count.fetch_add(1, Ordering::SeqCst);
        self.change_active(|active| active - 1);
        done
    }

    /// The next token of an answer, with the faults that strike between tokens.
    pub fn token(&self, index: u64) -> String {
        std::thread::sleep(self.faults.slow_token);
        let before = self.tokens.fetch_add(1, Ordering::SeqCst);
        if self.faults.crash_after_tokens.is_some_and(|limit| before >= limit) {
            self.faults.crash();
        }
        if self.faults.hang_after_tokens.is_some_and(|limit| before >= limit) {
            hang();
        }
        if index == 0 { "tok0".to_owned() } else { format!(" tok{index}") }
    }

    pub fn wait_until_idle(&self) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        while *active > 0 {
            active = self.idle.wait(active).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// `GET /fake/stats`. `environment` names what the engine would have taken as settings.
    pub fn stats(&self) -> Value {
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        let inherited: Vec<String> = std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .filter(|name| name.starts_with("LLAMA_") || name.starts_with("GGML_"))
            .collect();
        json!({
            "pid": std::process::id(),
            "requests": count(&self.requests),
            "completed": count(&self.completed),
            "aborted": count(&self.aborted),
            "tokens": count(&self.tokens),
            "environment": inherited,
        })
    }

    /// Prometheus text under llama-server's names.
    pub fn metrics(&self) -> String {
        let active = *self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (name, kind, value) in [
            ("tokens_predicted_total", "counter", self.tokens.load(Ordering::SeqCst)),
            ("requests_processing", "gauge", active),
            ("requests_deferred", "gauge", 0),
        ] {
            text += &format!(
                "# HELP llamacpp:{name} as the real one\n# TYPE llamacpp:{name} {kind}\nllamacpp:{name} {value}\n"
            );
        }
        text
    }

    fn change_active(&self, change: impl FnOnce(u64) -> u64) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        *active = change(*active);
        self.idle.notify_all();
    }
}
