//! SIGTERM and SIGINT as llama-server takes them: while loading, death by the signal; then the first one waits for the
//! requests in flight and ends with 0, and a second one ends at once with 1.

use std::sync::Arc;

use nix::sys::signal::{SigSet, Signal, raise};

use crate::engine::Engine;
use crate::startup::log;

/// Blocks the signals for this thread and all that it will start.
pub fn hold() -> SigSet {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    if let Err(error) = signals.thread_block() {
        log(&format!("signals can't be held: {error}"));
    }
    signals
}

/// Starts the thread that takes them.
pub fn obey(signals: SigSet, engine: Arc<Engine>) {
    std::thread::spawn(move || {
        let mut is_stopping = false;
        while let Ok(signal) = signals.wait() {
            if engine.faults.ignore_sigterm {
                log("signal ignored");
            } else if !engine.is_loaded() {
                let _ = signals.thread_unblock();
                let _ = raise(signal);
            } else if is_stopping {
                log("received second interrupt, terminating immediately");
                std::process::exit(1);
            } else {
                is_stopping = true;
                let engine = Arc::clone(&engine);
                std::thread::spawn(move || {
                    engine.wait_until_idle();
                    log("operator(): cleaning up before exit...");
                    std::process::exit(0);
                });
            }
        }
    });
}
